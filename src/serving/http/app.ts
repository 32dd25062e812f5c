/**
 * The completion server: OpenAI's and llama.cpp's completion routes on top of a llama.cpp host. start-server.ts makes
 * it listen; tests use Fastify's `inject`.
 */
import { isAbsolute } from 'node:path';
import bearerAuth from '@fastify/bearer-auth';
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { loadAdapterSchema, unloadAdapterSchema } from '../../protocol/server.ts';
import { reportError } from '../../text/errors.ts';
import { answerChat } from './chat-route.ts';
import { answerCompletions } from './completions-route.ts';
import { disconnectStalled } from './event-stream.ts';
import type { LlamaHost } from '../host-types.ts';
import type { Leases } from './leases.ts';
import { HttpError } from '../http-error.ts';
import { answerInfill, answerLlamaCompletion, answerTokenize } from './llama-routes.ts';
import { errorBody, openAiError } from './openai.ts';
import { parseBody, readyOf, Service, type ServiceOptions } from './service.ts';

/** Large enough for every sensible prompt, but not for a client that sends a whole disk. */
const BODY_LIMIT = 4 * 1024 * 1024;
const CHAT_ROUTE = '/v1/chat/completions';
const REQUEST_TIMEOUT_MS = 30_000;
/** By default, Node checks for late requests only every 30 s, so they could take twice as long. */
const TIMEOUT_CHECK_MS = 1000;

/**
 * Whether the `Host` header means this machine; with any port, because a forwarded port (SSH, a container) may
 * differ.
 */
const isLoopback = (host: string | undefined) =>
  /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i.test(host ?? '');

export interface AppOptions extends ServiceOptions {
  /** The token required in `Authorization: Bearer`. */
  token: string;
  /** If given, the route `/lease` exists, and the server ends when no client holds it any more. */
  leases?: Leases | undefined;
  /** Milliseconds within which a client has to send its request. Default 30 s. */
  requestTimeoutMs?: number;
  /** Called at every request. */
  onActivity?: () => void;
}

/** All routes except `/health` require the token. The caller disposes the host. */
export async function createApp(host: LlamaHost, options: AppOptions): Promise<FastifyInstance> {
  const { token, leases, onActivity, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
  const service = new Service(host, options);
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: true,
    http: { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: TIMEOUT_CHECK_MS },
  });
  // Comes first: a web page whose host name resolves to this machine must not even learn that there is a server.
  app.addHook('onRequest', async ({ headers: { host: name } }) => {
    if (!isLoopback(name))
      throw new HttpError(421, 'misdirected', 'Use 127.0.0.1, localhost or [::1] as host name.');
  });
  app.addHook('onRequest', async () => onActivity?.());
  app.addHook('onSend', async (_request, reply) => disconnectStalled(reply.raw));
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(openAiError(`There is no ${request.method} ${request.url}.`, 'not_found')),
  );
  app.get('/health', () => ({ status: 'ok', active: host.statistics.active, device: host.device }));
  await app.register(async (protectedApp) => {
    await protectedApp.register(bearerAuth, {
      keys: new Set([token]),
      // The plugin sends whatever this returns, but its types allow only strings.
      errorResponse: () =>
        openAiError('The bearer token is missing or wrong.', 'unauthorized', 'authentication_error') as never,
    });
    addRoutes(protectedApp, service);
    if (leases) protectedApp.get('/lease', (request, reply) => hold(leases, host, request, reply));
  });
  return app;
}

function addRoutes(app: FastifyInstance, service: Service): void {
  app.get('/v1/models', () => listModels(service));
  app.post('/v1/completions', (request, reply) => answerCompletions(service, request, reply));
  app.post(CHAT_ROUTE, (request, reply) => answerChat(service, request, reply));
  app.post('/infill', (request, reply) => answerInfill(service, request, reply));
  app.post('/completion', (request, reply) => answerLlamaCompletion(service, request, reply));
  app.post('/tokenize', (request) => answerTokenize(service, request));
  app.post('/v1/load_lora_adapter', (request) => loadAdapter(service, request));
  app.post('/v1/unload_lora_adapter', (request) => unloadAdapter(service, request));
  app.get('/metrics', (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(service.renderMetrics()),
  );
}

/** Sends the models, and keeps the connection open as long as the client needs the server. */
function hold(leases: Leases, host: LlamaHost, { socket }: FastifyRequest, reply: FastifyReply): void {
  reply.hijack();
  leases.add(reply.raw, () => readyOf(host, socket.localPort ?? 0));
}

/**
 * OpenAI's list of models with vLLM's `root` (the file) and `parent` (an adapter's base), and whether the base has
 * fill-in-the-middle tokens.
 */
function listModels({ host, since }: Service) {
  return {
    object: 'list',
    data: host.served.map(({ name, kind, path }) => ({
      id: name,
      object: 'model',
      created: since,
      owned_by: 'forget-me-not',
      root: path,
      parent: kind === 'adapter' ? 'base' : null,
      fill_in_the_middle: host.fillInTheMiddle,
    })),
  };
}

const statusOf: Partial<Record<string, number>> = {
  'bad-request': 400,
  'bad-argument': 400,
  cancelled: 499,
  'adapter-mismatch': 409,
  'adapter-damaged': 409,
  'chat-template': 400,
};

/** Fastify's own errors (broken JSON, too large a body) have a status; ours have a code, or both. */
function answerError(error: FastifyError | HttpError, request: FastifyRequest, reply: FastifyReply): void {
  // This many characters are always too many tokens for a chat, and the user should be told so.
  if (!(error instanceof HttpError) && error.statusCode === 413 && request.routeOptions.url === CHAT_ROUTE)
    return answerError(chatTooLarge(), request, reply);
  if (error instanceof HttpError) {
    if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter);
    reply.code(error.status).send(errorBody(error));
    return;
  }
  if (error.statusCode && error.statusCode < 500) {
    reply.code(error.statusCode).send(openAiError(error.message, error.code || 'bad-request'));
    return;
  }
  reply.code(statusOf[reportError(error).code] ?? 500).send(errorBody(error));
}

const chatTooLarge = () =>
  new HttpError(
    413,
    'context_length_exceeded',
    `The chat has more than ${BODY_LIMIT / 1024 / 1024} MB: shorten it or begin a new one.`,
  );

/** vLLM's `/v1/load_lora_adapter`. */
async function loadAdapter({ host }: Service, request: FastifyRequest): Promise<string> {
  const body = parseBody(loadAdapterSchema, request.body);
  const { lora_name: name, lora_path: path } = body;
  if (!isAbsolute(path))
    throw new HttpError(400, 'bad-request', `lora_path: ${path} is not an absolute path on this machine.`);
  await host.addAdapter({ name, path }, body.load_inplace);
  return `Success: LoRA adapter '${name}' added successfully.`;
}

/** vLLM's `/v1/unload_lora_adapter`. */
async function unloadAdapter({ host }: Service, request: FastifyRequest): Promise<string> {
  const { lora_name: name } = parseBody(unloadAdapterSchema, request.body);
  if (!(await host.removeAdapter(name)))
    throw new HttpError(404, 'model_not_found', `There is no adapter "${name}".`);
  return `Success: LoRA adapter '${name}' removed successfully.`;
}
