/** OpenAI's `POST /v1/completions`, as one answer or streamed. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { streamEvents, type EventStream } from './event-stream.ts';
import {
  bodySchema,
  newEnvelope,
  toChunk,
  toHostRequests,
  toResponse,
  toUsage,
  type Body,
} from './openai.ts';
import { parseBody, type Client, type Service } from './service.ts';

export async function answerCompletions(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const body = parseBody(bodySchema, request.body);
  const client: Client = { request, reply, model: service.resolveModel(body.model), user: body.user };
  if (body.stream) return stream(service, client, body);
  const completions = await service.complete(client, toHostRequests(body));
  return reply.send(toResponse(newEnvelope(body.model), completions, body.n));
}

/** Streams the answer, which ends with [DONE]. */
function stream(service: Service, client: Client, body: Body): Promise<FastifyReply> {
  const envelope = newEnvelope(body.model);
  const work = async (events: EventStream) => {
    const completions = await service.complete(client, toHostRequests(body), {
      onText: (index) => (text, logProbabilities) =>
        events.send(toChunk(envelope, { index, text, logProbabilities }, null, body)),
      onEnd:
        (index) =>
        ({ finishReason }) =>
          events.send(toChunk(envelope, { index, text: '' }, finishReason, body)),
    });
    if (body.stream_options?.include_usage)
      events.send({ ...envelope, choices: [], usage: toUsage(completions, body.n) });
  };
  return streamEvents(client.reply, work, '[DONE]');
}
