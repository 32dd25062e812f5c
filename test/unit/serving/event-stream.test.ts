/** What clients receive if an answer takes long to begin. */
import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { streamEvents, type EventStream } from '../../../src/serving/http/event-stream.ts';
import { HttpError } from '../../../src/serving/http-error.ts';
import { until } from '../../support/until.ts';

async function answerOf(work: (events: EventStream) => Promise<void>, signMs?: number) {
  const app = Fastify();
  app.get('/', (_request, reply) => streamEvents(reply, work, '[DONE]', signMs));
  try {
    return await app.inject('/');
  } finally {
    await app.close();
  }
}
const tooLong = () => new HttpError(400, 'context_length_exceeded', 'The chat has 9 tokens.');

it('keep-alives come before the first piece, and a later error is an event with its code', async () => {
  const begun = (events: EventStream) => until('a sign of life', () => events.hasStarted);
  const answer = await answerOf(async (events) => {
    await begun(events);
    events.send({ piece: 1 });
  }, 1);
  expect(answer.body).toMatch(/^(: working\n\n)+data: \{"piece":1\}\n\n(: working\n\n)*data: \[DONE\]\n\n$/);
  const failed = await answerOf((events) => begun(events).then(() => Promise.reject(tooLong())), 1);
  expect(failed.statusCode).toBe(200);
  expect(failed.body).toMatch(/data: .*"code":"context_length_exceeded"/);
});

it('an immediate error still has its status', async () => {
  expect(
    (await answerOf(() => Promise.reject(Object.assign(tooLong(), { statusCode: 400 })))).statusCode,
  ).toBe(400);
});
