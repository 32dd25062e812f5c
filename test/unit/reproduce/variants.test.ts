/** What the variants' settings must amount to, whatever the length of the runs. */
import { describe, expect, it } from 'vitest';
import { corpusPlanSchema, hyperSchema } from '../../../src/protocol/run.ts';
import type { ReproductionSpec } from '../../../src/protocol/reproduction.ts';
import { newRun } from '../../../src/reproduce/runs.ts';
import { kindOf, stageOf } from '../../../src/reproduce/stages.ts';
import { stepsOf, variantsFor } from '../../../src/reproduce/variants.ts';
import { learningRateAt } from '../../../src/training/schedule.ts';

const variants = variantsFor(192);
const repro = {
  folder: '/code',
  corpus: corpusPlanSchema.parse({}),
  sequenceLength: 256,
  precision: { lora: 'f32', full: 'f32' },
  backend: 'wasm',
  base: { id: 'tiny', path: '/tiny.gguf', sha256: '00' },
  heldOutWindows: 16,
  retentionTexts: 8,
  versions: {},
} as unknown as ReproductionSpec;

/** The remainder of a weight after a run with weight decay only: science.md, "LionW". */
function left(weightDecay: number, steps: number): number {
  const hyper = hyperSchema.parse({ learningRate: 1e-4, steps, weightDecay });
  let weight = 1;
  for (let step = 1; step <= steps; step += 1)
    weight *= 1 - (learningRateAt(step, hyper) / hyper.learningRate) * weightDecay;
  return weight;
}

describe('weight decay', () => {
  // The paper's: 1e-4 over four epochs of 110,000 samples in batches of 192.
  const paper = left(1e-4, 2292);

  it.each([24, 60, 300, 1000])('shrinks weights in %d steps by as much as in the paper', (steps) => {
    const { spec } = newRun(repro, variants['full-weight-decay'], { steps, learningRate: 1e-4, seed: 0 });
    expect(1 - left(spec.hyper.weightDecay!, steps)).toBeCloseTo(1 - paper, 2);
    // The paper's own value does almost nothing in a short run.
    expect(1 - left(1e-4, steps)).toBeLessThan(0.5 * (1 - paper));
  });

  it('is not used in other runs', () => {
    expect(
      newRun(repro, variants.full, { steps: 24, learningRate: 1e-4, seed: 0 }).spec.hyper.weightDecay,
    ).toBe(0);
  });
});

it('gives a run its seed, in its settings and its name', () => {
  const { spec } = newRun(repro, variants.lora, { steps: 24, learningRate: 1e-3, seed: 2 });
  expect(spec.hyper.seed).toBe(2);
  expect(spec.name).toMatch(/, seed 2$/);
  expect(kindOf(stageOf('lora-high-rank', 2))).toEqual({ kind: 'lora-high-rank', seed: 2 });
  expect(kindOf(stageOf('full', 0))).toEqual({ kind: 'full', seed: 0 });
});

it('makes instructions of the same files as text', () => {
  const corpus = corpusPlanSchema.parse({ include: ['src'], exclude: ['*.gen.py'], maxTokens: 9 });
  const run = { steps: 24, learningRate: 1e-3, seed: 0 };
  const { spec } = newRun({ ...repro, corpus }, variants['lora-instruct'], run);
  const { include, exclude, maxTokens } = corpus;
  expect(spec.corpus).toMatchObject({ mode: 'instruct', include, exclude, maxTokens });
});

it('trains replay runs for longer, so that they see as much of their own text', () => {
  expect(0.75 * stepsOf(variants['lora-replay'], 96)).toBe(96);
});

it('lowers a rank that the base has no room for', () => {
  expect(variantsFor(8).lora.hyper).toMatchObject({ rank: 8, alpha: 16 });
  expect(variantsFor(32)['lora-high-rank'].hyper).toMatchObject({ rank: 32, alpha: 64 });
});
