import { fork, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isProcessAlive } from '../../src/runs/index.ts';
import { readAnnouncement } from '../../src/serving/client/announcement.ts';
import { createApp } from '../../src/serving/http/app.ts';
import { ServingClient } from '../../src/serving/client/client.ts';
import { holdServer } from '../../src/serving/client/lease.ts';
import { openLlamaHost, type LlamaHost } from '../../src/serving/host/llama-host.ts';
import { startServer, type RunningServer } from '../../src/serving/http/start-server.ts';
import { startedPid } from '../support/started-pid.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let dir: string;
let host: LlamaHost;
let app: FastifyInstance;
const at = (name: string) => join(dir, name);
const token = 'a secret of this test';
const authorization = `Bearer ${token}`;
const body = { model: 'one', prompt: 'const answer =', max_tokens: 16 };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-server-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'home'));
  await writeTinyModel(at('base.gguf'));
  await writeTinyAdapter(at('one.gguf'), at('base.gguf'));
  host = await openLlamaHost({
    basePath: at('base.gguf'),
    adapters: [{ name: 'one', path: at('one.gguf') }],
    contextSize: 512,
    sequences: 2,
  });
  app = await createApp(host, { token });
});

afterAll(async () => {
  await app.close();
  await host.dispose();
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

const post = (payload: unknown, headers: Record<string, string> = { authorization }) =>
  app.inject({
    method: 'POST',
    url: '/v1/completions',
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  });

describe('access', () => {
  it("needs the token, and fails with OpenAI's error otherwise", async () => {
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: token }] as Record<
      string,
      string
    >[]) {
      const answer = await post(body, headers);
      expect(answer.statusCode).toBe(401);
      expect(answer.json()).toMatchObject({ error: { message: expect.any(String), code: 'unauthorized' } });
    }
    expect((await app.inject('/v1/models')).statusCode).toBe(401);
  });

  it('needs no token for /health, and is limited to known paths', async () => {
    expect((await app.inject('/health')).json()).toMatchObject({
      ...{ status: 'ok', active: 0 },
      device: { backend: 'cpu', devices: [], layers: 0, ofLayers: 3 },
    });
    expect((await app.inject({ url: '/etc/passwd', headers: { authorization } })).statusCode).toBe(404);
  });

  it.each([
    ['broken JSON', '{"model":', 400],
    ['no object', '[1]', 400],
    ['no prompt', { model: 'one' }, 400],
    ['negative max_tokens', { ...body, max_tokens: -1 }, 400],
    ['huge max_tokens', { ...body, max_tokens: 1e9 }, 400],
    ['too hot', { ...body, temperature: 3 }, 400],
    ['too large', { ...body, prompt: 'x'.repeat(5 * 1024 * 1024) }, 413],
  ])('refuses %s', async (_, payload, status) => {
    const answer = await post(payload);
    expect(answer.statusCode).toBe(status);
    expect(answer.json().error.message.length).toBeGreaterThan(5);
    expect((await post(body)).statusCode).toBe(200);
  });

  it('names the known models for an unknown one', async () => {
    const answer = await post({ ...body, model: 'two' });
    expect(answer.statusCode).toBe(404);
    expect(answer.json().error.message).toMatch(/"two".*base, one/);
    const models = await app.inject({ url: '/v1/models', headers: { authorization } });
    expect(models.json().data.map(({ id }: { id: string }) => id)).toEqual(['base', 'one']);
  });
});

describe('a completion', () => {
  it("is the host's, with its usage", async () => {
    const answer = (await post(body)).json();
    const direct = await host.complete({ model: 'one', prompt: body.prompt, maxTokens: 16 });
    expect(answer).toMatchObject({
      object: 'text_completion',
      model: 'one',
      choices: [{ index: 0, text: direct.text, finish_reason: direct.finishReason }],
    });
    expect(answer.usage).toEqual({
      prompt_tokens: direct.promptTokens,
      completion_tokens: direct.completionTokens,
      total_tokens: direct.promptTokens + direct.completionTokens,
      prompt_tokens_details: { cached_tokens: expect.any(Number), trimmed_tokens: 0 },
    });
  });

  it('has n choices, each from its own seed', async () => {
    const request = { ...body, n: 3, temperature: 1, seed: 40 };
    const { choices } = (await post(request)).json();
    const singles = await Promise.all(
      [40, 41, 42].map(async (seed) => (await post({ ...request, n: 1, seed })).json().choices[0].text),
    );
    expect(choices.map(({ text }: { text: string }) => text)).toEqual(singles);
  });

  it('accepts null for a missing option', async () => {
    expect((await post({ ...body, suffix: null, stop: null, seed: null })).statusCode).toBe(200);
  });

  it('is the same when streamed', async () => {
    const request = { ...body, n: 2, max_tokens: 40, temperature: 1, seed: 3, stop: ['\n'] };
    const whole = (await post(request)).json();
    const streamed = await post({ ...request, stream: true });
    expect(streamed.headers['content-type']).toMatch(/^text\/event-stream/);
    const lines = streamed.payload.trim().split('\n\n');
    expect(lines.at(-1)).toBe('data: [DONE]');
    const events = lines.slice(0, -1).map((line) => JSON.parse(line.slice('data: '.length)).choices[0]);
    expect(events.length).toBeGreaterThan(4);
    for (const choice of whole.choices) {
      const mine = events.filter(({ index }) => index === choice.index);
      expect(mine.map(({ text }) => text).join('')).toBe(choice.text);
      expect(mine.at(-1).finish_reason).toBe(choice.finish_reason);
      expect(mine.slice(0, -1).every((event) => event.finish_reason === null)).toBe(true);
    }
  });
});

