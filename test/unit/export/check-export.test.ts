import { readdirSync } from 'node:fs';
import type * as promises from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { examine } from '../../../src/base-models/checksums.ts';
import { judge } from '../../../src/export/check-export.ts';
import { checkRequest, exportRun } from '../../../src/export/export-run.ts';
import { elementCount, withGguf } from '../../../src/gguf/index.ts';
import {
  describeCheck,
  describeExport,
  describeTarget,
  latestExports,
  type ExportRecord,
} from '../../../src/protocol/export.ts';
import { hyperSchema } from '../../../src/protocol/run.ts';
import { createRun } from '../../../src/runs/index.ts';
import { writeTinyModel } from '../../support/tiny-model.ts';
import { newRun, useTemporaryHome } from '../runs/help.ts';

const disk = vi.hoisted(() => ({ free: undefined as number | undefined }));
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof promises>();
  const statfs = (path: string) =>
    disk.free === undefined ? fs.statfs(path) : Promise.resolve({ bavail: disk.free, bsize: 1 });
  return { ...fs, statfs };
});
const home = useTemporaryHome();
afterEach(() => void (disk.free = undefined));

const trained = [
  [0.5, 0.5],
  [0.9, 0.1],
];
const base = [
  [0.1, 0.9],
  [0.9, 0.1],
];
const near = [
  [0.5001, 0.4999],
  [0.9, 0.1],
];

describe('the check of an export', () => {
  it("passes if the exported file has the trained model's probabilities", () => {
    const check = judge({ trained, base, written: near }, 0.01);
    expect(check).toMatchObject({ ok: true, tokens: 2, limit: 0.01 });
    // ln(5/3) at the first position (see the KL's own test), zero at the second.
    expect(check.change).toBeCloseTo(Math.log(5 / 3) / 2, 10);
    expect(check.maxKl).toBeCloseTo(2 * check.meanKl, 12);
  });

  it("does not depend on the sum of an implementation's probabilities", () => {
    const scaled = near.map((row) => row.map((value) => value * 1.0002));
    const [one, two] = [near, scaled].map((written) => judge({ trained, base, written }, 0.01));
    expect(two!.meanKl).toBeCloseTo(one!.meanKl, 12);
    expect(one!.meanKl).toBeGreaterThan(0);
  });

  it('fails above the limit', () => expect(judge({ trained, base, written: base }, 0.01).ok).toBe(false));

  it('fails below it too, if the file is no closer to the trained model than the base', () => {
    const slight = [
      [0.55, 0.45],
      [0.9, 0.1],
    ];
    const check = judge({ trained, base: slight, written: slight }, 0.01);
    expect(check.meanKl).toBeLessThan(check.limit);
    expect(check.ok).toBe(false);
  });

  it('passes if rounding changed one sensitive position and the others match better', () => {
    const row = [0.5, 0.5];
    const many = Array.from({ length: 96 }, () => row);
    const turned = [[0.05, 0.95], ...many.slice(1)];
    const other = many.map(() => [0.4, 0.6]);
    const check = judge({ trained: many, base: other, written: turned }, 0.001);
    expect(check).toMatchObject({ ok: true, meanKl: 0, limit: 0.00025 });
    // But not if the base differs at that position, too.
    expect(judge({ trained: many, base: turned, written: turned }, 0.001).ok).toBe(false);
    // And not if the others are no closer than the base's.
    expect(judge({ trained: many, base: many, written: turned }, 0.001).ok).toBe(true);
    expect(judge({ trained: many, base: other, written: [turned[0]!, ...other.slice(1)] }, 0.001).ok).toBe(
      false,
    );
  });

  it('passes for an adapter without effect', () =>
    expect(judge({ trained, base: trained, written: trained }, 0.01)).toMatchObject({ ok: true, change: 0 }));

  it('requires equally many positions of each', () =>
    expect(() => judge({ trained, base, written: [] }, 0.01)).toThrow('2 and 0 positions'));
});

describe('the place of an export', () => {
  const run = {
    id: 'a-run',
    hyper: hyperSchema.parse({ learningRate: 1e-4, steps: 1 }),
    base: { id: 'tiny', path: 'C:\\models\\tiny.gguf', sha256: '00' },
  };
  const check = (output: string) =>
    checkRequest(run, { to: 'gguf-adapter', output }, 'C:\\data\\runs\\a-run', 'win32');

  it.each([
    'D:\\out.gguf',
    '\\\\nas\\share\\out.gguf',
    'C:\\data\\runs\\a-run.gguf',
    'C:\\data\\runs\\..out.gguf',
  ])('on Windows may be %s', (output) => expect(() => check(output)).not.toThrow());

  it.each([
    ['c:\\data\\runs\\a-run', "inside the run's folder"],
    ['c:\\data\\runs\\a-run\\adapter.gguf', "inside the run's folder"],
    ['C:\\data\\runs\\a-run\\..adapter.gguf', "inside the run's folder"],
    ['C:\\models\\tiny.gguf', "the run's base"],
  ])('on Windows may not be %s', (output, where) => expect(() => check(output)).toThrow(where));
});

it('a whole model has to fit on the disk before anything is computed', async () => {
  const [path, folder] = [join(home.path(), 'base.gguf'), join(home.path(), 'out')];
  await writeTinyModel(path);
  const { sha256 } = await examine(path);
  const { dir } = await createRun(newRun({ base: { id: 'tiny', path, sha256 } }));
  const write = () => exportRun(dir, { to: 'gguf-merged', output: join(folder, 'model.gguf') });
  // Matrices in half precision; vectors stay as they are.
  const sizes = await withGguf(path, ({ tensors }) =>
    [...tensors.values()].map(({ shape }) => elementCount(shape) * (shape.length === 1 ? 4 : 2)),
  );
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  disk.free = bytes - 1;
  await expect(write()).rejects.toMatchObject({ code: 'disk-full', next: expect.stringContaining('-o') });
  expect(readdirSync(folder)).toEqual([]);
  disk.free = bytes;
  await expect(write()).rejects.toMatchObject({ code: 'run-not-finished' });
});

describe('the description of an export', () => {
  const check = judge({ trained, base, written: near }, 0.01);
  const record = (path: string, change: Partial<ExportRecord> = {}): ExportRecord => ({
    time: '2026-11-25T12:00:00.000Z',
    to: 'gguf-merged',
    type: 'F16',
    step: 3,
    path,
    bytes: 1,
    sha256: 'ab',
    check,
    ...change,
  });

  it('is one line per destination, the newest', () => {
    const records = [record('/a'), record('/b'), record('/a', { step: 9 })];
    expect(latestExports(records)).toEqual([records[1], records[2]]);
  });

  it('names the format and the verdict', () => {
    expect(describeTarget(record('/a'))).toBe('merged GGUF in F16');
    expect(describeTarget({ to: 'peft' })).toBe('PEFT adapter');
    expect(describeExport({ to: 'peft', strength: 0.5 })).toBe('PEFT adapter at strength 0.5');
    expect(describeExport({ to: 'gguf-merged', type: 'F16' })).toBe('merged GGUF in F16');
    expect(describeCheck(check)).toMatch(/^llama\.cpp agrees with the trainer: KL .* over 2 tokens$/);
    expect(describeCheck({ ...check, ok: false })).toMatch(/does NOT agree/);
  });
});
