import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  openLlamaHost,
  type HostCompletion,
  type HostRequest,
  type LlamaHost,
} from '../../src/serving/host/llama-host.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

const LANES = 2;
const SEQUENCES = 4;
let dir: string;
let host: LlamaHost;
const at = (name: string) => join(dir, name);
const prompts = Array.from(
  { length: 11 },
  (_, index) => `export function number${index}(a: number) {\n${'  // more\n'.repeat(index * 3)}  return`,
);
const ask = (more: Partial<HostRequest> = {}): HostRequest => ({
  model: 'base',
  prompt: prompts[3]!,
  seed: 5,
  maxTokens: 20,
  temperature: 1.2,
  ...more,
});
const sample = (more: Partial<HostRequest> = {}, signal?: AbortSignal) => host.sample(ask(more), signal);
const samples = (n: number, more: Partial<HostRequest> = {}, signal?: AbortSignal) =>
  Promise.all(Array.from({ length: n }, (_, seed) => sample({ seed, ...more }, signal)));
const textsOf = (answers: readonly HostCompletion[]) => answers.map(({ text }) => text);

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-sampling-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'home'));
  await writeTinyModel(at('base.gguf'), { embedding: 256, ffn: 256 });
  await writeTinyModel(at('whole.gguf'), { seed: 9, embedding: 256, type: 'Q4_1' });
  await writeTinyAdapter(at('one.gguf'), at('base.gguf'), { seed: 1 });
  host = await openLlamaHost({
    basePath: at('base.gguf'),
    adapters: [{ name: 'one', path: at('one.gguf') }],
    models: [{ name: 'whole', path: at('whole.gguf') }],
    contextSize: 512,
    sampling: { lanes: LANES, sequences: SEQUENCES, threads: 1 },
  });
});

afterAll(async () => {
  await host.dispose();
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

describe('samples', () => {
  it.each(['base', 'one', 'whole'])(
    'of %s are the same with the same seed, whatever else is sampled',
    async (model) => {
      const wanted = prompts.flatMap((prompt, index) =>
        [0, 1, 2].map((more) => ask({ model, prompt, seed: index + more })),
      );
      const together = textsOf(await Promise.all(wanted.map((request) => host.sample(request))));
      const backwards = textsOf(
        await Promise.all([...wanted].reverse().map((request) => host.sample(request))),
      );
      const alone: HostCompletion[] = [];
      for (const request of wanted) alone.push(await host.sample(request));
      expect(backwards.reverse()).toEqual(together);
      expect(textsOf(alone)).toEqual(together);
      expect(new Set(together).size).toBeGreaterThan(25);
    },
  );

  it('follow the distribution', async () => {
    const answers = textsOf(await samples(1500, { maxTokens: 1, temperature: 1 }));
    const row = (await host.distributions('base', await host.encode(prompts[3]!))).at(-1)!;
    const share = Math.max(...row);
    const { text } = await sample({ maxTokens: 1, temperature: 0 });
    const hits = answers.filter((answer) => answer === text).length / answers.length;
    const deviation = Math.sqrt((share * (1 - share)) / answers.length);
    expect(Math.abs(hits - share)).toBeLessThan(4 * deviation);
  });

  it('at temperature 0 start as those of complete', async () => {
    // They may differ later by rounding, because all tokens of these untrained models are nearly tied.
    for (const model of ['base', 'one', 'whole'])
      for (const prompt of prompts) {
        const request = ask({ model, prompt, maxTokens: 1, temperature: 0 });
        expect((await host.sample(request)).text).toBe((await host.complete(request)).text);
      }
  });

  it('heal a partial token as complete does, whatever else is sampled', async () => {
    const greedy = { maxTokens: 12, temperature: 0 };
    let healed = 0;
    for (const [index, prompt] of prompts.entries()) {
      const { text } = await sample({ ...greedy, prompt });
      const heal = /^[ -~]{1,3}/.exec(text)?.[0];
      if (!heal) continue;
      const jobs = [
        sample({ ...greedy, prompt, heal }),
        ...(index % 2 ? [samples(5, { maxTokens: 9 })] : []),
      ];
      const [answer] = (await Promise.all(jobs)) as [Awaited<ReturnType<typeof sample>>];
      expect(answer.text.startsWith(text.slice(heal.length))).toBe(true);
      healed += 1;
    }
    expect(healed).toBeGreaterThan(0);
  });

  it('of one prompt read it once for each sequence', async () => {
    const answers = await samples(60, { prompt: 'a prompt of its own, read for the first time' });
    const read = answers.filter(({ cachedTokens, promptTokens }) => cachedTokens < promptTokens - 1);
    expect(read.length).toBeGreaterThan(0);
    expect(read.length).toBeLessThanOrEqual(LANES * SEQUENCES);
  });

  it('reuse a common prefix of prompts', async () => {
    const shared = 'question and answer\n'.repeat(12);
    const cached: number[] = [];
    // Any free sequence may take a prompt, so not all of them find the common prefix.
    for (let index = 0; index < 12; index += 1)
      cached.push((await sample({ prompt: `${shared}number ${index}` })).cachedTokens);
    expect(Math.max(...cached)).toBeGreaterThan(0);
  });

  it('end at stop texts and are cut to the context as other answers', async () => {
    const greedy = { maxTokens: 60, temperature: 0 };
    const { text } = await sample(greedy);
    const stop = [...text].slice(4, 6).join('');
    const stopped = await sample({ ...greedy, stop: [stop] });
    expect(stopped).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finishReason: 'stop' });
    const cut = await sample({ prompt: 'long '.repeat(2000), maxTokens: 600 });
    expect(cut.trimmedTokens).toBeGreaterThan(0);
    expect(cut.promptTokens + cut.completionTokens).toBeLessThan(512);
  });

  it('of an unknown model fail and name the known ones', async () => {
    await expect(sample({ model: 'nobody' })).rejects.toMatchObject({ code: 'model_not_found' });
  });
});

describe('cancelling', () => {
  it('ends running and waiting samples, and does not change the others', async () => {
    const other = { prompt: prompts[1]!, maxTokens: 30 };
    const wanted = textsOf(await samples(6, other));
    const stop = new AbortController();
    const cancelled = samples(40, { maxTokens: 200 }, stop.signal);
    const first = sample({ maxTokens: 1 }).then(() => stop.abort(new Error('enough')));
    const left = samples(6, other);
    await expect(cancelled).rejects.toThrow('enough');
    expect(textsOf(await left)).toEqual(wanted);
    await first;
    expect(host.statistics.active).toBe(0);
    await expect(sample({}, stop.signal)).rejects.toThrow('enough');
  });
});
