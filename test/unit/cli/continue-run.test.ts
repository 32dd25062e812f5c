/** What a run takes over when it continues another. */
import { Command } from 'commander';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findKnownBase } from '../../../src/base-models/registry.ts';
import { requireBase } from '../../../src/cli/machine/run-base.ts';
import { addOptions } from '../../../src/cli/options/add-options.ts';
import {
  continuedOptions,
  finalRate,
  findContinued,
  requireChange,
} from '../../../src/cli/options/continue-run.ts';
import type { CorpusSummary } from '../../../src/corpus/index.ts';
import {
  corpusPlanSchema,
  evaluationPlanSchema,
  hyperSchema,
  runStateSchema,
  type RunSpec,
} from '../../../src/protocol/run.ts';
import { atLength } from '../../../src/training/learning-rate/choose.ts';
import { trainOptions, type AllOptions } from '../../../src/training/options/index.ts';
import { createRun } from '../../../src/runs/index.ts';
import { newRun, setState, useTemporaryHome } from '../runs/help.ts';

useTemporaryHome();

const spec: RunSpec = {
  format: 1,
  id: 'run-1',
  name: 'garden',
  createdAt: '2026-11-25T01:00:00Z',
  folder: '/garden',
  corpus: corpusPlanSchema.parse({ fimRate: 0.4, halfLifeDays: 90, exclude: ['*.sql'], maxTokens: 7 }),
  base: { id: 'smollm2-135m', path: '/models/smollm2.gguf', sha256: 'ab'.repeat(32) },
  hyper: hyperSchema.parse({
    learningRate: 1e-4,
    steps: 30,
    rank: 8,
    alpha: 24,
    sequenceLength: 256,
    seed: 5,
  }),
  backend: 'auto',
  evaluation: evaluationPlanSchema.parse({}),
  versions: {},
};

/** As `train` parses its arguments. */
function optionsOf(...args: string[]) {
  return optionsIn({ spec, where: { folder: '/garden' } }, ...args);
}

function optionsIn(continued: Parameters<typeof continuedOptions>[0], ...args: string[]) {
  const command = addOptions(new Command('train'), trainOptions).exitOverride();
  command.parse(args, { from: 'user' });
  return continuedOptions(
    continued,
    command.opts<AllOptions>(),
    (name) => command.getOptionValueSource(name) === 'cli',
  );
}

describe('a base that is gone', () => {
  const known = findKnownBase('qwen2.5-coder-0.5b')!;
  const before = 'ab'.repeat(32);
  it.each([
    [known.id, known.sha256!, true],
    // That name stood for a file in another quantisation.
    [known.id, before, false],
    ['codellama-7b', before, true],
    ['owner/name-GGUF:file.gguf', before, true],
    ['mine', before, false],
  ])('%s with the checksum %s is offered for download: %s', async (id, sha256, offered) => {
    const base = { id, sha256, path: '/none/base.gguf' };
    await expect(requireBase({ id: 'run-1', base })).rejects.toMatchObject({
      code: 'base-not-found',
      next: offered ? `Get it again with {fetch ${id}}.` : expect.stringContaining('Put that file back'),
    });
  });
});

