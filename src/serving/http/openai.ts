/** OpenAI's formats of requests, answers and errors. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { reportError, describeError } from '../../text/errors.ts';
import { withTexts, type Texts } from '../../text/message.ts';
import { completionRequestSchema, type CompletionResponse } from '../../protocol/server.ts';
import type { HostCompletion, HostRequest, TokenLogProbability } from '../host-types.ts';
import { HttpError } from '../http-error.ts';
import { pieceConfidence } from '../tokens/confidence.ts';

/** A request body; fields with `null`, which clients send for "not given", are removed. */
export const bodySchema = z.preprocess(withoutNulls, completionRequestSchema);
export type Body = z.output<typeof completionRequestSchema>;

export function withoutNulls(body: unknown): unknown {
  return isRecord(body)
    ? Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
    : body;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The host's requests, one per choice: `n` for each prompt, each with its own seed. */
export function toHostRequests(body: Body): HostRequest[] {
  const prompts = Array.isArray(body.prompt) ? body.prompt : [body.prompt];
  return prompts.flatMap((prompt, at) =>
    Array.from({ length: body.n }, (_, index) => ({
      model: body.model,
      prompt,
      begun: body.begun,
      heal: body.heal,
      suffix: body.suffix,
      context: body.context,
      place: body.place,
      ...samplingOf(body, at * body.n + index),
      logprobs: body.logprobs,
      confidence: body.confidence && body.stream,
      cachePrompt: body.cache_prompt,
    })),
  );
}

/** How a choice is sampled, in completions and chats; each has its own seed. */
export const samplingOf = (
  body: Pick<
    Body,
    'max_tokens' | 'temperature' | 'top_p' | 'stop' | 'seed' | 'presence_penalty' | 'frequency_penalty'
  >,
  choice: number,
) => ({
  maxTokens: body.max_tokens,
  temperature: body.temperature,
  topP: body.top_p,
  stop: typeof body.stop === 'string' ? [body.stop] : body.stop,
  seed: body.seed === undefined ? undefined : body.seed + choice,
  presencePenalty: body.presence_penalty,
  frequencyPenalty: body.frequency_penalty,
});

export interface Envelope {
  id: string;
  object: 'text_completion';
  created: number;
  model: string;
}

export function newEnvelope(model: string): Envelope {
  return {
    id: `cmpl-${randomUUID()}`,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model,
  };
}

export function toResponse(
  envelope: Envelope,
  completions: readonly HostCompletion[],
  n: number,
): CompletionResponse {
  return {
    ...envelope,
    choices: completions.map(({ text, finishReason, logProbabilities }, index) => ({
      index,
      text,
      logprobs: logProbabilities ? toLogprobs(logProbabilities) : null,
      finish_reason: finishReason,
    })),
    usage: toUsage(completions, n),
  };
}

/** Counts each prompt once, however many answers it has. */
export function toUsage(completions: readonly HostCompletion[], n: number) {
  const sum = (of: (completion: HostCompletion) => number, list = completions) =>
    list.reduce((total, completion) => total + of(completion), 0);
  const prompts = completions.filter((_, index) => index % n === 0);
  const promptTokens = sum(({ promptTokens: tokens }) => tokens, prompts);
  const completionTokens = sum(({ completionTokens: tokens }) => tokens);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: {
      cached_tokens: sum(({ cachedTokens }) => cachedTokens, prompts),
      trimmed_tokens: sum(({ trimmedTokens }) => trimmedTokens, prompts),
    },
  };
}

function toLogprobs(logProbabilities: readonly TokenLogProbability[]) {
  return {
    tokens: logProbabilities.map(({ token }) => token),
    token_logprobs: logProbabilities.map(({ logprob }) => logprob),
    top_logprobs: logProbabilities.map(({ top }) =>
      Object.fromEntries(top.map(({ token, logprob }) => [token, logprob])),
    ),
    text_offset: logProbabilities.map(({ offset }) => offset),
  };
}

interface Piece {
  index: number;
  text: string;
  logProbabilities?: readonly TokenLogProbability[];
}

/** One piece of a streamed answer; `finish` is set in the last piece of a choice. */
export function toChunk(
  envelope: Envelope,
  { index, text, logProbabilities = [] }: Piece,
  finish: 'stop' | 'length' | null,
  body: Pick<Body, 'logprobs'>,
): CompletionResponse {
  const hasLogProbabilities = logProbabilities.length > 0;
  const logprobs = hasLogProbabilities && body.logprobs !== undefined ? toLogprobs(logProbabilities) : null;
  const confidence =
    logprobs || logProbabilities.length === 0 ? {} : { confidence: pieceConfidence(logProbabilities) };
  return { ...envelope, choices: [{ index, text, logprobs, ...confidence, finish_reason: finish }] };
}

export function openAiError(message: string, code: string, type = 'invalid_request_error', texts?: Texts) {
  return { error: { message, type, param: null, code, texts } };
}

/** An error as the body of an answer, or as an event in a stream. */
export function errorBody(error: unknown) {
  if (error instanceof HttpError)
    return openAiError(
      error.message,
      error.code,
      error.status < 500 ? 'invalid_request_error' : 'server_error',
    );
  const { message, texts } = withTexts({ message: describeError(error) });
  return openAiError(message, reportError(error).code, 'server_error', texts);
}
