/**
 * The spectrum of runs on a generated model, with changes whose singular values are known; parts of trained changes.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examine } from '../../src/base-models/checksums.ts';
import { readItemRows } from '../../src/evaluation/metrics/item-rows.ts';
import { measureSpectrum, type SpectrumProgress } from '../../src/evaluation/spectrum/measure.ts';
import { readParts } from '../../src/evaluation/spectrum/part-files.ts';
import { exportModelGguf, type AdapterLayer } from '../../src/weights/index.ts';
import { writeSafetensors } from '../../src/weights/safetensors.ts';
import { openGguf } from '../../src/gguf/index.ts';
import { gaussian } from '../../src/statistics/random.ts';
import { hyperSchema, type BackendName, type Hyper } from '../../src/protocol/run.ts';
import { rankOf, runSpectrumSchema, type RunSpectrum } from '../../src/protocol/spectrum.ts';
import { createRun, readRun, resultStep } from '../../src/runs/index.ts';
import { ratio } from '../../src/statistics/statistics.ts';
import { singularValues } from '../../src/tensor/linear-algebra.ts';
import { Workplace } from '../support/cli.ts';
import { writeTinyAdapter, writeTinyModel } from '../support/tiny-model.ts';
import { createSmallRun, trainToEnd } from '../support/trainer.ts';

const STEP = 7;
const ALPHA = 6;
const LAYERS = 2;
let root: string;
let place: Workplace;
let base: { path: string; sha256: string };
let adapter: AdapterLayer[];
const at = (...parts: string[]) => join(root, ...parts);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fmn-spectrum-'));
  place = await Workplace.create();
  // Measurements of this test do not belong in the machine's cache.
  await rm(place.path('data', 'cache'), { force: true });
  process.env['FORGET_ME_NOT_HOME'] = place.home;
  await writeTinyModel(at('base.gguf'), { layers: LAYERS, seed: 1 });
  base = await examine(at('base.gguf'));
  adapter = await writeTinyAdapter(at('adapter.gguf'), base.path, {
    rank: 3,
    alpha: ALPHA,
    targets: ['attn_q', 'attn_v', 'ffn_down'],
  });
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
  await place.dispose();
});

async function newRun(
  hyper: Partial<Hyper>,
  { backend = 'wasm', sha256 = base.sha256 }: { backend?: BackendName; sha256?: string } = {},
): Promise<string> {
  const { dir } = await createRun({
    name: 'test',
    folder: root,
    base: { id: 'tiny', path: base.path, sha256 },
    hyper: hyperSchema.parse({ learningRate: 1e-3, steps: STEP, ...hyper }),
    backend,
    evaluation: { heldOutWindows: 1, humanevalProblems: 0, retentionTexts: 0 },
    versions: {},
  });
  const state = JSON.parse(await readFile(join(dir, 'state.json'), 'utf8')) as object;
  await writeFile(join(dir, 'state.json'), JSON.stringify({ ...state, status: 'done', step: STEP }));
  return dir;
}

async function loraRun(backend?: BackendName): Promise<string> {
  const dir = await newRun({ method: 'lora', rank: 3, alpha: ALPHA }, { backend });
  await cp(at('adapter.gguf'), join(dir, 'adapter.gguf'));
  return dir;
}

/** The base with a product of this rank added to every linear except the gates. */
async function trainedWeights(rank: number): Promise<Map<string, { shape: number[]; data: Float32Array }>> {
  const file = await openGguf(base.path);
  const weights = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const [name, { shape }] of file.tensors) {
    const data = await file.readF32(name);
    if (/attn_[qkvo]|ffn_(up|down)/.test(name) && shape.length === 2) {
      const [rows, columns] = shape as [number, number];
      const [left, right] = [gaussian(rows * rank, 0.1, 2), gaussian(rank * columns, 0.1, 3)];
      for (let i = 0; i < data.length; i += 1)
        for (let r = 0; r < rank; r += 1)
          data[i]! += left[Math.floor(i / columns) * rank + r]! * right[r * columns + (i % columns)]!;
    }
    weights.set(name, { shape, data });
  }
  await file.close();
  return weights;
}

async function fullRun(rank: number, { checkpoint = true, spoil = '' } = {}): Promise<string> {
  const dir = await newRun({ method: 'full' });
  const weights = await trainedWeights(rank);
  if (spoil) weights.get(spoil)!.data[5] = NaN;
  const values = new Map([...weights].map(([name, { data }]) => [name, data]));
  await exportModelGguf(join(dir, 'model.gguf'), base.path, values, { type: 'F16' });
  if (!checkpoint) return dir;
  const folder = join(dir, 'checkpoints', `step-${String(STEP).padStart(6, '0')}`);
  await mkdir(folder, { recursive: true });
  await writeSafetensors(join(folder, 'parameters.safetensors'), weights);
  return dir;
}

