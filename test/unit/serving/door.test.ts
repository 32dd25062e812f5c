/** Which requests are accepted, before anything is computed. There is no host: nothing gets that far here. */
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { createApp } from '../../../src/serving/http/app.ts';
import type { LlamaHost } from '../../../src/serving/host-types.ts';

const host = { statistics: { active: 0 }, models: ['base'], threads: 1 } as unknown as LlamaHost;
const token = 'a secret of this test';

it('a page whose own name resolves to this machine learns nothing, not even health', async () => {
  const app = await createApp(host, { token });
  const ask = (name: string, url = '/health') =>
    app.inject({ url, headers: { host: name, authorization: `Bearer ${token}` } });
  for (const name of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost.evil', '[::2]'])
    for (const url of ['/health', '/v1/models', '/nowhere'])
      expect([name, (await ask(name, url)).statusCode]).toEqual([name, 421]);
  for (const name of ['127.0.0.1:8080', 'localhost', 'LOCALHOST:1', '[::1]:5'])
    expect((await ask(name)).json()).toEqual({ status: 'ok', active: 0 });
  await app.close();
});

it('a chat too large to read is reported as too long; another request only as too large', async () => {
  const app = await createApp(host, { token });
  const codeOf = async (url: string) => {
    const content = 'x'.repeat(5e6);
    const answer = await app.inject({
      method: 'POST',
      url,
      headers: { authorization: `Bearer ${token}` },
      payload: { messages: [{ role: 'user', content }] },
    });
    return [answer.statusCode, answer.json().error.code];
  };
  expect(await codeOf('/v1/chat/completions')).toEqual([413, 'context_length_exceeded']);
  expect(await codeOf('/v1/completions')).toEqual([413, 'FST_ERR_CTP_BODY_TOO_LARGE']);
  await app.close();
});

it.each([
  'POST /v1/completions HTTP/1.1\r\nHost: local',
  `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: 100\r\n\r\n{`,
])(
  'a client that does not finish its request is disconnected at the timeout, not at twice that',
  async (begun) => {
    const app = await createApp(host, { token, requestTimeoutMs: 1000 });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const began = performance.now();
    const client = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    client.write(begun);
    client.resume();
    await new Promise<void>((done) => client.on('close', () => done()).on('error', () => undefined));
    const seconds = (performance.now() - began) / 1000;
    expect(seconds).toBeGreaterThan(0.9);
    expect(seconds).toBeLessThan(6);
    await app.close();
  },
);
