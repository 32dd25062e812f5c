/** Why a streamed answer ended, as our own server and others say it. */
import { expect, it } from 'vitest';
import { readStream } from '../../../src/serving/client/read-stream.ts';
import { parseEndpoint } from '../../../src/serving/remote/address.ts';
import { readRemote } from '../../../src/serving/remote/remote-stream.ts';

const done = '[DONE]';
const events = (...data: (object | string)[]) =>
  new Response(
    data.map((one) => `data: ${typeof one === 'string' ? one : JSON.stringify(one)}\n\n`).join(''),
    { headers: { 'content-type': 'text/event-stream' } },
  );
const chunk = (choice: object) => ({ choices: [{ index: 0, finish_reason: null, ...choice }] });
const ignore = () => undefined;
const remote = (response: Response) =>
  readRemote(parseEndpoint('https://gpu.example'), { response, errorMessageIn: ignore }, ignore);

const completion = (reason: string) =>
  events(chunk({ text: 'a' }), chunk({ text: '', finish_reason: reason }), { choices: [] }, done);
const chat = (reason: string) =>
  events(chunk({ delta: { content: 'a' } }), chunk({ delta: {}, finish_reason: reason }), done);
const infill = (reason: string) =>
  events({ content: 'a', stop: false }, { content: '', stop: true, stop_type: reason });
const olderInfill = (reason: string) =>
  events({ content: 'a', stop: false }, { content: '', stop: true, stopped_limit: reason === 'limit' });
const whole = (reason: string) =>
  Response.json({ choices: [{ message: { content: 'a' }, finish_reason: reason }] });

it.each([
  ['a completion', completion],
  ['a chat', chat],
])('of our server: %s', async (_, answer) => {
  expect(await readStream(answer('length'), ignore)).toEqual({ text: 'a', finishReason: 'length' });
  expect(await readStream(answer('stop'), ignore)).toEqual({ text: 'a', finishReason: 'stop' });
});

it.each([
  ['a completion', completion, 'length', 'stop'],
  ['a chat', chat, 'length', 'tool_calls'],
  ["llama.cpp's infill", infill, 'limit', 'word'],
  ["an older llama.cpp's infill", olderInfill, 'limit', 'word'],
  ['an answer that is not streamed', whole, 'length', 'stop'],
])('of another server: %s', async (_, answer, limit, other) => {
  expect(await remote(answer(limit))).toEqual({ text: 'a', finishReason: 'length' });
  expect(await remote(answer(other))).toEqual({ text: 'a', finishReason: 'stop' });
});