const near = (actual: number, expected: number, tolerance: number) =>
  expect(Math.abs(actual - expected)).toBeLessThan(tolerance * expected);

// TensorFlow first: loaded along with WebAssembly's threads, it has crashed the process twice in hundreds of runs. The
// product never has both in one process.
describe.each(['tensorflow', 'wasm'] as const)('on %s', (backend) => {
  it("finds LoRA's change, of rank at most r, and noise of the same size", async () => {
    const dir = await loraRun(backend);
    const { linears, source, rank } = await measureSpectrum(dir);
    expect([source, rank, linears.length]).toEqual(['adapter', 3, 7 * LAYERS]);
    for (const { layer, module, shape, change, noise } of linears) {
      const tensor = { q: 'attn_q', v: 'attn_v', down: 'ffn_down' }[module as string];
      const factors = adapter.find(({ name }) => name === `blk.${layer}.${tensor}`);
      if (!factors) {
        expect([module, change, noise]).toEqual([module, undefined, undefined]);
        continue;
      }
      const { a, b, in: width, out } = factors;
      const product = new Float32Array(out * width);
      for (let i = 0; i < product.length; i += 1)
        for (let r = 0; r < 3; r += 1)
          product[i]! += (ALPHA / 3) * b[Math.floor(i / width) * 3 + r]! * a[r * width + (i % width)]!;
      const expected = singularValues(product, out, width);
      expect(change!.values).toHaveLength(3);
      change!.values.forEach((value, i) => near(value, expected[i]!, 1e-4));
      expect(change!.ranks.at(-1)).toBeLessThanOrEqual(3);
      near(noise!.size, change!.size, 1e-4);
      expect(rankOf(noise!)).toBeGreaterThan(Math.min(...shape) / 3);
    }
  });
});

describe('a full run', () => {
  const changed = ({ linears }: RunSpectrum) => linears.filter(({ module }) => module !== 'gate');

  it('has the change and rank of its last checkpoint', async () => {
    const spectrum = await measureSpectrum(await fullRun(2));
    expect(spectrum.source).toBe('checkpoint');
    for (const { change } of changed(spectrum)) expect(change!.ranks.at(-1)).toBe(2);
    for (const { module, change, noise } of spectrum.linears)
      if (module === 'gate') expect([change, noise]).toEqual([undefined, undefined]);
  });

  it('is read from the exported model without a checkpoint, within rounding', async () => {
    const exact = await measureSpectrum(await fullRun(2));
    const rounded = await measureSpectrum(await fullRun(2, { checkpoint: false }));
    expect(rounded.source).toBe('model');
    for (const [i, { change }] of changed(rounded).entries()) {
      const { change: expected } = changed(exact)[i]!;
      near(change!.size, expected!.size, 0.01);
      near(change!.values[0]!, expected!.values[0]!, 0.01);
    }
  });

  it("has the base's own spectrum, the same for every run", async () => {
    const { linears } = await measureSpectrum(await fullRun(1));
    const file = await openGguf(base.path);
    const values = singularValues(await file.readF32('blk.1.ffn_up.weight'), 128, 64);
    await file.close();
    const up = linears.find(({ layer, module }) => layer === 1 && module === 'up')!;
    near(up.base!.values[0]!, values[0]!, 1e-4);
    near(up.base!.values.at(-1)!, values.at(-1)!, 1e-4);
  });
});

