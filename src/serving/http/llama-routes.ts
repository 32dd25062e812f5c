/** llama.cpp's `/infill`, `/completion` and `/tokenize`, like its own server (tools/server/README.md). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  infillRequestSchema,
  llamaRequestSchema,
  MAX_TOKENS,
  tokenizeRequestSchema,
  type LlamaRequest,
} from '../../protocol/server.ts';
import { streamEvents } from './event-stream.ts';
import type { HostCompletion, HostRequest, TokenLogProbability } from '../host-types.ts';
import { withoutNulls } from './openai.ts';
import { parseBody, type Client, type Service } from './service.ts';

const infillSchema = z.preprocess(withoutNulls, infillRequestSchema);
const llamaSchema = z.preprocess(withoutNulls, llamaRequestSchema);

export async function answerInfill(service: Service, request: FastifyRequest, reply: FastifyReply) {
  const body = parseBody(infillSchema, request.body);
  const model = service.resolveModel(body.model);
  const host: HostRequest = {
    ...toHostRequest(body, model),
    prompt: body.input_prefix,
    suffix: body.input_suffix,
    begun: body.prompt,
    context: body.input_extra,
  };
  return answer(service, { request, reply, model }, body, host);
}

export async function answerLlamaCompletion(service: Service, request: FastifyRequest, reply: FastifyReply) {
  const body = parseBody(llamaSchema, request.body);
  const model = service.resolveModel(body.model);
  return answer(service, { request, reply, model }, body, toHostRequest(body, model));
}

export async function answerTokenize(service: Service, request: FastifyRequest) {
  const { content } = parseBody(tokenizeRequestSchema, request.body);
  return { tokens: [...(await service.host.encode(content))] };
}

function toHostRequest(body: LlamaRequest, model: string): HostRequest {
  return {
    model,
    prompt: body.prompt,
    maxTokens: body.n_predict < 0 ? MAX_TOKENS : body.n_predict,
    temperature: Math.max(0, body.temperature),
    topP: body.top_p > 0 ? body.top_p : 1,
    topK: Math.max(0, body.top_k),
    minP: body.min_p,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    seed: body.seed < 0 ? undefined : body.seed,
    stop: typeof body.stop === 'string' ? [body.stop] : body.stop,
    logprobs: body.n_probs > 0 ? body.n_probs : undefined,
    cachePrompt: body.cache_prompt,
  };
}

async function answer(
  service: Service,
  client: Client,
  body: LlamaRequest,
  request: HostRequest,
): Promise<FastifyReply> {
  const whole = (completion: HostCompletion, content: string) =>
    pick(toAnswer(service, client.model, body, completion, content), body.response_fields);
  if (!body.stream) {
    const [completion] = await service.complete(client, [request]);
    return client.reply.send(completion && whole(completion, completion.text));
  }
  return streamEvents(client.reply, async (events) => {
    const [completion] = await service.complete(client, [request], {
      onText: () => (content, logProbabilities) =>
        events.send({ index: 0, content, tokens: [], stop: false, ...toProbabilities(logProbabilities) }),
    });
    if (completion) events.send(whole({ ...completion, logProbabilities: [] }, ''));
  });
}

function toAnswer(
  { host }: Service,
  model: string,
  body: LlamaRequest,
  completion: HostCompletion,
  content: string,
) {
  const { promptTokens, cachedTokens, completionTokens, trimmedTokens, stopText, finishReason } = completion;
  return {
    index: 0,
    content,
    tokens: [],
    id_slot: 0,
    stop: true,
    model,
    tokens_predicted: completionTokens,
    tokens_evaluated: promptTokens,
    generation_settings: {
      n_ctx: host.contextSize,
      n_predict: body.n_predict,
      temperature: body.temperature,
      top_k: body.top_k,
      top_p: body.top_p,
      min_p: body.min_p,
      seed: body.seed,
      stream: body.stream,
      n_probs: body.n_probs,
    },
    has_new_line: completion.text.includes('\n'),
    truncated: trimmedTokens > 0,
    tokens_trimmed: trimmedTokens,
    stop_type: finishReason === 'length' ? 'limit' : stopText === undefined ? 'eos' : 'word',
    stopping_word: stopText ?? '',
    tokens_cached: promptTokens + completionTokens,
    timings: {
      cache_n: cachedTokens,
      ...timing('prompt', promptTokens - cachedTokens, completion.promptMs ?? 0),
      ...timing('predicted', completionTokens, completion.completionMs ?? 0),
    },
    ...toProbabilities(completion.logProbabilities ?? []),
  };
}

function timing(name: string, tokens: number, milliseconds: number) {
  return {
    [`${name}_n`]: tokens,
    [`${name}_ms`]: milliseconds,
    [`${name}_per_token_ms`]: tokens > 0 ? milliseconds / tokens : 0,
    [`${name}_per_second`]: milliseconds > 0 ? (tokens * 1000) / milliseconds : 0,
  };
}

function toProbabilities(logProbabilities: readonly TokenLogProbability[]) {
  const withBytes = <T extends { token: string }>(chance: T) => ({
    ...chance,
    bytes: [...Buffer.from(chance.token)],
  });
  if (logProbabilities.length === 0) return {};
  return {
    completion_probabilities: logProbabilities.map(({ id, token, logprob, top }) => ({
      ...withBytes({ id, token, logprob }),
      top_logprobs: top.map(withBytes),
    })),
  };
}

/** Only the named fields; `a/b` is field b of a, under the name `a/b`. */
function pick(answer: Record<string, unknown>, fields?: readonly string[]): Record<string, unknown> {
  if (!fields || fields.length === 0) return answer;
  const at = (path: string) =>
    path
      .split('/')
      .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], answer);
  return Object.fromEntries(
    fields.map((field) => [field, at(field)]).filter(([, value]) => value !== undefined),
  );
}
