/**
 * Servers that answer as vLLM, llama.cpp's server, Ollama and Mistral are documented to, without a model: vLLM's
 * "OpenAI-Compatible Server" and "LoRA Adapters", llama.cpp's tools/server/README.md, Ollama's docs/openai.md,
 * Mistral's openapi.yaml. They generate `text`.
 */
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';

export interface Heard {
  url: string;
  body: Record<string, unknown>;
}

export interface OtherServer {
  address: string;
  /** Requests to generate, without those for a single token. */
  heard: Heard[];
  /** Requests whose client left before the end. */
  left: number;
  app: FastifyInstance;
}

export interface OtherOptions {
  /** The pieces of an answer. */
  pieces?: string[];
  /** Waits before each piece, in ms. */
  pauseMs?: number;
  token?: string;
  /** Has no tokens, or no template, for fill-in-the-middle. */
  noMiddle?: boolean;
  /** Lists no models, like Codestral's own address. */
  unlisted?: boolean;
}

const vllmModels = [
  { id: 'Qwen/Qwen2.5-Coder-1.5B', root: 'Qwen/Qwen2.5-Coder-1.5B', parent: null, max_model_len: 4096 },
  { id: 'garden', root: '/adapters/garden', parent: 'Qwen/Qwen2.5-Coder-1.5B' },
];

/** vLLM: errors with numbers as code; no `suffix`; adapters are models with a parent. */
export async function vllm(options: OtherOptions = {}): Promise<OtherServer> {
  const server = begin(options, (reply) => reply.code(401).send({ error: 'Unauthorized' }));
  const error = (reply: FastifyReply, code: number, message: string, type: string) =>
    reply.code(code).send({ error: { message, type, param: null, code } });
  server.app.get('/v1/models', () => ({
    object: 'list',
    data: vllmModels.map((one) => ({ object: 'model', created: 1, owned_by: 'vllm', ...one })),
  }));
  server.app.post<{ Body: Record<string, unknown> }>('/v1/completions', (request, reply) => {
    const { body } = request;
    if (!vllmModels.some(({ id }) => id === body['model']))
      return error(reply, 404, `The model \`${String(body['model'])}\` does not exist.`, 'NotFoundError');
    if (body['suffix']) return error(reply, 400, 'suffix is not currently supported', 'BadRequestError');
    return openAi(server, options, request.url, body, reply);
  });
  return listening(server);
}

/** Ollama: `suffix` by the model's own template, and an error without one; a prompt alone becomes a chat message. */
export async function ollama(options: OtherOptions = {}): Promise<OtherServer> {
  const server = begin(options, (reply) => reply.code(401).send({ error: 'unauthorized' }));
  const models = ['qwen2.5-coder:0.5b-base', 'llama3.2:latest'];
  server.app.get('/v1/models', () => ({
    object: 'list',
    data: models.map((id) => ({ id, object: 'model', created: 1, owned_by: 'library' })),
  }));
  server.app.post<{ Body: Record<string, unknown> }>('/v1/completions', (request, reply) => {
    const { body } = request;
    const fail = (code: number, message: string) =>
      reply.code(code).send({ error: { message, type: 'api_error', param: null, code: null } });
    const model = String(body['model']);
    if (!models.includes(model)) return fail(404, `model '${model}' not found`);
    if (body['suffix'] && (options.noMiddle || model.startsWith('llama3.2')))
      return fail(400, `registry.ollama.ai/library/${model} does not support insert`);
    return openAi(server, options, request.url, body, reply);
  });
  return listening(server);
}

/** llama.cpp's server: one model whatever is requested, `/infill` with its own stream; `suffix` is rejected. */
export async function llamaCpp(options: OtherOptions = {}): Promise<OtherServer> {
  const invalid = { code: 401, message: 'Invalid API Key', type: 'authentication_error' };
  const server = begin(options, (reply) => reply.code(401).send({ error: invalid }));
  const model = { id: 'StarCoder2-3B-Q4_K_M.gguf', object: 'model', created: 1, owned_by: 'llamacpp' };
  server.app.get('/v1/models', () => ({
    object: 'list',
    models: [],
    data: [{ ...model, meta: { n_ctx_train: 16384 } }],
  }));
  server.app.post<{ Body: Record<string, unknown> }>('/infill', async ({ url, body }, reply) => {
    const refusal = { code: 501, message: 'Infill is not supported by this model: prefix token is missing.' };
    if (options.noMiddle) return reply.code(501).send({ error: { ...refusal, type: 'not_supported_error' } });
    if (!body['stream']) return { index: 0, content: ' ', tokens: [], stop: true, model: model.id };
    server.heard.push({ url, body });
    const pieces = piecesOf(options);
    return stream(server, options, reply, [
      ...pieces.map((content) => ({ index: 0, content, tokens: [1], stop: false, id_slot: -1 })),
      { index: 0, content: '', tokens: [], stop: true, stop_type: 'word', stopping_word: '\n' },
    ]);
  });
  server.app.post<{ Body: Record<string, unknown> }>('/v1/completions', ({ url, body }, reply) => {
    const refusal = { code: 400, message: 'Unsupported param: suffix', type: 'invalid_request_error' };
    if (body['suffix']) return reply.code(400).send({ error: refusal });
    return openAi(server, options, url, body, reply);
  });
  return listening(server);
}