describe('on a port', () => {
  let server: RunningServer;
  let url: string;
  const headers = { authorization, 'content-type': 'application/json' };

  beforeAll(async () => {
    server = await startServer({ basePath: at('base.gguf'), token, contextSize: 1024 });
    url = `http://127.0.0.1:${server.port}/v1/completions`;
  });
  afterAll(() => server.close());

  it('listens on this machine only', () => expect(server.port).toBeGreaterThan(0));

  it.each([false, true])('stops the model when the client disconnects (stream: %s)', async (stream) => {
    const cancelled = async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${server.port}/metrics`, { headers })).text();
      return Number(/^forget_me_not_requests_total\{.*outcome="cancelled"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
    };
    const before = await cancelled();
    const gone = new AbortController();
    const long = { model: 'base', prompt: 'let a = 1;\n'.repeat(60), max_tokens: 800, stream };
    const request = fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify(long),
      signal: gone.signal,
    }).then((response) => response.text());
    await vi.waitFor(() => expect(server.host.statistics.active).toBe(1), { interval: 1, timeout: 10_000 });
    gone.abort();
    await expect(request).rejects.toThrow();
    await vi.waitFor(() => expect(server.host.statistics.active).toBe(0), 10_000);
    await expect.poll(cancelled).toBe(before + 1);
  });

  it('says that a port is in use', async () => {
    await expect(startServer({ basePath: at('base.gguf'), token, port: server.port })).rejects.toMatchObject({
      code: 'port-taken',
      message: expect.stringContaining(String(server.port)),
    });
  });
});

describe('as a child', () => {
  const script = join('node_modules', '.cache', `server-under-test-${process.pid}.mjs`);
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    // As esbuild.mjs does; inside the project, so that it finds node-llama-cpp.
    await build({
      entryPoints: ['src/serving/http/server.ts'],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      external: ['node-llama-cpp', 'pyodide'],
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
    });
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(script, { force: true });
  });

  function start(...args: string[]) {
    const child = spawn(process.execPath, [script, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, FORGET_ME_NOT_TOKEN: token },
    });
    children.push(child);
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const line = new Promise<Record<string, unknown>>((resolve, reject) => {
      createInterface({ input: child.stdout! }).once('line', (text) => resolve(JSON.parse(text)));
      child.once('close', (code) => reject(new Error(`It ended with ${code}, and said nothing.`)));
    });
    return { child, exit, line };
  }

  // These two wait while a server lingers that nobody uses.
  it.concurrent('says ready, answers, and ends when its last client releases it', async () => {
    const file = at('announced.json');
    const { exit, line } = start(
      '--base',
      at('base.gguf'),
      '--adapter',
      `one=${at('one.gguf')}`,
      '--announce',
      file,
    );
    const ready = await line;
    expect(ready).toMatchObject({ type: 'ready', models: ['base', 'one'], fillInTheMiddle: true });
    const answer = await fetch(`http://127.0.0.1:${String(ready['port'])}/v1/completions`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
    const lease = await holdServer((await readAnnouncement(file))!);
    expect(lease?.ready).toEqual(ready);
    lease!.release();
    expect(await exit).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  it.concurrent('is shared by two windows, outlives one that is killed, and ends with the last', async () => {
    const windowScript = join('node_modules', '.cache', `window-${process.pid}.mjs`);
    await build({
      stdin: {
        contents: `
          import { ServingClient } from './src/serving/client/client.ts';
          import { startedPid } from './test/support/started-pid.ts';
          const client = new ServingClient({
            node: () => ({ command: process.execPath, env: {} }),
            script: ${JSON.stringify(script)},
            base: ${JSON.stringify(at('base.gguf'))},
            adapters: [{ name: process.argv[2], path: process.argv[3] }],
            log(line) {
              const pid = startedPid(line);
              if (pid !== undefined) process.send({ pid });
            },
          });
          process.on('message', (request) =>
            client.stream(request, () => undefined).then(
              ({ text }) => process.send({ text }),
              (error) => process.send({ error: String(error) })));`,
        resolveDir: process.cwd(),
      },
      outfile: windowScript,
      bundle: true,
      platform: 'node',
      format: 'esm',
    });
    const pids: number[] = [];
    const open = (name: string) => {
      const child = fork(windowScript, [name, at('one.gguf')], { execArgv: [] });
      children.push(child);
      const heard: { text?: string; error?: string }[] = [];
      child.on('message', (message: { pid?: number; text?: string; error?: string }) =>
        message.pid === undefined ? heard.push(message) : pids.push(message.pid),
      );
      const ask = async () => {
        const before = heard.length;
        child.send({ ...body, model: name });
        await vi.waitFor(() => expect(heard.length).toBeGreaterThan(before), 60_000);
        return heard.at(-1);
      };
      return { child, ask };
    };
    const first = open('mine');
    const second = open('yours');
    const { text } = await host.complete({ model: 'one', prompt: body.prompt, maxTokens: 16 });
    expect(await Promise.all([first.ask(), second.ask()])).toEqual([{ text }, { text }]);
    expect(pids).toHaveLength(1);
    first.child.kill('SIGKILL');
    // Longer than an unused server lingers.
    await new Promise((resolve) => setTimeout(resolve, 6000));
    expect(await second.ask()).toEqual({ text });
    process.kill(pids[0]!, 'SIGKILL');
    expect(await second.ask()).toEqual({ text });
    expect(pids).toHaveLength(2);
    second.child.kill('SIGKILL');
    await vi.waitFor(() => expect(isProcessAlive(pids[1]!)).toBe(false), 60_000);
    await rm(windowScript);
  });

  it.each([
    ['no base', ['--port', '0'], 'bad-argument'],
    ['a missing base', ['--base', 'nowhere.gguf'], 'base-not-found'],
    ['an unknown option', ['--base', 'x', '--fast'], 'bad-argument'],
  ])('reports a failure: %s', async (_, args, code) => {
    const { exit, line } = start(...args);
    expect(await line).toMatchObject({ type: 'failed', code });
    expect(await exit).toBe(1);
  });

  it('reports a failure if its port is in use', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => blocker.once('listening', resolve));
    const { exit, line } = start(
      '--base',
      at('base.gguf'),
      '--port',
      String((blocker.address() as AddressInfo).port),
    );
    expect(await line).toMatchObject({ type: 'failed', code: 'port-taken' });
    expect(await exit).toBe(1);
    blocker.close();
  });

  it('is started by its client, asked, cancelled, and restarted after it was killed', async () => {
    const log: string[] = [];
    const pids: number[] = [];
    const client = new ServingClient({
      node: () => ({ command: process.execPath, env: {} }),
      script,
      base: at('base.gguf'),
      adapters: [{ name: 'one', path: at('one.gguf') }],
      log(line) {
        log.push(line);
        const pid = startedPid(line);
        if (pid !== undefined) pids.push(pid);
      },
    });
    const ask = (more = {}, signal?: AbortSignal) =>
      client.stream({ ...body, ...more }, () => undefined, signal);
    try {
      expect(await client.fillInTheMiddle()).toBe(true);
      const { text } = await ask();
      expect(text).toBe((await host.complete({ model: 'one', prompt: body.prompt, maxTokens: 16 })).text);
      await expect(ask({ model: 'nobody' })).rejects.toMatchObject({
        code: 'bad-request',
        message: expect.stringContaining('base, one'),
      });
      // Takes seconds, whatever the model writes.
      const slow = { n: 64, max_tokens: 400, temperature: 1 };
      await expect(ask(slow, AbortSignal.timeout(30))).rejects.toThrow();
      // It does not answer before it is killed.
      process.kill(pids[0]!, 'SIGSTOP');
      const underway = ask();
      await new Promise((resolve) => setTimeout(resolve, 50));
      process.kill(pids[0]!, 'SIGKILL');
      expect((await underway).text).toBe(text);
      expect((await ask()).text).toBe(text);
      expect(pids).toHaveLength(2);
    } finally {
      await client.dispose();
    }
    await expect(ask()).rejects.toMatchObject({ code: 'internal' });
    expect(log.join('\n')).toContain('the completion server died');
  });
});
