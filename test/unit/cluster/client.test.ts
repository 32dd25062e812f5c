/** Ray's interface, against fake servers. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { parseCluster } from '../../../src/cluster/ray/address.ts';
import { RayClient } from '../../../src/cluster/ray/client.ts';
import { RayServer } from '../../support/ray-server.ts';

const TOKEN = 'a-token-that-nobody-may-see';
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function ray(token?: string): Promise<RayServer> {
  const server = await new RayServer(token).start();
  closing.push(() => server.stop());
  return server;
}

async function other(answer: RequestListener): Promise<string> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const clientOf = (url: string, token?: string) => new RayClient({ address: parseCluster(url), token });

const failure = (work: Promise<unknown>): Promise<{ code: string; message: string }> =>
  work.then(
    () => expect.fail('it did not fail'),
    (error: { code: string; message: string }) => error,
  );

describe('a cluster', () => {
  it('reports its version', async () => {
    const server = await ray(TOKEN);
    expect(await clientOf(server.url, TOKEN).version()).toBe('2.60.0');
  });

  it('accepts a package, a job, and a request to stop it', async () => {
    const server = await ray(TOKEN);
    const client = clientOf(server.url, TOKEN);
    expect(await client.hasPackage('one.zip')).toBe(false);
    await client.putPackage('one.zip', Buffer.from('a zip'));
    expect(await client.hasPackage('one.zip')).toBe(true);
    expect(server.packages.get('one.zip')?.toString()).toBe('a zip');
    expect(await client.job('a-job')).toBeUndefined();
    const job = {
      submissionId: 'a-job',
      entrypoint: 'true',
      runtimeEnv: { pip: [] },
      metadata: { run: 'x' },
    };
    await client.submit(job);
    // Again, as after a lost answer.
    await client.submit(job);
    expect(server.requests.filter((one) => one === 'POST /api/jobs/')).toHaveLength(1);
    expect(server.jobs.get('a-job')?.request).toEqual({
      entrypoint: 'true',
      submission_id: 'a-job',
      runtime_env: { pip: [] },
      metadata: { run: 'x' },
    });
    expect(await client.job('a-job')).toEqual({ status: 'RUNNING', message: 'Job is currently running' });
    expect(await client.stop('a-job')).toBe(true);
    expect(await client.stop('a-job')).toBe(false);
    expect(await client.stop('another')).toBe(false);
    expect((await client.job('a-job'))?.status).toBe('STOPPED');
    expect(server.requests.join()).not.toContain(TOKEN);
  });
});

describe('reports in one sentence', () => {
  it('a wrong or missing token', async () => {
    const server = await ray(TOKEN);
    const wrong = await failure(clientOf(server.url, 'wrong-token').version());
    expect(wrong).toMatchObject({
      code: 'cluster-token',
      message: expect.stringContaining('rejects the token'),
    });
    const none = await failure(clientOf(server.url).version());
    expect(none).toMatchObject({
      code: 'cluster-token',
      message: expect.stringContaining('requires a token'),
    });
    // Node's own message would contain the token.
    const odd = await failure(clientOf(server.url, 'wrong\ntoken').version());
    expect(odd.code).toBe('cluster-token');
    expect(inspect([wrong, odd])).not.toMatch(/wrong.token/);
  });

  it('that no cluster answers', async () => {
    const server = await ray();
    await server.stop();
    expect(await failure(clientOf(server.url).version())).toMatchObject({
      code: 'cluster-down',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it.each([
    { version: '4', ray_version: '1.13.0' },
    { version: '4', ray_version: '3.0.0' },
    { version: '5', ray_version: '2.99.0' },
  ])('another version of Ray: %o', async (version) => {
    const server = await ray();
    server.version = version;
    expect(await failure(clientOf(server.url).version())).toMatchObject({
      code: 'cluster-version',
      message: expect.stringContaining(version.ray_version),
    });
  });

  it.each<[string, RequestListener, string]>([
    ['a web page', (_, answer) => answer.end('<html>'), 'cluster-unknown'],
    ['other JSON', (_, answer) => answer.end('{"version":4}'), 'cluster-unknown'],
    ['no such page', (_, answer) => answer.writeHead(404).end('nothing here'), 'cluster-unknown'],
    [
      'a redirect',
      (_, answer) => answer.writeHead(302, { location: 'https://elsewhere.example/' }).end(),
      'cluster-address',
    ],
    ['a broken answer', (request) => request.socket.destroy(), 'cluster-down'],
  ])('something that is not a cluster: %s', async (_, answer, code) => {
    const client = clientOf(await other(answer), TOKEN);
    for (const work of [
      client.version(),
      client.job('a-job'),
      client.stop('a-job').then(() => client.version()),
    ])
      expect((await failure(work)).code).toBe(code);
  });

  it("a cluster's error, without the token it may repeat and without Python's traceback", async () => {
    const text = `Traceback (most recent call last):\n  File "x.py", line 1\nRuntimeError: no room for ${TOKEN}.\n`;
    const url = await other((_, answer) => answer.writeHead(500).end(text));
    const error = await failure(clientOf(url, TOKEN).putPackage('one.zip', Buffer.from('x')));
    expect(error.code).toBe('cluster-failed');
    expect(error.message).toContain('failed: RuntimeError: no room for ….');
    expect(inspect(error)).not.toContain(TOKEN);
  });

  it('a package that is too large', async () => {
    const url = await other((request, answer) => {
      request.resume();
      request.on('end', () => answer.writeHead(413).end('Maximum request body size 104857600 exceeded'));
    });
    expect((await failure(clientOf(url).putPackage('one.zip', Buffer.alloc(1000)))).code).toBe(
      'cluster-limit',
    );
  });
});
