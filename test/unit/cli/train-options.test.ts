/** The table of `train` options: each reaches the run and comes back from it. */
import { Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { addOptions } from '../../../src/cli/options/add-options.ts';
import { continuedOptions } from '../../../src/cli/options/continue-run.ts';
import {
  corpusPlanSchema,
  evaluationPlanSchema,
  hyperSchema,
  rayTrainEngineSchema,
  type RunSpec,
} from '../../../src/protocol/run.ts';
import {
  firstUnsupported,
  specPart,
  trainOptions,
  type AllOptions,
} from '../../../src/training/options/index.ts';
import { flagName, type AnyOption } from '../../../src/training/options/option.ts';
import { exampleOf } from '../../support/option-example.ts';

const rows = Object.entries(trainOptions) as [keyof AllOptions, AnyOption][];
const read = (...words: string[]) =>
  addOptions(new Command(), trainOptions).exitOverride().parse(words, { from: 'user' });

const known = { hasFolder: true, fillInTheMiddle: true, repositories: true };
const partsOf = (options: AllOptions) => ({
  run: specPart('run', options),
  corpus: specPart('corpus', options, known),
  hyper: specPart('hyper', options),
  evaluation: specPart('evaluation', options),
  engine: specPart('engine', options),
});

/** The run that `train` would create. */
function runOf(options: AllOptions): RunSpec {
  const { run, corpus, hyper, evaluation } = partsOf(options);
  return {
    ...run,
    format: 1,
    id: 'run-1',
    name: run.name ?? 'garden',
    createdAt: '2026-11-25T01:00:00Z',
    folder: '/garden',
    corpus: corpusPlanSchema.parse(corpus),
    base: { id: options.base, path: '/models/base.gguf', sha256: 'ab'.repeat(32) },
    hyper: hyperSchema.parse({ ...hyper, steps: 9, learningRate: 1e-4, precision: 'f32' }),
    evaluation: evaluationPlanSchema.parse(evaluation),
    versions: {},
  };
}

describe('the options of train', () => {
  it.each(rows)('%s has the name of its flag', (name, { flags }) =>
    expect(new Option(flags).attributeName()).toBe(name),
  );

  it('covers all settings of a run that a user can change', () => {
    const kept = rows.map(([, { spec }]) => spec);
    const parts = {
      corpus: corpusPlanSchema,
      hyper: hyperSchema,
      evaluation: evaluationPlanSchema,
      engine: rayTrainEngineSchema,
    };
    const unset = Object.entries(parts).flatMap(([part, { shape }]) =>
      Object.keys(shape).map((key) => `${part}.${key}`),
    );
    // The budget limits what is read; the forgetting limit applies to the strength, too.
    expect(unset.filter((path) => !kept.includes(path as never))).toEqual([
      'corpus.maxTokens',
      'evaluation.completions',
      'evaluation.strengthLimit',
    ]);
  });

  it.each(rows.filter(([, { spec }]) => spec && spec !== 'base.id'))(
    '%s is kept in the run',
    (name, option) => {
      const [part, key] = option.spec!.split('.') as ['hyper', string];
      // A replay rate needs a source.
      const before = name === 'replayRate' ? ['--replay', 'base'] : [];
      const without = partsOf(read(...before).opts())[part][key];
      const given = partsOf(read(...before, ...exampleOf(option)).opts())[part][key];
      expect(given).toBeDefined();
      expect(given).not.toEqual(without);
    },
  );

  it.each(rows.filter(([, { support }]) => support.continue !== 'own'))(
    '%s is restored when a run is continued',
    (name, option) => {
      const before = name === 'replayRate' ? ['--replay', 'base'] : [];
      const first = read(...before, ...exampleOf(option)).opts<AllOptions>();
      const continued = { spec: runOf(first), where: { folder: '/garden' } };
      const second = continuedOptions(continued, read().opts<AllOptions>(), () => false);
      expect(second[name]).toEqual(first[name]);
      // Given options apply unless they would change the adapter.
      if (option.support.continue === 'same') return;
      const given = continuedOptions(continued, read().opts<AllOptions>(), (asked) => asked === name);
      expect(given[name]).toEqual(read().opts<AllOptions>()[name]);
    },
  );

  it('are unsupported only if they are given, whatever their defaults', () => {
    const nowhere = { cluster: false, rayTrain: false };
    const table = Object.fromEntries(
      rows.map(([name, option]) => [name, { ...option, support: { ...option.support, ...nowhere } }]),
    );
    for (const place of ['cluster', 'rayTrain'] as const) {
      expect(firstUnsupported(place, read().opts(), table)).toBeUndefined();
      for (const [name, option] of rows) {
        const given = read(...exampleOf(option)).opts();
        expect(firstUnsupported(place, given, table), name).toBe(`--${flagName(option.flags)}`);
      }
    }
  });
});
