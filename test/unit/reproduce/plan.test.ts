/** What is planned fits, is as much as fits, and what is more important comes first. */
import { describe, expect, it } from 'vitest';
import { claims } from '../../../src/reproduce/claims.ts';
import { guessCosts, stepCosts } from '../../../src/reproduce/costs.ts';
import {
  LEAST_STEPS,
  planStages,
  planSweep,
  secondsOf,
  type Planning,
  type StageName,
} from '../../../src/reproduce/plan.ts';
import { stepsOf, variantsFor } from '../../../src/reproduce/variants.ts';

const variants = variantsFor(192);
const planning = (minutes: number, patch: Partial<Planning> = {}): Planning => ({
  wanted: claims.map(({ id, needs }) => ({ claim: id, needs })),
  extras: ['lora-second-seed', 'full-second-seed'],
  variants,
  costs: {
    step: { lora: 1, full: 1.3 },
    run: 35,
    point: 12,
    spectrum: 80,
    sampling: 30,
    problem: 17,
    data: 60,
  },
  problems: 6,
  budget: 60 * minutes,
  ...patch,
});
const total = (stages: readonly StageName[], steps: number, plan: Planning) =>
  stages.reduce((sum, stage) => sum + secondsOf(stage, steps, plan), 0);

describe('the plan', () => {
  it.each([8, 20, 45, 60, 180])('fits into %d minutes and fills them', (minutes) => {
    const plan = planning(minutes);
    const { stages, steps, dropped } = planStages(plan);
    expect(total(stages, steps, plan)).toBeLessThanOrEqual(plan.budget);
    expect(steps % 4).toBe(0);
    if (stages.length) expect(total(stages, steps + 4, plan)).toBeGreaterThan(plan.budget);
    // What was left out would not fit beside what was taken.
    for (const { claim } of dropped) {
      const { needs } = claims.find(({ id }) => id === claim)!;
      const all = [...new Set([...stages, ...needs])];
      expect(total(all, LEAST_STEPS, plan)).toBeGreaterThan(plan.budget);
    }
  });

  it('takes the main pair before anything else, and more claims with more time', () => {
    const counts = [4, 8, 20, 60].map((minutes) => planStages(planning(minutes)));
    expect(counts[0]!.stages).toEqual(['lora', 'full']);
    const taken = counts.map(({ dropped }) => claims.length - dropped.length);
    expect(taken).toEqual(taken.toSorted((a, b) => a - b));
    expect(taken.at(-1)).toBe(claims.length);
    expect(planStages(planning(180)).stages).toContain('full-second-seed');
  });

  it('begins with the first claim, even where nothing seems to fit', () => {
    const { stages, steps, dropped } = planStages(planning(0.5));
    expect(stages).toEqual(['lora', 'full']);
    expect(steps).toBe(LEAST_STEPS);
    expect(dropped.map(({ claim }) => claim)).not.toContain('forgetting');
  });

  it('plans no longer runs than the text allows', () => {
    expect(planStages(planning(1000, { mostSteps: 80 })).steps).toBe(80);
  });

  it('does not count what is done, and keeps the length that was settled', () => {
    const all = planning(60);
    const before = planStages(all);
    const done = new Set<StageName>(['lora', 'full']);
    const { stages, steps, dropped } = planStages(planning(20, { done, steps: before.steps }));
    expect(steps).toBe(before.steps);
    const left = stages.filter((stage) => !done.has(stage));
    expect(total(left, steps, all)).toBeLessThanOrEqual(20 * 60);
    expect(dropped.length).toBeGreaterThan(0);
  });

  it('runs replay for longer, so that it sees as much of its own text', () => {
    const own = 0.75 * stepsOf(variants['lora-replay'], 96);
    expect(own).toBe(96);
  });

  it('knows a rank that the base has no room for', () => {
    expect(variantsFor(8).lora.hyper).toMatchObject({ rank: 8, alpha: 16 });
    expect(variantsFor(32)['lora-high-rank'].hyper).toMatchObject({ rank: 32, alpha: 64 });
  });
});

describe('the sweep', () => {
  const costs = { step: { lora: 1, full: 1.3 }, windowSeconds: 0.55, start: 2 };
  const defaults = { lora: 3e-4, full: 3e-5 };
  it('is the largest that fits, around the defaults', () => {
    expect(planSweep(3600, costs, defaults)).toEqual({
      steps: 40,
      windows: 16,
      rates: { lora: [1e-4, 3e-4, 1e-3, 3e-3, 1e-2], full: [1e-5, 3e-5, 1e-4, 3e-4, 1e-3] },
    });
    expect(planSweep(130, costs, defaults)).toMatchObject({
      steps: 10,
      rates: { lora: [3e-4, 1e-3, 3e-3] },
    });
    expect(planSweep(20, costs, defaults)).toBeUndefined();
  });
});

describe('what things take', () => {
  it('is worked out of the trials of a sweep', () => {
    const trial = { type: 'trial', time: '', learningRate: 1e-3 } as const;
    const machine = {
      tokensPerSecond: { lora: 1, full: 1 },
      forward: 0.5,
      start: 2,
      spectrumOperations: 3e9,
    };
    const step = stepCosts({ sequenceLength: 256 }, machine, [
      {
        type: 'base',
        time: '',
        method: 'lora',
        backend: 'x',
        losses: [],
        heldOut: [1, 1, 1, 1],
        windowTokens: [],
      },
      // 10 steps of 2 s and 4 windows of 1 s; 10 steps of 3 s and the same windows.
      { ...trial, method: 'lora', losses: Array<number>(10).fill(1), seconds: 24 },
      { ...trial, method: 'full', losses: Array<number>(10).fill(1), seconds: 34 },
      { ...trial, method: 'full', losses: [1], seconds: 99, diverged: { step: 1, why: '' } },
    ]);
    expect(step.lora).toBeCloseTo(2, 9);
    expect(step.full).toBeCloseTo(3, 9);
    const spec = { sequenceLength: 256, heldOutWindows: 8, retentionTexts: 0, data: {} };
    // 8 windows of 1 s and a start.
    expect(guessCosts(spec, machine, step).point).toBeCloseTo(10, 9);
  });
});
