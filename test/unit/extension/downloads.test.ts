import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { knownBases } from '../../../src/base-models/registry.ts';
import {
  missingParts,
  missingProblems,
  missingRuntime,
  withSizes,
} from '../../../src/extension/wizard/downloads.ts';
import { describeCost, estimate, sizedBase, type Budget } from '../../../src/extension/wizard/estimates.ts';
import type { Cost, CostPlace } from '../../../src/training/measured-costs.ts';
import { runMemory, type Machine } from '../../../src/training/memory/defaults.ts';
import { doctorReportSchema, type DoctorReport } from '../../../src/protocol/doctor.ts';

const dir = mkdtempSync(join(tmpdir(), 'forget-me-not-downloads-'));
afterAll(() => rmSync(dir, { recursive: true }));
const file = join(dir, 'mine.gguf');
writeFileSync(file, '');

const [known] = knownBases;
const missing = {
  name: 'tensorflow',
  starts: false,
  reason: 'It is not installed.',
  command: 'forget-me-not runtime install',
};
const there = { name: 'tensorflow', starts: true, version: '2.21.0', reason: 'It starts.' };
const notOffered = { name: 'tensorflow', starts: false, reason: 'There is none for this machine.' };
const report = (tensorflow: object, models: string[] = []): DoctorReport =>
  doctorReportSchema.parse({
    summary: 'It can train.',
    ok: true,
    version: '0.1.0',
    machine: {
      platform: 'linux',
      arch: 'x64',
      cpu: 'a',
      cores: 2,
      memory: 8e9,
      freeMemory: 4e9,
      freeDisk: 9e9,
    },
    node: '20.20.2',
    backends: [tensorflow, { name: 'wasm', starts: true, reason: 'It starts.' }],
    gpus: [],
    llama: { starts: true, reason: 'It starts.' },
    models: models.map((path) => ({ path, bytes: 1 })),
    dataDir: dir,
    checks: [],
  });

describe('what has to be downloaded', () => {
  test('on a bare machine: the base, which is required, and TensorFlow, which is not', async () => {
    const parts = await missingParts(known!.id, report(missing), 'auto');
    expect(
      parts.map(({ bytes, needed, command }) => ({ bytes, needed, command: command.join(' ') })),
    ).toEqual([
      { bytes: known!.bytes, needed: true, command: `models fetch ${known!.id}` },
      { bytes: 274e6, needed: false, command: 'runtime install --yes' },
    ]);
  });
  test('nothing that is already here', async () => {
    expect(await missingParts(known!.id, report(there, [join('models', known!.file)]), 'auto')).toEqual([]);
  });
  test('a local file needs no download, a hub reference one of unknown size', async () => {
    expect(await missingParts(file, report(there), 'auto')).toEqual([]);
    expect(await missingParts('owner/name', report(there), 'auto')).toMatchObject([
      { name: 'owner/name', bytes: 0, from: 'Hugging Face' },
    ]);
  });
  test('a file of the hub that is here is not downloaded again', async () => {
    const here = join(dir, 'models', 'hub', 'owner', 'name', 'q4', 'tiny.gguf');
    const parts = (base: string) => missingParts(base, report(there, [here]), 'auto');
    expect(await parts('owner/name:q4/tiny.gguf')).toEqual([]);
    expect(await parts('owner/name:q8/tiny.gguf')).toHaveLength(1);
    expect(await parts('other/name:q4/tiny.gguf')).toHaveLength(1);
  });
  test.each([
    ['has the size that it says', 5e9, [['owner/name', 5e9]]],
    ['is left out if its only file is here', 0, []],
  ])('the hub is asked for the size of a base, which %s', async (_what, bytes, sized) => {
    const asked: string[] = [];
    const children = {
      ask: (_: unknown, args: string[]) =>
        Promise.resolve({ bytes }).finally(() => asked.push(args.join(' '))),
    };
    const parts = await missingParts('owner/name', report(missing), 'auto');
    const all = await withSizes({ children } as never, parts);
    expect(asked).toEqual(['models fetch owner/name --dry-run']);
    expect(all.map((part) => [part.name, part.bytes])).toEqual([...sized, ['TensorFlow', 274e6]]);
  });
  test('HumanEval, until it is in the cache, unless the options leave it out', async () => {
    vi.stubEnv('FORGET_ME_NOT_HOME', join(dir, 'home'));
    const bytes = async (...options: string[]) => (await missingProblems(options)).map((part) => part.bytes);
    expect(await bytes('--seed', '1')).toEqual([100e3]);
    expect(await bytes('--humaneval', '8')).toEqual([100e3]);
    expect(await bytes('--humaneval', '0', '--seed', '1')).toEqual([]);
    expect(await bytes('--humaneval=0')).toEqual([]);
    mkdirSync(join(dir, 'home', 'cache'), { recursive: true });
    writeFileSync(join(dir, 'home', 'cache', 'HumanEval.jsonl.gz'), '');
    expect(await bytes()).toEqual([]);
    vi.unstubAllEnvs();
  });
  test('a known base says where it may come from', async () => {
    expect(await missingParts('qwen2.5-coder-0.5b', report(there), 'auto')).toMatchObject([
      {
        name: 'Qwen2.5-Coder-0.5B-Instruct',
        bytes: 491_400_064,
        from: 'Hugging Face or the Python package index',
      },
    ]);
    expect(await missingParts('llama-3.2-1b', report(there), 'auto')).toMatchObject([
      { from: 'Hugging Face' },
    ]);
    const here = join('models', 'hub', 'Qwen', 'x', 'qwen2.5-coder-0.5b-instruct-q4_k_m.gguf');
    expect(await missingParts('qwen2.5-coder-0.5b', report(there, [here]), 'auto')).toEqual([]);
  });
  test('no TensorFlow if wasm is selected, or if it is not available', async () => {
    expect(await missingParts(file, report(missing), 'wasm')).toEqual([]);
    expect(missingRuntime(report(notOffered))).toEqual([]);
  });
});

