/**
 * The completion server: OpenAI's and llama.cpp's completions over a llama.cpp host. Listening is start-server.ts;
 * `inject` tests it.
 */
import bearerAuth from '@fastify/bearer-auth';
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { reportError } from '../../protocol/errors.ts';
import type { ServerReady } from '../../protocol/server.ts';
import { loadAdapter, unloadAdapter } from './adapter-routes.ts';
import { answerCompletions } from './completions-route.ts';
import { dropUnlessRead } from './event-stream.ts';
import type { LlamaHost } from '../engine/host-types.ts';
import type { Leases } from './leases.ts';
import { HttpError } from '../http-error.ts';
import { answerInfill, answerLlamaCompletion, answerTokenize } from './llama-routes.ts';
import { errorBody, openAiError } from './openai.ts';
import { Service, type ServiceOptions } from './service.ts';

/** A prompt of any sane editor fits; a client that sends a whole disk does not. */
const BODY_LIMIT = 4 * 1024 * 1024;
const SENDING_MS = 30_000;
/** Node looks for those that are late only every 30 s by itself, and would end them after up to twice their time. */
const CHECKING_MS = 1000;

/** As `Host` names the server, with any port: who forwards one (SSH, a container) has another. */
const isLoopback = (host: string | undefined) =>
  /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i.test(host ?? '');

export interface AppOptions extends ServiceOptions {
  /** What `Authorization: Bearer` must say. */
  token: string;
  /** For a server that ends when nobody holds it any more; then there is `/lease`. */
  leases?: Leases | undefined;
  /** Milliseconds that a client has to send its request. Default 30 s. */
  sendingMs?: number;
  /** Called at every request. */
  onActivity?: () => void;
}

/** All routes want the token but `/health`. The host stays the caller's. */
export async function createApp(host: LlamaHost, options: AppOptions): Promise<FastifyInstance> {
  const { token, leases, onActivity, sendingMs = SENDING_MS } = options;
  const service = new Service(host, options);
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    requestTimeout: sendingMs,
    forceCloseConnections: true,
    http: { headersTimeout: sendingMs, connectionsCheckingInterval: CHECKING_MS },
  });
  // Before all else: a page that has its own name resolve to this machine must not even learn that a server is here.
  app.addHook('onRequest', async ({ headers: { host: name } }) => {
    if (!isLoopback(name)) throw new HttpError(421, 'misdirected', 'Ask as 127.0.0.1, localhost or [::1].');
  });
  app.addHook('onRequest', async () => onActivity?.());
  app.addHook('onSend', async (_request, reply) => dropUnlessRead(reply.raw));
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(openAiError(`There is no ${request.method} ${request.url}.`, 'not_found')),
  );
  app.get('/health', () => ({ status: 'ok', active: host.statistics.active }));
  await app.register(async (protectedApp) => {
    await protectedApp.register(bearerAuth, {
      keys: new Set([token]),
      // The plugin sends whatever this returns; its types know strings only.
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
  app.post('/infill', (request, reply) => answerInfill(service, request, reply));
  app.post('/completion', (request, reply) => answerLlamaCompletion(service, request, reply));
  app.post('/tokenize', (request) => answerTokenize(service, request));
  app.post('/v1/load_lora_adapter', (request) => loadAdapter(service, request));
  app.post('/v1/unload_lora_adapter', (request) => unloadAdapter(service, request));
  app.get('/metrics', (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(service.renderMetrics()),
  );
}

/** Tells what there is, and keeps the connection open for as long as the client has use for the server. */
function hold(leases: Leases, host: LlamaHost, { socket }: FastifyRequest, reply: FastifyReply): void {
  const ready: ServerReady = {
    type: 'ready',
    port: socket.localPort ?? 0,
    models: [...host.models],
    fillInTheMiddle: host.fillInTheMiddle,
  };
  reply.hijack();
  leases.add(reply.raw, ready);
}

/** OpenAI's list, with vLLM's `root` and `parent`: an adapter's file, and the base it is on. */
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
    })),
  };
}

const statusOf: Partial<Record<string, number>> = {
  'bad-request': 400,
  'bad-argument': 400,
  cancelled: 499,
  'adapter-mismatch': 409,
  'adapter-damaged': 409,
};

/** Fastify's own errors (broken JSON, too large a body) carry a status; ours a code, or both. */
function answerError(error: FastifyError | HttpError, _request: unknown, reply: FastifyReply): void {
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
