/**
 * Servers that load LoRA adapters as vLLM 0.32 (with answers of one that ran on a CPU) and llama.cpp's server
 * (tools/server/README.md) do. `compute` computes their probabilities.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';

/** Probabilities after each token; `adapter`: its folder, or its number; undefined for the base. */
export type Compute = (adapter: string | number | undefined, tokens: readonly number[]) => Float32Array[];

interface LoraServer {
  app: FastifyInstance;
  url: string;
  /** Method and path of each request. */
  seen: string[];
  stop(): Promise<void>;
}

export interface VllmLike extends LoraServer {
  adapters: Map<string, string>;
}

export interface VllmLikeOptions {
  compute: Compute;
  /** Started without VLLM_ALLOW_RUNTIME_LORA_UPDATING. */
  fixed?: boolean;
  maxLogprobs?: number;
  /** Its refusal to load any adapter, or this one. */
  refuses?: string | ((name: string, path: string) => string | undefined);
  token?: string;
}

const BASE = { id: 'served-base', root: 'Example/Base-0.1B' };

export async function vllmLike(options: VllmLikeOptions): Promise<VllmLike> {
  const { compute, fixed = false, maxLogprobs = 20, refuses, token } = options;
  const server = await begin(token);
  const adapters = new Map<string, string>();
  const fail = (reply: FastifyReply, code: number, message: string, type = 'BadRequestError') =>
    reply.code(code).send({ error: { message, type, param: null, code } });
  const { app } = server;
  app.get('/v1/models', () => ({
    object: 'list',
    data: [
      { ...BASE, parent: null, max_model_len: 512 },
      ...[...adapters].map(([id, root]) => ({ id, root, parent: BASE.id, max_model_len: null })),
    ].map((one) => ({ object: 'model', created: 1, owned_by: 'vllm', permission: [], ...one })),
  }));
  type Body = { lora_name: string; lora_path: string; load_inplace?: boolean };
  app.post<{ Body: Body }>('/v1/load_lora_adapter', ({ body }, reply) => {
    if (fixed) return reply.code(404).send({ detail: 'Not Found' });
    const { lora_name: name, lora_path: path } = body;
    const refusal = typeof refuses === 'function' ? refuses(name, path) : refuses;
    if (refusal) return fail(reply, 500, refusal, 'InternalServerError');
    if (adapters.has(name))
      return fail(
        reply,
        400,
        `The lora adapter '${name}' has already been loaded. If you want to load the adapter in place, set 'load_inplace' to True.`,
        'InvalidUserInput',
      );
    if (!existsSync(join(path, 'adapter_config.json')))
      return fail(reply, 404, `Loading lora ${name} failed: No adapter found for ${path}`, 'NotFoundError');
    adapters.set(name, path);
    return reply.type('text/plain').send(`Success: LoRA adapter '${name}' added successfully.`);
  });
  app.post<{ Body: Body }>('/v1/unload_lora_adapter', ({ body }, reply) => {
    if (fixed) return reply.code(404).send({ detail: 'Not Found' });
    if (!adapters.delete(body.lora_name))
      return fail(reply, 404, `The lora adapter '${body.lora_name}' cannot be found.`, 'NotFoundError');
    return reply.type('text/plain').send(`Success: LoRA adapter '${body.lora_name}' removed successfully.`);
  });
  type Asked = { model: string; prompt: number[]; prompt_logprobs: number };
  app.post<{ Body: Asked }>('/v1/completions', ({ body }, reply) => {
    const { model, prompt, prompt_logprobs: top } = body;
    if (model !== BASE.id && !adapters.has(model))
      return fail(reply, 404, `The model \`${model}\` does not exist.`, 'NotFoundError');
    if (top > maxLogprobs)
      return fail(
        reply,
        400,
        `Requested prompt logprobs of ${top}, which is greater than max allowed: ${maxLogprobs}`,
      );
    const rows = compute(adapters.get(model), prompt).slice(0, -1);
    // The actual token is included, whatever its rank.
    const returned = rows.map((row, at) => {
      const likeliest = likeliestOf(row, top);
      const all = likeliest.includes(prompt[at + 1]!) ? likeliest : [prompt[at + 1]!, ...likeliest];
      return Object.fromEntries(
        all.map((id, rank) => [id, { logprob: Math.log(row[id]!), rank: rank + 1, decoded_token: 'x' }]),
      );
    });
    const choice = { index: 0, text: 'x', logprobs: null, finish_reason: 'length', stop_reason: null };
    return {
      ...{ id: 'cmpl-1', object: 'text_completion', created: 1, model },
      choices: [{ ...choice, prompt_logprobs: [null, ...returned] }],
      usage: { prompt_tokens: prompt.length, total_tokens: prompt.length + 1, completion_tokens: 1 },
    };
  });
  await listen(server);
  return { ...server, url: urlOf(app), adapters };
}

export interface LlamaCppLike extends LoraServer {
  scales: number[];
}

/** @param paths the adapters that it was started with */
export async function llamaCppLike(compute: Compute, paths: string[]): Promise<LlamaCppLike> {
  const server = await begin();
  const scales = paths.map(() => 0);
  const { app } = server;
  app.get('/v1/models', () => ({
    object: 'list',
    data: [{ id: 'base.gguf', object: 'model', created: 1, owned_by: 'llamacpp', meta: { n_vocab: 300 } }],
  }));
  app.get('/lora-adapters', () => paths.map((path, id) => ({ id, path, scale: scales[id]! })));
  type Scales = { id: number; scale: number }[];
  app.post<{ Body: Scales }>('/lora-adapters', ({ body }) => {
    scales.fill(0);
    for (const { id, scale } of body) scales[id] = scale;
    return { success: true };
  });
  type Asked = { prompt: number[]; n_probs: number; lora: Scales };
  app.post<{ Body: Asked }>('/completion', ({ body }) => {
    const { prompt, n_probs: top, lora } = body;
    const row = compute(lora.find(({ scale }) => scale === 1)?.id, prompt).at(-1)!;
    const returned = likeliestOf(row, top).map((id) => ({
      id,
      token: 'x',
      bytes: [120],
      logprob: Math.log(row[id]!),
    }));
    return {
      ...{ index: 0, content: 'x', tokens: [], stop: true, model: 'base.gguf', tokens_predicted: 1 },
      completion_probabilities: [{ ...returned[0], top_logprobs: returned }],
    };
  });
  await listen(server);
  return { ...server, url: urlOf(app), scales };
}

const likeliestOf = (row: Float32Array, count: number): number[] =>
  [...row.keys()].sort((a, b) => row[b]! - row[a]!).slice(0, count);

async function begin(token?: string): Promise<LoraServer> {
  const app = Fastify({ forceCloseConnections: true });
  const seen: string[] = [];
  app.addHook('onRequest', async ({ method, url, headers }, reply) => {
    seen.push(`${method} ${url}`);
    if (token && headers.authorization !== `Bearer ${token}`)
      await reply.code(401).send({ error: 'Unauthorized' });
  });
  return Promise.resolve({ app, url: '', seen, stop: () => app.close() });
}

const listen = ({ app }: LoraServer) => app.listen({ host: '127.0.0.1', port: 0 });
const urlOf = (app: FastifyInstance) => `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
