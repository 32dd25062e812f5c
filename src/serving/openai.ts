/** OpenAI's shapes: what a request may say, and how answers and errors look. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { completionRequestSchema, type CompletionResponse } from '../protocol/server.ts';
import type { HostCompletion, HostRequest } from './host-types.ts';

/** Stop texts as OpenAI takes them, and `null` where clients write it for "not given". */
export const bodySchema = z.preprocess(
  (body) =>
    isRecord(body) ? Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null)) : body,
  completionRequestSchema,
);
export type Body = z.output<typeof completionRequestSchema>;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What the host is asked for the choice `index` of a request: each has a seed of its own. */
export function toHostRequest(body: Body, index: number): HostRequest {
  return {
    model: body.model,
    prompt: body.prompt,
    suffix: body.suffix,
    maxTokens: body.max_tokens,
    temperature: body.temperature,
    topP: body.top_p,
    stop: typeof body.stop === 'string' ? [body.stop] : body.stop,
    seed: body.seed === undefined ? undefined : body.seed + index,
  };
}

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

export function toResponse(envelope: Envelope, completions: readonly HostCompletion[]): CompletionResponse {
  const completionTokens = completions.reduce((sum, completion) => sum + completion.completionTokens, 0);
  const promptTokens = completions[0]?.promptTokens ?? 0;
  return {
    ...envelope,
    choices: completions.map(({ text, finishReason }, index) => ({
      index,
      text,
      finish_reason: finishReason,
    })),
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    },
  };
}

/** One piece of a streamed answer; `finish` comes with the last piece of its choice. */
export function toChunk(
  envelope: Envelope,
  index: number,
  text: string,
  finish: 'stop' | 'length' | null,
): CompletionResponse {
  return { ...envelope, choices: [{ index, text, finish_reason: finish }] };
}

export function openAiError(message: string, code: string, type = 'invalid_request_error') {
  return { error: { message, type, param: null, code } };
}
