import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { foldCopy } from '../../src/export/folding/fold.ts';
import { timeModels, type BothTimes } from '../../src/export/folding/time-models.ts';
import { openGguf, writeGguf, type TensorSource } from '../../src/gguf/index.ts';
import { openLlamaHost } from '../../src/serving/host/llama-host.ts';
import { readCopyInfo, findCopy, removeCopy } from '../../src/serving/folding/copies.ts';
import { IdleFolding } from '../../src/serving/folding/idle-folding.ts';
import { klDivergence } from '../../src/statistics/statistics.ts';
import { quantise } from '../support/quantise.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';

let dir: string;
const at = (name: string) => join(dir, name);
const PROMPT = 'export function add(a: number, b: number) {';
const mine = () => ({ name: 'mine', path: at('adapter.gguf') });

/** As llama.cpp writes a small base in Q4_K_M: most matrices in Q5_0, others in types that support no adapter. */
async function writeMixed(path: string): Promise<void> {
  await writeTinyModel(at('f32.gguf'), { architecture: 'qwen2', seed: 3, marks: 'qwen' });
  const source = await openGguf(at('f32.gguf'));
  const tensors: TensorSource[] = [];
  for (const [name, { shape, type: own }] of source.tensors) {
    const type = shape.length === 1 ? own : name.includes('ffn_down') ? 'Q4_1' : 'Q5_0';
    tensors.push({ name, shape, type, data: quantise(type, await source.readF32(name)) });
  }
  await writeGguf(path, { metadata: await source.copyMetadata(), tensors });
  await source.close();
}

/** As measured on an idle or a busy machine. */
const times =
  (token: number, prompt: number, otherLoad = 0) =>
  (): Promise<BothTimes> =>
    Promise.resolve({ adapted: { token: 1, prompt: 1 }, copy: { token, prompt }, otherLoad });
const fold = (token = 0.8, prompt = 0.8, otherLoad = 0) =>
  foldCopy({
    base: at('base.gguf'),
    adapter: at('adapter.gguf'),
    threads: 1,
    time: times(token, prompt, otherLoad),
  });

/** The output of the adapter's host: distributions after the prompt's tokens, and an answer. */
async function ask(folded?: IdleFolding) {
  const host = await openLlamaHost({
    ...{ basePath: at('base.gguf'), adapters: [mine()], contextSize: 256, threads: 1, folded },
  });
  try {
    const rows = await host.distributions('mine', await host.encode(PROMPT));
    const { text } = await host.complete({ model: 'mine', prompt: PROMPT, maxTokens: 12 });
    return { rows, text, bytes: host.memory.bytes };
  } finally {
    await host.dispose();
  }
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-folded-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', at('home'));
  await writeMixed(at('base.gguf'));
  await writeTinyAdapter(at('adapter.gguf'), at('base.gguf'), { scale: 0.05 });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true });
});

beforeEach(() => removeCopy(at('base.gguf'), at('adapter.gguf')));

describe('a folded copy', () => {
  it('is used, and answers as the adapter on its base does', { timeout: 60_000 }, async () => {
    const about = await fold();
    expect(about).toMatchObject({ model: {}, beside: {}, tokenTime: 0.8 });
    expect(about.unfit).toBeUndefined();
    expect(about.meanKl!).toBeLessThan(about.change! / 10);
    const copy = (await findCopy(at('base.gguf'), at('adapter.gguf')))!;
    const [adapted, folded] = [await ask(), await ask(new IdleFolding({ basePath: at('base.gguf') }))];
    const kls = adapted.rows.map((row, position) => klDivergence(row, folded.rows[position]!));
    // Requantised weights differ a little, so the copy was used. The adapter's change is a hundred times larger.
    expect(Math.max(...kls)).toBeGreaterThan(0);
    expect(Math.max(...kls)).toBeLessThan(about.change! / 10);
    expect(folded.bytes).toBeGreaterThanOrEqual(copy.bytes);
  });

  it('is opened again for an adapter that is replaced during an answer', { timeout: 60_000 }, async () => {
    await fold();
    const folded = new IdleFolding({ basePath: at('base.gguf') });
    const host = await openLlamaHost({
      ...{ basePath: at('base.gguf'), adapters: [mine()], contextSize: 256, threads: 1, folded },
    });
    try {
      const request = { model: 'mine', prompt: PROMPT, maxTokens: 60, ignoreEnd: true };
      const first = host.complete(request);
      await host.addAdapter(mine(), true);
      const both = await Promise.all([first, host.complete(request)]);
      expect(both[1].text).toBe(both[0].text);
      expect((await host.complete(request)).text).toBe(both[0].text);
    } finally {
      await host.dispose();
    }
  });

  it.each([
    ['half of it is there', (model: string) => truncate(model, 1000)],
    ['it cannot be loaded', (model: string) => writeFile(model, Buffer.alloc(1000), { flag: 'r+' })],
  ])('is deleted, and the adapter answers, if %s', { timeout: 60_000 }, async (_, damage) => {
    await fold();
    await damage((await findCopy(at('base.gguf'), at('adapter.gguf')))!.model);
    expect(await ask(new IdleFolding({ basePath: at('base.gguf') }))).toEqual(await ask());
    expect(await readCopyInfo(at('base.gguf'), at('adapter.gguf'))).toBeUndefined();
  });

  it.each([
    ['a token takes as long', 0.99, 0.8],
    ['prompts take longer', 0.8, 1.1],
  ])('is not kept if %s', async (_, token, prompt) => {
    expect(await fold(token, prompt)).toMatchObject({ unfit: 'it is not faster', tokenTime: token });
    expect(await findCopy(at('base.gguf'), at('adapter.gguf'))).toBeUndefined();
  });

  it('is neither kept nor given up while other programs disturb the timing', async () => {
    await expect(fold(0.8, 0.8, 0.9)).rejects.toThrow('Other programs are at work');
    expect(await readCopyInfo(at('base.gguf'), at('adapter.gguf'))).toBeUndefined();
  });

  it('is not made of a base whose quantisation is too coarse', async () => {
    await writeTinyModel(at('coarse.gguf'), { type: 'Q4_1' });
    await writeTinyAdapter(at('coarse-adapter.gguf'), at('coarse.gguf'));
    const about = await foldCopy({
      ...{ base: at('coarse.gguf'), adapter: at('coarse-adapter.gguf'), threads: 1 },
      time: () => expect.unreachable('nothing to time'),
    });
    expect(about.unfit).toMatch('too coarse');
  });

  it('is timed in turn with the adapter in llama.cpp', { timeout: 60_000 }, async () => {
    const side = [at('base.gguf'), at('adapter.gguf')] as const;
    const { adapted, copy } = await timeModels(side, [at('base.gguf'), undefined], 1, undefined, 300);
    for (const { token, prompt } of [adapted, copy]) {
      expect(token).toBeGreaterThan(0);
      expect(prompt).toBeGreaterThan(0);
      expect(prompt + token).toBeLessThan(Infinity);
    }
  });
});
