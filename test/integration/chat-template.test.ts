/** Chat templates that ask for too much: they end with an error, and everything else continues. Needs dist/. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadChatTemplate } from '../../src/corpus/datasets/chat-template.ts';
import { isProcessAlive } from '../../src/runs/index.ts';
import { startServer, type RunningServer } from '../../src/serving/http/start-server.ts';
import { processes } from '../support/processes.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { until } from '../support/until.ts';

const load = (template: string) =>
  loadChatTemplate({ 'tokenizer.ggml.tokens': ['</s>'], 'tokenizer.chat_template': template });
const plain = '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}';
const asked = [
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Ho' },
];
/** A template is tried with two messages when it is loaded: this one does its harm with more. */
const later = (harm: string) => `{% if messages | length > 2 %}${harm}{% endif %}${plain}`;
const endless = '{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}';
const many = [...asked, ...asked];

describe('a chat template', () => {
  it('renders in a separate process', async () => {
    const template = await load(plain);
    expect(template.name).toBe("the base's own");
    expect((await template.render(asked)).map(({ text }) => text).join('')).toBe('user: Hi\nassistant: Ho\n');
  });

  // On a busy machine, the time limit comes first.
  it.each([
    ['a range that crashes V8', '{% for i in range(1000000000) %}{% endfor %}', /memory|10 s/],
    ['an endless list', '{{ range(100000000) | list | length }}', /memory|10 s/],
    [
      'text that keeps doubling',
      '{% set n = namespace(x="abcdefgh") %}{% for i in range(24) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}',
      /characters/,
    ],
  ])('fails on %s, and renders the next conversation', async (_, harm, why) => {
    const template = await load(later(harm));
    await expect(template.render(many)).rejects.toMatchObject({
      message: expect.stringMatching(why) as string,
    });
    expect(await template.render(asked)).toHaveLength(5);
    // Also when it is tried while loading.
    await expect(load(harm + plain)).rejects.toMatchObject({ code: 'chat-template' });
  });
});

// The next three wait for the time limit of 10 s, and do so together.
it.concurrent('an endless template fails all waiting requests at once', async () => {
  const template = await load(later(endless));
  const all = await Promise.allSettled(Array.from({ length: 40 }, () => template.render(many)));
  expect(all.every(({ status }) => status === 'rejected')).toBe(true);
});

it.runIf(process.platform === 'linux')(
  'an endless template ends with the process that asked for it',
  { concurrent: true },
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fmn-template-'));
    try {
      await writeTinyModel(join(dir, 'base.gguf'), { chatTemplate: endless });
      await writeFile(
        join(dir, 'a.js'),
        '/** Adds two numbers, both of them whole. */\nfunction add(a, b) {}\n',
      );
      const args = ['dist/cli.mjs', 'corpus', dir, '--mode', 'instruct', '--base', join(dir, 'base.gguf')];
      const env = { ...process.env, FORGET_ME_NOT_HOME: join(dir, 'home') };
      const parent = spawn(process.execPath, args, { env, stdio: 'ignore' });
      const isIts = async (pid: number) =>
        (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')).includes(`) R ${parent.pid} `);
      const child = await until('the process of the template', async () => {
        for (const { pid, args: given } of await processes())
          if (given.some((arg) => arg.endsWith('chat-template.mjs')) && (await isIts(pid))) return pid;
        return undefined;
      });
      parent.kill('SIGKILL');
      await until('its end', () => !isProcessAlive(child));
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
);

describe.concurrent('a server', () => {
  let dir: string;
  let server: RunningServer;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'fmn-template-'));
    vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'home'));
    await writeTinyModel(join(dir, 'base.gguf'), { chatTemplate: later(endless) });
    server = await startServer({
      basePath: join(dir, 'base.gguf'),
      threads: 1,
      contextSize: 256,
      token: 'a',
    });
  });
  afterAll(async () => {
    await server.close();
    vi.unstubAllEnvs();
    await rm(dir, { recursive: true, force: true });
  });
  const post = async (path: string, body: object) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
      method: 'POST',
      headers: { authorization: 'Bearer a', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  };

  it('answers other requests while a template runs, and the chat with an error at its time limit', async () => {
    let isOver = false;
    const chat = post('/v1/chat/completions', { messages: many, max_tokens: 4 }).finally(
      () => (isOver = true),
    );
    for (let i = 0; i < 3; i++)
      expect((await post('/v1/completions', { model: 'base', prompt: 'a', max_tokens: 2 })).status).toBe(200);
    expect(isOver).toBe(false);
    const { status, text } = await chat;
    expect(status).toBe(400);
    expect(text).toMatch(/chat template takes longer than 10 s/);
    expect((await post('/v1/chat/completions', { messages: asked.slice(0, 1), max_tokens: 4 })).status).toBe(
      200,
    );
  });
});