const forCode = { completion_chat: true, completion_fim: true, function_calling: true };
const mistralModels = [
  {
    id: 'mistral-large-2512',
    aliases: ['mistral-large-latest'],
    capabilities: { ...forCode, completion_fim: false },
  },
  { id: 'codestral-2508', aliases: ['codestral-latest'], capabilities: forCode },
];
/** FIMCompletionRequest in Mistral's openapi.yaml. */
const fimFields = [
  ...['model', 'temperature', 'top_p', 'max_tokens', 'stream', 'stop', 'random_seed', 'metadata', 'prompt'],
  ...['suffix', 'min_tokens'],
];

/** Mistral: a separate route, with answers like a chat's; unknown fields are rejected; no /completions. */
export async function mistral(options: OtherOptions = {}): Promise<OtherServer> {
  const server = begin(options, (reply) => reply.code(401).send({ detail: 'Unauthorized' }));
  server.app.setNotFoundHandler((_, reply) =>
    reply.code(404).send({ message: 'no Route matched with those values', request_id: '77d2' }),
  );
  const card = {
    object: 'model',
    created: 1,
    owned_by: 'mistralai',
    max_context_length: 256_000,
    type: 'base',
  };
  if (!options.unlisted)
    server.app.get('/v1/models', () => ({
      object: 'list',
      data: mistralModels.map((one) => ({ ...card, ...one })),
    }));
  server.app.post<{ Body: Record<string, unknown> }>('/v1/fim/completions', (request, reply) => {
    const { body } = request;
    const extra = Object.keys(body).filter((name) => !fimFields.includes(name));
    const detail = extra.map((name) => ({
      ...{
        type: 'extra_forbidden',
        loc: ['body', name],
        msg: 'Extra inputs are not permitted',
        input: body[name],
      },
    }));
    if (extra.length > 0)
      return reply.code(422).send({
        object: 'error',
        message: { detail },
        type: 'invalid_request_error',
        param: null,
        code: null,
      });
    const named = mistralModels.find(({ id, aliases }) => [id, ...aliases].includes(String(body['model'])));
    if (!named?.capabilities.completion_fim)
      return reply.code(400).send({
        ...{ object: 'error', message: `Invalid model: ${String(body['model'])}`, type: 'invalid_model' },
        ...{ param: null, code: '1500' },
      });
    return fimAnswer(server, options, request.url, body, reply);
  });
  return listening(server);
}

/** A chat's answer, streamed on request. */
function fimAnswer(
  server: OtherServer,
  options: OtherOptions,
  url: string,
  body: Record<string, unknown>,
  reply: FastifyReply,
) {
  const envelope = { id: '5b35cc', created: 1, model: body['model'] };
  const usage = { prompt_tokens: 8, completion_tokens: 1, total_tokens: 9 };
  if (!body['stream']) {
    const message = { role: 'assistant', content: ' ', tool_calls: null, prefix: false };
    const choices = [{ index: 0, message, finish_reason: 'length' }];
    return reply.send({ ...envelope, object: 'chat.completion', choices, usage });
  }
  server.heard.push({ url, body });
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    ...{ ...envelope, object: 'chat.completion.chunk' },
    choices: [{ index: 0, delta, finish_reason }],
  });
  return stream(server, options, reply, [
    chunk({ role: 'assistant', content: '' }),
    ...piecesOf(options).map((content) => chunk({ content })),
    { ...chunk({ content: '' }, 'stop'), usage },
    '[DONE]',
  ]);
}

const piecesOf = ({ pieces = ['a ', '+ b'] }: OtherOptions) => pieces;

function begin({ token }: OtherOptions, refuse: (reply: FastifyReply) => unknown): OtherServer {
  const app = Fastify({ forceCloseConnections: true });
  app.addHook('onRequest', async ({ headers }, reply) => {
    if (token && headers.authorization !== `Bearer ${token}`) await refuse(reply);
  });
  return { address: '', heard: [], left: 0, app };
}

async function listening(server: OtherServer): Promise<OtherServer> {
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  server.address = `http://127.0.0.1:${(server.app.server.address() as AddressInfo).port}`;
  return server;
}

/** OpenAI's answer, streamed on request; one token per four characters. */
function openAi(
  server: OtherServer,
  options: OtherOptions,
  url: string,
  body: Record<string, unknown>,
  reply: FastifyReply,
) {
  const envelope = { id: 'cmpl-1', object: 'text_completion', created: 1, model: body['model'] };
  const asked = String(body['prompt']) + String(body['suffix'] ?? '');
  const usage = { prompt_tokens: Math.ceil(asked.length / 4), completion_tokens: 1, total_tokens: 1 };
  const choice = (text: string, finish_reason: string | null) => ({
    ...envelope,
    choices: [{ index: 0, text, logprobs: null, finish_reason }],
  });
  if (!body['stream']) return reply.send({ ...choice(' ', 'length'), usage });
  server.heard.push({ url, body });
  const pieces = piecesOf(options).map((text) => choice(text, null));
  return stream(server, options, reply, [...pieces, choice('', 'stop'), '[DONE]']);
}

async function stream(
  server: OtherServer,
  { pauseMs = 0 }: OtherOptions,
  reply: FastifyReply,
  events: (object | string)[],
): Promise<FastifyReply> {
  const { raw } = reply.hijack();
  raw.on('close', () => (server.left += raw.writableFinished ? 0 : 1));
  raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  for (const event of events) {
    if (pauseMs) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    raw.write(`data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`);
  }
  raw.end();
  return reply;
}
