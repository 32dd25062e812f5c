/** Unusual folders on the command line. Needs dist/. */
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CorpusSummary, KeptEntry } from '../../src/corpus/index.ts';
import { readRun } from '../../src/runs/index.ts';
import { Workplace } from '../support/cli.ts';
import { writeTinyModel } from '../support/tiny-model.ts';
import { warningsOf } from '../support/trainer.ts';

const small =
  '--strength 1 --seq 32 --steps 4 --humaneval 0 --retention 0 --held-out-windows 2 --backend wasm'.split(
    ' ',
  );
const languages = 'js ts py go rs java c cpp rb php swift kt scala lua hs ml clj ex dart sql'.split(' ');
let place: Workplace;

beforeAll(async () => {
  place = await Workplace.create();
  await writeTinyModel(place.path('tiny.gguf'), { seed: 1 });
});
afterAll(() => place?.dispose());

/** Creates a folder with these files. */
async function folderOf(name: string, files: Record<string, string>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(place.path(name, path)), { recursive: true });
    await writeFile(place.path(name, path), text);
  }
  return place.path(name);
}
/** All different. */
const lines = (seed: number, count: number) =>
  Array.from(
    { length: count },
    (_, at) => `take_${(at * 7919 + seed * 104_729) % 99_991}(${at}, x${seed})\n`,
  ).join('');

const train = (...args: string[]) => place.run('train', ...args, '--base', place.path('tiny.gguf'), ...small);
/** The output of a training that must succeed, and its run. */
async function trained(...args: string[]) {
  const { code, stdout, stderr } = await train(...args);
  expect(stderr.split('\n').filter((line) => line.startsWith('['))).toEqual([]);
  expect(code).toBe(0);
  const [, id] = /^Run: +(\S+)$/m.exec(stdout)!;
  return { stdout, id: id!, ...(await readRun(join(place.home, 'runs', id!))) };
}
/** The error of a command that must fail before it creates a run. */
async function refused(...args: string[]): Promise<string> {
  const before = await runs();
  const { code, stderr } = await train(...args);
  expect(code).toBe(1);
  expect(await runs()).toEqual(before);
  return stderr.trim().split('\n').at(-1)!;
}
const runs = () => readdir(join(place.home, 'runs')).catch(() => []);

it('training learns and measures prose if there is no code, and says so', async () => {
  const folder = await folderOf('prose', { 'notes.md': lines(1, 30), 'docs/guide.rst': lines(2, 30) });
  await cp('node_modules/commander/Readme.md', join(folder, 'README.md'));
  const run = await trained(folder);
  const warning =
    'There is no code here: prose is learned and measured. For better completions of code, choose a folder that holds some.';
  expect(warningsOf(run.events)).toEqual([warning]);
  expect(run.stdout.split(warning)).toHaveLength(2);
  expect(run.summary!.comparisons[0]).toMatchObject({ task: 'workspace', metric: 'bits per byte' });
  expect(run.summary!.served!.ok).toBe(true);
});

it('training splits a single file and takes the default rate, and says so', async () => {
  const folder = await folderOf('one', {});
  await mkdir(folder);
  await cp('node_modules/commander/lib/help.js', join(folder, 'help.js'));
  const report = place.path('report.html');
  const run = await trained(folder, '--report', report);
  expect(warningsOf(run.events)).toEqual([
    expect.stringMatching(
      /^help\.js is the only code here, so it is split: everything from line \d+ on is held out/,
    ),
  ]);
  // Nothing was measured on this base, according to terminal, run and report.
  const why = 'the default for LoRA with LionW on a base of this size, in a run of this length';
  expect(run.stdout).toContain(`Learning rate 0.0003, ${why}`);
  expect(run.spec).toMatchObject({
    hyper: { learningRate: 3e-4 },
    learningRateReason: expect.stringContaining(why),
  });
  expect((await place.run('show', run.id)).stdout).toContain(`0.0003, ${why}`);
  expect(await readFile(report, 'utf8')).toContain(why);
});

it('training holds out each of twenty languages in proportion, as far as whole files allow', async () => {
  const files = languages.flatMap((extension, at) =>
    Array.from({ length: 6 }, (_, n): [string, string] => [
      `${extension}/${n % 2}/f${n}.${extension}`,
      lines(10 * at + n, 10 + ((n * 7 + at * 3) % 20)),
    ]),
  );
  const folder = await folderOf('twenty', Object.fromEntries(files));
  const { files: kept, warnings } = await place.json<CorpusSummary & { files: KeptEntry[] }>(
    'corpus',
    folder,
  );
  expect(warnings).toEqual([]);
  expect(kept).toHaveLength(files.length);
  const bytes = (some: readonly KeptEntry[]) => some.reduce((sum, one) => sum + one.bytes, 0);
  const heldOut = kept.filter(({ split }) => split === 'held-out');
  expect(bytes(heldOut) / bytes(kept)).toBeCloseTo(0.1, 2);
  // A tenth of six files is none or one.
  for (const extension of languages)
    expect(heldOut.filter(({ path }) => path.endsWith(`.${extension}`)).length).toBeLessThanOrEqual(1);
  const run = await trained(folder);
  expect(warningsOf(run.events)).toEqual([]);
  expect(run.summary!.served!.ok).toBe(true);
});

describe('an unknown language', () => {
  const blorp = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`f${n}.blorp`, lines(n, 20)]));

  it('is left out with a hint how to include it, and learned when included', async () => {
    const folder = await folderOf('blorp', blorp);
    expect(await refused(folder)).toMatch(
      /^\[corpus-empty\] There is nothing to learn from in .*: 8 left out \(8 neither code nor documentation\)\. Choose a folder that holds source code, or, .* give --include "\*\.blorp"/,
    );
    const run = await trained(folder, '--include', '*.blorp');
    expect(warningsOf(run.events)).toEqual([]);
    expect(run.summary!.served!.ok).toBe(true);
    const { kept, files } = await place.json<CorpusSummary & { files: KeptEntry[] }>(
      ...['corpus', folder, '--include', '*.blorp'],
    );
    expect(kept).toBe(8);
    expect(files.every(({ kind }) => kind === 'code')).toBe(true);
  });

  it('is left out next to a known one, and included by the suggested globs', async () => {
    const folder = await folderOf('both', { ...blorp, 'a.py': lines(20, 20), 'b.py': lines(21, 20) });
    const { stdout } = await place.run('corpus', folder);
    expect(stdout).toMatch(/8 \.blorp files are left out, more than/);
    const [, given] = /If they are code, (.*) learns them/.exec(stdout)!;
    const { kept, warnings } = await place.json<CorpusSummary>(
      ...['corpus', folder, ...given!.replaceAll('"', '').split(' ')],
    );
    expect({ kept, warnings }).toEqual({
      kept: 10,
      warnings: [expect.stringMatching(/^There are only 10 files of code/)],
    });
  });
});

it('globs that match nothing are reported with a next step', async () => {
  const folder = await place.code();
  for (const globs of [
    ['--include', '*.py'],
    ['--exclude', '*'],
    ['--include', 'src', '--exclude', '*.md'],
  ])
    expect(await refused(folder, ...globs)).toMatch(
      new RegExp(
        `^\\[corpus-empty\\] With ${globs.join(' ').replaceAll('*', '\\*')} nothing is left .* excluded by you\\)\\. Change these globs \\(in VS Code`,
      ),
    );
});