it('resumes where it was stopped, and measures a base once for all its runs', async () => {
  await rm(join(place.home, 'cache', 'evaluation'), { recursive: true, force: true });
  const dir = await fullRun(2);
  const stop = new AbortController();
  const before: SpectrumProgress[] = [];
  const stopped = measureSpectrum(dir, {
    signal: stop.signal,
    onProgress: (progress) => {
      before.push(progress);
      if (progress.done === 8) stop.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
  await expect(stat(join(dir, 'spectrum.json'))).rejects.toThrow('ENOENT');
  const all = before[0]!.total;
  // Noise for each shape, base and change for each linear.
  expect(all).toBe(4 + 2 * 7 * LAYERS);
  const after: SpectrumProgress[] = [];
  const resumed = await measureSpectrum(dir, { onProgress: (progress) => after.push(progress) });
  expect(after[0]!.total).toBe(all - before.length);
  expect(after.at(-1)).toMatchObject({ done: after.length, total: after.length });
  const other: SpectrumProgress[] = [];
  const next = await measureSpectrum(await fullRun(2), { onProgress: (progress) => other.push(progress) });
  expect(other[0]!.total).toBe(7 * LAYERS);
  expect(next).toEqual(resumed);
});

describe('parts of a change', () => {
  const trained = async (hyper: Pick<Hyper, 'method' | 'learningRate'>): Promise<string> => {
    const code = await place.code(hyper.method);
    const evaluation = { heldOutWindows: 4, retentionTexts: 2 };
    const hyperparameters = { ...hyper, steps: 6, sequenceLength: 32 };
    const dir = await createSmallRun({ base: base.path, code, hyper: hyperparameters, evaluation });
    await trainToEnd(dir);
    return dir;
  };
  const measure = (dir: string, ...asked: string[]) =>
    promisify(execFile)(process.execPath, [resolve('dist/spectrum.mjs'), dir, ...asked], { env: place.env });
  const read = async (dir: string) => {
    const parts = await readParts(dir, await resultStep(dir));
    /** Loss or KL of a part, or of its base. */
    const valueOf = (part: string, metric: string, side: 'before' | 'after' = 'after') => {
      const rows = [
        ...parts
          .get(part)!
          .get(metric === 'loss' ? 'workspace' : 'retention')!
          .values(),
      ];
      return ratio(rows.flatMap(({ parts }) => parts[side][metric] ?? []));
    };
    return { names: [...parts.keys()], valueOf };
  };
  const resultOf = async (dir: string, metric: string) => {
    const task = metric === 'loss' ? 'workspace' : 'retention';
    const rows = [...(await readItemRows(dir, task, await resultStep(dir))).values()];
    return ratio(rows.flatMap(({ parts }) => parts.after[metric] ?? []));
  };

  it('of full fine-tuning: low ranks learn less than the whole, and strength 1 is the result', async () => {
    const dir = await trained({ method: 'full', learningRate: 3e-3 });
    await measure(dir, '--ranks', '2,512');
    const { names, valueOf } = await read(dir);
    // The tiny model has no matrix of rank 512.
    expect(names).toEqual(['linears', 'rank-2']);
    const [base, whole] = [valueOf('linears', 'loss', 'before'), valueOf('linears', 'loss')];
    expect(whole).toBeLessThan(base);
    expect(valueOf('rank-2', 'loss')).toBeGreaterThan(whole);

    await measure(dir, '--strengths', '0.5,1');
    const scaled = await read(dir);
    // model.gguf is rounded to half precision, as is the part.
    for (const metric of ['loss', 'KL from base'])
      near(scaled.valueOf('strength-1', metric), await resultOf(dir, metric), 1e-4);
    const kl = ['strength-0.5', 'strength-1'].map((part) => scaled.valueOf(part, 'KL from base'));
    expect(kl[0]!).toBeGreaterThan(0);
    expect(kl[0]!).toBeLessThan(0.6 * kl[1]!);
    expect((await readdir(join(dir, 'parts'))).filter((name) => name.includes('gguf'))).toEqual([]);
  });

  it("of LoRA: strengths are measured once, on the run's items", async () => {
    const dir = await trained({ method: 'lora', learningRate: 3e-2 });
    await measure(dir, '--strengths', '0.5');
    const { names, valueOf } = await read(dir);
    expect(names).toEqual(['strength-0.5']);
    const kl = valueOf('strength-0.5', 'KL from base');
    expect(kl).toBeGreaterThan(0);
    expect(kl).toBeLessThan(0.6 * (await resultOf(dir, 'KL from base')));
    const { stdout } = await measure(dir, '--strengths', '0.5');
    expect(stdout).toContain('"total":0');
    await expect(measure(dir, '--strengths', 'x')).rejects.toMatchObject({ code: 2 });
  });
});

describe('a spectrum cannot be measured of', () => {
  it('a run without a result', async () => {
    await expect(measureSpectrum(await newRun({}))).rejects.toMatchObject({ code: 'run-not-finished' });
  });
  it('a run whose base file has changed', async () => {
    const dir = await newRun({}, { sha256: 'ab'.repeat(32) });
    await cp(at('adapter.gguf'), join(dir, 'adapter.gguf'));
    await expect(measureSpectrum(dir)).rejects.toMatchObject({ code: 'base-checksum' });
  });
  it('weights that are NaN', async () => {
    const dir = await fullRun(1, { spoil: 'blk.1.attn_k.weight' });
    await expect(measureSpectrum(dir)).rejects.toMatchObject({
      code: 'diverged',
      message: expect.stringContaining('blk.1.attn_k') as string,
    });
  });
});

it('is a command, and a line of show', async () => {
  const dir = await loraRun();
  const printed = runSpectrumSchema.parse(await place.json('spectrum', dir));
  expect((await readRun(dir)).spectrum).toEqual(printed);
  const { stdout, code } = await place.run('spectrum', dir);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^k +32 x 64 +21.5 \[21, 22\] +- +-$/m);
  expect(stdout).toMatch(/The change has rank [123] \(median of 6 linears, at 90% of the energy\)/);
  expect((await place.run('show', dir)).stdout).toMatch(/spectrum +the change has rank [123] /);
  const failed = await place.run('spectrum', await newRun({}));
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('[run-not-finished]');
});