describe('estimates', () => {
  const parameters = known!.parameters;
  const id = known!.id;
  const estimateOf = (
    method: 'lora' | 'full',
    budget: Budget,
    machine: Machine = { backend: 'tensorflow' },
  ) => estimate(id, parameters, method, budget, machine);
  test('convert minutes to steps and tokens, and back', () => {
    const byMinutes = estimateOf('lora', { minutes: 5 });
    const bySteps = estimateOf('lora', { steps: Math.round(byMinutes.tokens / 512) });
    expect(byMinutes.times.training).toBe(300);
    expect(Math.abs(bySteps.times.training - 300)).toBeLessThan(6);
  });
  test('wasm learns less in the same time, and full fine-tuning needs more memory', () => {
    const tokens = (backend: 'tensorflow' | 'wasm') => estimateOf('lora', { minutes: 5 }, { backend }).tokens;
    expect(tokens('wasm')).toBeLessThan(tokens('tensorflow') / 3);
  });
  test('a LoRA is measured for a third of its training time, a full fine-tune to the end', () => {
    // At a speed that does not depend on this machine.
    const costs = () => (part: string) => (part === 'training' ? { seconds: 1 / 150, items: 1 } : undefined);
    const measuring = (method: 'lora' | 'full', minutes: number) =>
      estimate('large.gguf', 500e6, method, { minutes }, { backend: 'tensorflow', costs }).times.measuring;
    expect(measuring('lora', 18)).toBe(360);
    expect(measuring('lora', 1)).toBeGreaterThan(20);
    expect(measuring('full', 18)).toBeGreaterThan(360);
  });
  test('use the durations of earlier runs on this machine', async () => {
    const took: Record<string, Cost> = {
      preparing: { seconds: 30, items: 1 },
      training: { seconds: 0.1, items: 1 },
      strength: { seconds: 2, items: 120 },
      served: { seconds: 16, items: 1 },
      untuned: { seconds: 3, items: 20 },
      workspace: { seconds: 5, items: 100 },
    };
    const asked: CostPlace[] = [];
    const costs = (place: CostPlace) => {
      asked.push(place);
      return (part: string) => took[part];
    };
    const machine = { backend: 'tensorflow', costs } as const;
    const { times, tokens } = estimateOf('lora', { minutes: 1 }, machine);
    expect(times).toEqual({ preparing: 30, training: 60, measuring: 2 * 120 + 16 + 3 * 16 + 5 * 16 });
    expect(tokens).toBe(600);
    expect(asked).toEqual([{ base: { path: known!.file }, method: 'lora', backend: 'tensorflow' }]);
    expect(describeCost(id, await sizedBase(id), 'lora', { minutes: 1 }, machine)).toMatch(
      /^About 8 min with measuring · 600 tokens/,
    );
  });
  test("a file's number of parameters follows from its size, to within a factor of two", async () => {
    // 100M weights take 60 MB in Q4_0 and 200 MB in F16.
    for (const bytes of [60e6, 200e6]) {
      truncateSync(file, bytes);
      const sized = (await sizedBase(file))!;
      expect(sized.parameters).toBeGreaterThan(50e6);
      expect(sized.parameters).toBeLessThan(200e6);
    }
    const machine = { backend: 'tensorflow', precision: 'f32' } as const;
    const memoryOf = async (base: string, method: 'lora' | 'full') =>
      runMemory((await sizedBase(base))!, method, machine);
    const [mine, full, other] = [
      await memoryOf(file, 'lora'),
      await memoryOf(file, 'full'),
      await memoryOf(known!.id, 'lora'),
    ];
    expect(full).toBeGreaterThan(mine);
    // 182M weights by file size, 135M in the known base.
    expect(mine).toBeGreaterThan(other);
    expect(mine).toBeLessThan(2 * other);
    expect((await sizedBase(known!.id))!.parameters).toBe(parameters);
    expect(await sizedBase('owner/name')).toBeUndefined();
    expect(describeCost('owner/name', undefined, 'lora', { minutes: 1 }, machine)).toBeUndefined();
  });
});

test.each(['commands', 'wizard'])('nothing in %s makes the editor wait for a disk', (folder) => {
  const sources = readdirSync(join('src', 'extension', folder));
  for (const name of sources)
    expect(readFileSync(join('src', 'extension', folder, name), 'utf8'), name).not.toMatch(
      /\b(exists|stat)Sync\b/,
    );
});
