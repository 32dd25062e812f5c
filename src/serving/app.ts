/** The completion server: OpenAI's completions over a llama.cpp host. Listening is start-server.ts; `inject` tests it. */
import bearerAuth from '@fastify/bearer-auth';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { formatError, reportError, UserError } from '../protocol/errors.ts';
import type { HostCompletion, LlamaHost } from './host-types.ts';
import {
  bodySchema,
  newEnvelope,
  openAiError,
  toChunk,
  toHostRequest,
  toResponse,
  type Body,
  type Envelope,
} from './openai.ts';

/** A prompt of any sane editor fits; a client that sends a whole disk does not. */
const BODY_LIMIT = 4 * 1024 * 1024;
/** Bytes that may wait for a client that reads too slowly, before its request is ended. */
const SLOW_CLIENT_LIMIT = 1024 * 1024;

export interface AppOptions {
  /** What `Authorization: Bearer` must say. */
  token: string;
  /** Called at every request. */
  onActivity?: () => void;
}

/** `/v1/completions`, `/v1/models` (with token) and `/health` (without). The host stays the caller's. */
export async function createApp(
  host: LlamaHost,
  { token, onActivity }: AppOptions,
): Promise<FastifyInstance> {
  const app = Fastify({ bodyLimit: BODY_LIMIT, forceCloseConnections: true });
  app.addHook('onRequest', async () => onActivity?.());
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
    protectedApp.get('/v1/models', () => ({
      object: 'list',
      data: host.models.map((id) => ({ id, object: 'model', created: 0, owned_by: 'forget-me-not' })),
    }));
    protectedApp.post('/v1/completions', (request, reply) => answerCompletion(host, request.body, reply));
  });
  return app;
}

async function answerCompletion(host: LlamaHost, json: unknown, reply: FastifyReply): Promise<FastifyReply> {
  const parsed = bodySchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return reply
      .code(400)
      .send(
        openAiError(
          `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'not understood'}`,
          'bad-request',
        ),
      );
  }
  const body = parsed.data;
  if (!host.models.includes(body.model))
    return reply
      .code(404)
      .send(
        openAiError(
          `There is no model "${body.model}". There are: ${host.models.join(', ')}.`,
          'model_not_found',
        ),
      );
  const gone = new AbortController();
  // 'close' without 'finish': the client went away, and nobody needs the rest.
  reply.raw.on('close', () => {
    if (!reply.raw.writableFinished)
      gone.abort(new UserError('cancelled', 'The client closed the connection.', 'Ask again.'));
  });
  if (body.stream) return stream(host, body, reply, gone);
  const completions = await completeAll(host, body, gone);
  return reply.send(toResponse(newEnvelope(body.model), completions));
}

/** All `n` choices at once; the host has as many run together as it has sequences. One that fails ends the others. */
async function completeAll(
  host: LlamaHost,
  body: Body,
  gone: AbortController,
  onText?: (index: number, piece: string) => void,
  onEnd?: (index: number, completion: HostCompletion) => void,
): Promise<HostCompletion[]> {
  const one = async (index: number) => {
    const completion = await host.complete(toHostRequest(body, index), gone.signal, (piece) =>
      onText?.(index, piece),
    );
    onEnd?.(index, completion);
    return completion;
  };
  try {
    return await Promise.all(Array.from({ length: body.n }, (_, index) => one(index)));
  } catch (error) {
    gone.abort(error);
    throw error;
  }
}

/** Server-sent events, ended by [DONE]. An error in mid-stream is an event of its own: the status is sent already. */
async function stream(
  host: LlamaHost,
  body: Body,
  reply: FastifyReply,
  gone: AbortController,
): Promise<FastifyReply> {
  const envelope: Envelope = newEnvelope(body.model);
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  const send = (event: unknown) => {
    raw.write(`data: ${JSON.stringify(event)}\n\n`);
    if (raw.writableLength > SLOW_CLIENT_LIMIT) raw.destroy();
  };
  try {
    await completeAll(
      host,
      body,
      gone,
      (index, piece) => send(toChunk(envelope, index, piece, null)),
      (index, { finishReason }) => send(toChunk(envelope, index, '', finishReason)),
    );
    raw.end('data: [DONE]\n\n');
  } catch (error) {
    if (!raw.destroyed)
      raw.end(
        `data: ${JSON.stringify(openAiError(formatError(error), reportError(error).code, 'server_error'))}\n\n`,
      );
  }
  return reply;
}

const statusOf: Partial<Record<string, number>> = {
  'bad-request': 400,
  cancelled: 499,
  'adapter-mismatch': 409,
  'adapter-damaged': 409,
};

/** Fastify's own errors (broken JSON, too large a body) carry a status; ours a code. */
function answerError(error: FastifyError, _request: unknown, reply: FastifyReply): void {
  if (error.statusCode && error.statusCode < 500) {
    reply.code(error.statusCode).send(openAiError(error.message, error.code || 'bad-request'));
    return;
  }
  const { code, message, next } = reportError(error);
  reply.code(statusOf[code] ?? 500).send(openAiError(`${message} ${next}`, code, 'server_error'));
}