describe('continuedOptions', () => {
  it("returns the run's options if nothing else was given", () => {
    expect(optionsOf('--steps', '3')).toMatchObject({
      ...{ base: 'smollm2-135m', method: 'lora', rank: 8, alpha: 24, seq: 256, seed: 5, name: 'garden' },
      ...{ fimRate: 0.4, halfLife: 90, exclude: ['*.sql'], repositoryContext: false, steps: 3 },
    });
  });

  it('drops the name, and globs for folders that are no longer read', () => {
    const both = [
      { path: '/garden', name: 'garden' },
      { path: '/shop', name: 'shop' },
    ];
    const exclude = ['*.sql', 'garden:docs', 'shop:old'];
    const several = { ...spec, name: 'garden + shop', folders: both, corpus: { ...spec.corpus, exclude } };
    const same = { folder: '/garden', folders: both };
    expect(optionsIn({ spec: several, where: same })).toMatchObject({ name: 'garden + shop', exclude });
    const alone = optionsIn({ spec: several, where: { folder: '/shop' } });
    expect(alone.exclude).toEqual(['*.sql', 'old']);
    expect(alone.name).toBeUndefined();
    const namesakes = [both[1]!, { path: '/new/garden', name: 'garden (new)' }].concat({
      path: '/garden',
      name: 'garden (root)',
    });
    const more = { folder: '/shop', folders: namesakes };
    expect(optionsIn({ spec: several, where: more }).exclude).toEqual([
      ...['*.sql', 'garden (root):docs', 'shop:old'],
    ]);
    const named = { ...several, name: 'mine' };
    expect(optionsIn({ spec: named, where: { folder: '/shop' } }).name).toBe('mine');
  });

  it("keeps given options that don't change the adapter", () => {
    expect(optionsOf('--seq', '128', '--name', 'later', '--exclude', '*.md', '--rank', '8')).toMatchObject({
      ...{ seq: 128, name: 'later', exclude: ['*.md'], rank: 8 },
    });
    for (const base of ['auto', 'smollm2-135m', '/models/smollm2.gguf'])
      expect(optionsOf('--base', base).base).toBe('smollm2-135m');
  });

  it.each([
    ['--rank', '16', 'Run run-1 has --rank 8, but 16 was given.'],
    ['--alpha', '16', 'Run run-1 has --alpha 24, but 16 was given.'],
    ['--method', 'full', 'Run run-1 has --method lora, but full was given.'],
    ['--base', 'qwen2.5-coder-0.5b', 'Run run-1 has --base smollm2-135m, but qwen2.5-coder-0.5b was given.'],
    ['--targets', 'mlp', 'Run run-1 has --targets down,gate,k,o,q,up,v, but down,gate,up was given.'],
    ['--rank-stabilised', '', 'Run run-1 has --rank-stabilised off, but on was given.'],
    ['--mode', 'instruct', 'Run run-1 has --mode pretrain, but instruct was given.'],
  ])('rejects those that do: %s %s', (option, value, message) => {
    const error = { code: 'bad-argument', message };
    expect(() => optionsOf(option, ...(value ? [value] : []))).toThrowError(expect.objectContaining(error));
  });
});

describe('finalRate', () => {
  const snapshot = {
    spec: { ...spec, minutes: 10, hyper: { ...spec.hyper, steps: 132 } },
    state: runStateSchema.parse({
      ...{ status: 'done', step: 323, steps: 323 },
      learningRate: { rate: 2.7e-5, why: 'the default' },
    }),
    events: [],
  };

  it('is that of the steps that were made, not of the estimate, and stays for as many', () => {
    const { learningRate, steps } = finalRate(snapshot);
    expect({ learningRate, steps }).toEqual({ learningRate: 2.7e-5, steps: 323 });
    const { shape } = findKnownBase('qwen2.5-coder-0.5b')!;
    const at = (to: number) => atLength({ rate: learningRate, reason: '' }, shape, { from: steps, to }).rate;
    expect([at(323), at(3230)]).toEqual([2.7e-5, 1.1e-5]);
  });

  it('is lower after going back', () => {
    const rollback = { type: 'rollback', time: '', step: 20, to: 10, why: '', rateScale: 0.5 } as const;
    expect(finalRate({ ...snapshot, events: [rollback] }).learningRate).toBe(1.35e-5);
  });
});

describe('requireChange', () => {
  const changed = {
    files: 3,
    trainFiles: 2,
    trainBytes: 9,
    trainTokens: 9,
    replay: 0.25,
    passTokens: 12,
    kept: 5,
  };
  const of = (patch: Partial<typeof changed>) => () =>
    requireChange(spec, { changed: { ...changed, ...patch } } as CorpusSummary);

  it('requires something new to learn, in the same folder', () => {
    expect(of({})).not.toThrow();
    expect(of({ trainFiles: 0 })).toThrow('Nothing that could be learned has changed since run run-1.');
    expect(of({ kept: 0 })).toThrow('This is not the folder of run run-1');
  });
});

it('the plan of an earlier run that also learned edits still opens', () => {
  const plan = { mode: 'instruct', pairs: ['functions', 'commits', 'edits'] };
  expect(corpusPlanSchema.parse(plan).pairs).toEqual(['functions', 'commits']);
  expect(corpusPlanSchema.safeParse({ pairs: ['issues'] }).success).toBe(false);
});

it('refuses a result whose served model is not the trained one', async () => {
  const { dir, id } = await createRun(newRun());
  setState(dir, { status: 'done', step: 30, steps: 30 });
  writeFileSync(join(dir, 'adapter.gguf'), '');
  mkdirSync(join(dir, 'evaluation'));
  const served = { meanKl: 0.3, limit: 0.01, tokens: 96, ok: false };
  const summary = { step: 30, sentence: '', comparisons: [], served };
  writeFileSync(join(dir, 'evaluation', 'summary.json'), JSON.stringify(summary));
  await expect(findContinued(id)).rejects.toMatchObject({
    code: 'adapter-mismatch',
    next: expect.stringContaining('without --continue'),
  });
});
