/** OpenAI's `POST /v1/chat/completions`: the chat in the base's own template, as one answer or streamed. */
import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ChatTemplate } from '../../corpus/datasets/chat-template.ts';
import { BadValue, type Message } from '../../corpus/datasets/formats.ts';
import { chatRequestSchema } from '../../protocol/server.ts';
import type { HostCompletion, HostRequest } from '../host-types.ts';
import { HttpError } from '../http-error.ts';
import { streamEvents, type EventStream } from './event-stream.ts';
import { samplingOf, toUsage, withoutNulls } from './openai.ts';
import { parseBody, type Client, type Service } from './service.ts';

const bodySchema = z.preprocess(withoutNulls, chatRequestSchema);
type Body = z.output<typeof chatRequestSchema>;

export async function answerChat(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const body = parseBody(bodySchema, request.body);
  const model = service.resolveModel(body.model);
  const client: Client = { request, reply, model, user: body.user };
  const requests = toHostRequests(
    body,
    model,
    await layOut(await service.host.chatTemplate(), body.messages),
  );
  const envelope = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model };
  if (body.stream) return stream(service, client, body, requests, envelope);
  const completions = await service.complete(client, requests);
  return reply.send({
    ...envelope,
    object: 'chat.completion',
    choices: completions.map(({ text, finishReason }, index) => ({
      index,
      message: { role: 'assistant', content: text },
      logprobs: null,
      finish_reason: finishReason,
    })),
    usage: toUsage(completions, body.n),
  });
}

/** Streams the answer, which ends with [DONE]. */
function stream(
  service: Service,
  client: Client,
  body: Body,
  requests: readonly HostRequest[],
  envelope: object,
): Promise<FastifyReply> {
  const chunk = { ...envelope, object: 'chat.completion.chunk' };
  const work = async (events: EventStream) => {
    const send = (index: number, delta: object, finish: HostCompletion['finishReason'] | null = null) =>
      events.send({ ...chunk, choices: [{ index, delta, logprobs: null, finish_reason: finish }] });
    const startedChoices = new Set<number>();
    const begin = (index: number) => {
      if (!startedChoices.has(index)) send(index, { role: 'assistant', content: '' });
      startedChoices.add(index);
    };
    const completions = await service.complete(client, requests, {
      onText: (index) => (text) => {
        begin(index);
        send(index, { content: text });
      },
      onEnd:
        (index) =>
        ({ finishReason }) => {
          begin(index);
          send(index, {}, finishReason);
        },
    });
    if (body.stream_options?.include_usage)
      events.send({ ...chunk, choices: [], usage: toUsage(completions, body.n) });
  };
  return streamEvents(client.reply, work, '[DONE]');
}

function toHostRequests(body: Body, model: string, chat: HostRequest['chat']): HostRequest[] {
  return Array.from({ length: body.n }, (_, index) => ({
    model,
    prompt: '',
    chat,
    ...samplingOf(body, index),
  }));
}

/**
 * Everything before the next answer, in the same pieces as in training (corpus/datasets/chat-template.ts). Throws
 * HttpError 400 for a chat that the template can't render, UserError `chat-template` for a template that exceeds its
 * limits.
 */
export async function layOut(
  template: ChatTemplate,
  messages: readonly Message[],
): Promise<HostRequest['chat']> {
  try {
    const pieces = await template.render([...messages, { role: 'assistant', content: ANSWER_PLACEHOLDER }]);
    const answer = pieces.findLastIndex(({ learned, text }) => learned && text === ANSWER_PLACEHOLDER);
    return pieces.slice(0, answer).map(({ text, special }) => ({ text, special: special ?? false }));
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    throw new HttpError(400, 'bad-request', `messages: ${error.message}.`);
  }
}

/** Stands for the answer. */
const ANSWER_PLACEHOLDER = 'answer';
