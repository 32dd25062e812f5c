/** The server with other tools: OpenAI's own client, llama.cpp's requests, Prometheus; and with misbehaving clients. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startServer, type RunningServer } from '../../src/serving/http/start-server.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let dir: string;
let server: RunningServer;
let client: OpenAI;
const token = 'a secret of this test';
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
const prompt = 'export function add(a: number, b: number) {\n  return';
const url = (path: string) => `http://127.0.0.1:${server.port}${path}`;
const post = (path: string, body: unknown, signal?: AbortSignal) =>
  fetch(url(path), {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
const json = async (path: string, body: unknown) => (await post(path, body)).json() as Promise<any>; // oxlint-disable-line @typescript-eslint/no-explicit-any

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-api-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'home'));
  await writeTinyModel(join(dir, 'base.gguf'));
  await writeTinyAdapter(join(dir, 'one.gguf'), join(dir, 'base.gguf'));
  server = await startServer({
    basePath: join(dir, 'base.gguf'),
    adapters: [{ name: 'one', path: join(dir, 'one.gguf') }],
    contextSize: 512,
    threads: 1,
    queue: 8,
    token,
  });
  client = new OpenAI({ apiKey: token, baseURL: url('/v1'), maxRetries: 0 });
});
afterAll(async () => {
  await server.close();
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

describe("OpenAI's client", () => {
  it('lists models', async () => {
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id)).toEqual(['base', 'one']);
  });

  it('gets a completion, whole and streamed', async () => {
    const request = { model: 'one', prompt, max_tokens: 24 };
    const whole = await client.completions.create(request);
    expect(whole.choices[0]!.text.length).toBeGreaterThan(0);
    expect(whole.usage!.prompt_tokens).toBe((await server.host.encode(prompt)).length);
    const pieces: string[] = [];
    let usage: unknown;
    for await (const chunk of await client.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    })) {
      pieces.push(chunk.choices[0]?.text ?? '');
      usage = chunk.usage ?? usage;
    }
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.join('')).toBe(whole.choices[0]!.text);
    expect(usage).toMatchObject({ completion_tokens: whole.usage!.completion_tokens });
  });

  it('chats with two adapters at once, whole and streamed', async () => {
    const messages = [
      { role: 'system' as const, content: 'Be short.' },
      { role: 'user' as const, content: [{ type: 'text' as const, text: 'What does add do?' }] },
    ];
    const ask = { messages, max_tokens: 16, temperature: 0 };
    const answers = await Promise.all(
      ['base', 'one'].map(async (model) => {
        const whole = await client.chat.completions.create({ ...ask, model });
        const pieces: string[] = [];
        let role: string | undefined;
        let finish: string | null = null;
        for await (const { choices } of await client.chat.completions.create({
          ...ask,
          model,
          stream: true,
        })) {
          role ??= choices[0]!.delta.role;
          pieces.push(choices[0]!.delta.content ?? '');
          finish = choices[0]!.finish_reason;
        }
        expect(whole.object).toBe('chat.completion');
        expect(whole.choices[0]!.message.role).toBe('assistant');
        expect(pieces.join('')).toBe(whole.choices[0]!.message.content);
        expect([role, finish]).toEqual(['assistant', whole.choices[0]!.finish_reason]);
        return whole.choices[0]!.message.content;
      }),
    );
    expect(answers[0]).not.toBe(answers[1]);
    // ChatML has five special tokens between these texts.
    const texts = ['system\n', 'Be short.', '\n', 'user\n', 'What does add do?', '\n', 'assistant\n'];
    const { usage } = await client.chat.completions.create({ ...ask, model: 'one' });
    const tokens = await Promise.all(texts.map((text) => server.host.encode(text)));
    expect(usage!.prompt_tokens).toBe(tokens.reduce((sum, { length }) => sum + length, 5));
  });

  it.each([
    ['tools', { tools: [{ type: 'function', function: { name: 'f' } }] }, 'tools are not supported'],
    ['a format', { response_format: { type: 'json_object' } }, 'plain text'],
    [
      'an image',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
      'only text',
    ],
    ['a result of a tool', { messages: [{ role: 'tool', content: 'x' }] }, 'tools are not supported'],
    ['no message', { messages: [] }, 'messages'],
    ['too long a chat', { messages: [{ role: 'user', content: 'word '.repeat(2000) }] }, 'shorten it'],
  ])('is refused a chat with %s, and told why', async (_, part, why) => {
    const messages = [{ role: 'user', content: 'Hello' }];
    const response = await post('/v1/chat/completions', { messages, ...part });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(why);
  });

  it('gets the log-probabilities of the distributions', async () => {
    const { choices } = await client.completions.create({ model: 'one', prompt, max_tokens: 6, logprobs: 3 });
    const { tokens, token_logprobs, top_logprobs, text_offset } = choices[0]!.logprobs!;
    const [row] = (await server.host.distributions('one', await server.host.encode(prompt))).slice(-1);
    const best = [...row!].sort((a, b) => b - a).slice(0, 3);
    const tops = Object.values(top_logprobs![0]!).sort((a, b) => b - a);
    tops.forEach((logprob, index) => expect(logprob).toBeCloseTo(Math.log(best[index]!), 3));
    expect(token_logprobs![0]).toBeCloseTo(Math.log(best[0]!), 3);
    expect(Object.keys(top_logprobs![0]!)).toContain(tokens![0]);
    expect(text_offset![0]).toBe(0);
    // Taken before temperature is applied, so the same as without it.
    const hot = await client.completions.create({
      model: 'one',
      prompt,
      max_tokens: 1,
      logprobs: 3,
      temperature: 1.5,
      seed: 4,
    });
    const first = Object.values(hot.choices[0]!.logprobs?.top_logprobs?.[0] ?? {}).sort((a, b) => b - a);
    first.forEach((logprob, index) => expect(logprob).toBeCloseTo(tops[index]!, 3));
  });

  it('streams the same log-probabilities', async () => {
    const request = { model: 'one', prompt, max_tokens: 20, logprobs: 2 };
    const whole = (await client.completions.create(request)).choices[0]!;
    const pieces = [];
    for await (const { choices } of await client.completions.create({ ...request, stream: true }))
      pieces.push(...(choices[0]?.logprobs?.token_logprobs ?? []));
    expect(pieces.length).toBe(whole.logprobs!.token_logprobs!.length);
    pieces.forEach((logprob, index) =>
      expect(logprob).toBeCloseTo(whole.logprobs!.token_logprobs![index]!, 3),
    );
  });

  it('gets the probability of each piece on request, for the same text', async () => {
    const request = { model: 'one', prompt, max_tokens: 20 };
    const { text, logprobs } = (await client.completions.create({ ...request, logprobs: 0 })).choices[0]!;
    const pieces: { text: string; confidence?: number }[] = [];
    for await (const { choices } of await client.completions.create({
      ...request,
      stream: true,
      confidence: true,
    } as typeof request & { stream: true }))
      pieces.push(choices[0]!);
    expect(pieces.map((piece) => piece.text).join('')).toBe(text);
    const total = pieces.reduce((sum, { confidence = 0 }) => sum + confidence, 0);
    const exact = logprobs!.token_logprobs!.reduce((sum, logprob) => sum + logprob!, 0);
    // Only the 40 most likely tokens count, so each probability is a little too high.
    expect(total).toBeGreaterThan(exact - 0.01);
    expect(total).toBeLessThan(0);
  });

  it('gets answers to several prompts', async () => {
    const prompts = ['const a =', 'let b ='];
    const { choices } = await client.completions.create({
      model: 'one',
      prompt: prompts,
      n: 2,
      max_tokens: 8,
    });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const single = await client.completions.create({ model: 'one', prompt: prompts[1]!, max_tokens: 8 });
    expect(choices[2]!.text).toBe(single.choices[0]!.text);
  });

  it('throws its own errors', async () => {
    await expect(client.completions.create({ model: 'none', prompt })).rejects.toBeInstanceOf(
      OpenAI.NotFoundError,
    );
    await expect(client.completions.create({ model: 'one', prompt, max_tokens: -5 })).rejects.toBeInstanceOf(
      OpenAI.BadRequestError,
    );
    await expect(client.completions.create({ model: 'one', prompt, echo: true })).rejects.toThrow(/echo/);
    const stranger = new OpenAI({ apiKey: 'wrong', baseURL: url('/v1'), maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  });
});

describe("llama.cpp's client", () => {
  const infill = {
    input_prefix: 'function add(a, b) {\n',
    input_suffix: '\n}\n',
    prompt: '  return ',
    n_predict: 12,
    temperature: 0,
    // As llama.vim sends them; some have no meaning here.
    samplers: ['top_k', 'top_p', 'infill'],
    t_max_prompt_ms: 500,
    cache_prompt: true,
  };

  it("gets an infill in the form of llama.cpp's server", async () => {
    const answer = await json('/infill', infill);
    const direct = await server.host.complete({
      model: 'one',
      prompt: infill.input_prefix,
      suffix: infill.input_suffix,
      begun: infill.prompt,
      maxTokens: 12,
    });
    expect(answer).toMatchObject({
      content: direct.text,
      stop: true,
      model: 'one',
      tokens_predicted: direct.completionTokens,
      tokens_evaluated: direct.promptTokens,
      truncated: false,
      stop_type: direct.finishReason === 'length' ? 'limit' : 'eos',
      generation_settings: { n_ctx: 512 },
      timings: { predicted_n: direct.completionTokens },
    });
    const texts = [infill.input_prefix, infill.input_suffix, infill.prompt];
    const tokens = await Promise.all(texts.map((text) => server.host.encode(text)));
    expect(direct.promptTokens).toBe(tokens.reduce((sum, { length }) => sum + length, 3));
  });

  it('gets a stream whose last piece has stop', async () => {
    const text = await (await post('/infill', { ...infill, stream: true, n_probs: 2 })).text();
    const events = text
      .trim()
      .split('\n\n')
      .map((line) => JSON.parse(line.slice('data: '.length)));
    expect(events.map(({ stop }) => stop)).toEqual([...events.slice(1).map(() => false), true]);
    expect(events.map(({ content }) => content).join('')).toBe((await json('/infill', infill)).content);
    expect(events[0].completion_probabilities[0].top_logprobs).toHaveLength(2);
  });

  it('warms the cache, sends other files, and selects fields', async () => {
    const extra = [{ filename: 'sum.ts', text: 'export const sum = (list) => list.reduce(add);' }];
    const fields = ['content', 'timings/cache_n', 'nothing'];
    const warm = { ...infill, input_extra: extra, n_predict: 0 };
    expect(await json('/infill', warm)).toMatchObject({ content: '', tokens_predicted: 0 });
    const answer = await json('/infill', { ...infill, input_extra: extra, response_fields: fields });
    expect(Object.keys(answer)).toEqual(['content', 'timings/cache_n']);
    expect(answer['timings/cache_n']).toBeGreaterThan((await server.host.encode(extra[0]!.text)).length);
  });

  it('gets completions and token counts', async () => {
    const answer = await json('/completion', { model: 'base', prompt, n_predict: 8, temperature: 0 });
    const direct = await server.host.complete({ model: 'base', prompt, maxTokens: 8 });
    expect(answer.content).toBe(direct.text);
    expect((await json('/tokenize', { content: prompt })).tokens).toEqual([
      ...(await server.host.encode(prompt)),
    ]);
    expect((await post('/infill', { ...infill, n_predict: -7 })).status).toBe(400);
    expect((await post('/infill', { ...infill, n_predict: 1e9 })).status).toBe(400);
  });

  it('is told what was truncated', async () => {
    const long = Array.from({ length: 400 }, (_, index) => `const v${index} = ${index};\n`).join('');
    const answer = await json('/infill', { ...infill, input_prefix: long });
    expect(answer.truncated).toBe(true);
    expect(answer.tokens_trimmed).toBeGreaterThan(1000);
    expect(answer.tokens_evaluated).toBeLessThan(512);
    const { usage } = await json('/v1/completions', { model: 'one', prompt: long, max_tokens: 4 });
    expect(usage.prompt_tokens_details.trimmed_tokens).toBeGreaterThan(1000);
    const metrics = await (await fetch(url('/metrics'), { headers })).text();
    expect(metrics).toMatch(/^forget_me_not_trimmed_prompts_total\{model="one"\} [2-9]/m);
  });
});

describe('a misbehaving client', () => {
  const long = { model: 'one', prompt: 'x = 1\n'.repeat(60), max_tokens: 400 };
  const idle = () =>
    vi.waitFor(() => expect(server.host.statistics.active).toBe(0), { timeout: 10_000, interval: 20 });

  it('that asks too often is told when to retry, and earlier requests are answered', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => post('/v1/completions', { ...long, max_tokens: 60 })),
    );
    const statuses = answers.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(8);
    const refused = answers.find(({ status }) => status === 429)!;
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await refused.json()).toMatchObject({ error: { code: 'too_many_requests' } });
    await Promise.all(answers.filter((answer) => answer !== refused).map((answer) => answer.text()));
    await idle();
  });

  it('that opens a thousand connections does not block others', async () => {
    const sockets = await Promise.all(
      Array.from(
        { length: 1000 },
        () =>
          new Promise<Socket>((resolve, reject) => {
            const socket = connect(server.port, '127.0.0.1', () => resolve(socket)).once('error', reject);
          }),
      ),
    );
    const request = `POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n`;
    for (const socket of sockets) socket.write(request);
    const { choices } = await json('/v1/completions', { model: 'one', prompt, max_tokens: 4 });
    expect(choices).toHaveLength(1);
    for (const socket of sockets) socket.destroy();
  });

  it('that never reads does not block others', async () => {
    const body = JSON.stringify({ ...long, n: 8, stream: true, logprobs: 20, temperature: 1 });
    const { requests } = server.host.statistics;
    const socket = connect(server.port, '127.0.0.1');
    socket.pause();
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await vi.waitFor(() => expect(server.host.statistics.requests).toBeGreaterThan(requests), 10_000);
    const { choices } = await json('/v1/completions', { model: 'base', prompt, max_tokens: 4 });
    expect(choices).toHaveLength(1);
    socket.destroy();
    await idle();
  });

  it('that leaves in mid-prompt frees the model', async () => {
    const leaving = new AbortController();
    const metrics = async () => (await fetch(url('/metrics'), { headers })).text();
    const generated = async () =>
      /^forget_me_not_completion_tokens_total\{model="one"\} \d+$/m.exec(await metrics())?.[0];
    const before = await generated();
    const request = post(
      '/v1/completions',
      { ...long, prompt: 'some other = prompt\n'.repeat(60) },
      leaving.signal,
    );
    await vi.waitFor(() => expect(server.host.statistics.active).toBe(1), {
      interval: 1,
      timeout: 10_000,
    });
    leaving.abort();
    await expect(request).rejects.toThrow();
    await idle();
    expect(await generated()).toBe(before);
    expect(await metrics()).toMatch(/forget_me_not_requests_total\{.*outcome="cancelled"\} [1-9]/);
    expect(await metrics()).toMatch(/^forget_me_not_requests_running 0$/m);
  });

  it('that takes too long is cut off', async () => {
    const hasty = await startServer({
      basePath: join(dir, 'base.gguf'),
      threads: 1,
      timeoutSeconds: 0.05,
      contextSize: 1024,
      token,
    });
    const answer = await fetch(`http://127.0.0.1:${hasty.port}/v1/completions`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ model: 'base', prompt, max_tokens: 900, n: 64, temperature: 2 }),
    });
    expect(answer.status).toBe(504);
    expect(await answer.json()).toMatchObject({ error: { code: 'timeout' } });
    await vi.waitFor(() => expect(hasty.host.statistics.active).toBe(0), 10_000);
    await hasty.close();
  });
});
