/** The plan fits, uses the time available, and puts what is more important first. */
import { describe, expect, it } from 'vitest';
import type { SweepLine } from '../../../src/protocol/sweep.ts';
import { claims } from '../../../src/reproduce/claims.ts';
import { guessCosts, stepCosts } from '../../../src/reproduce/costs.ts';
import {
  MIN_STEPS,
  nearBest,
  planStages,
  planSweep,
  secondsOf,
  type Planning,
} from '../../../src/reproduce/plan.ts';
import { kindOf, stageOf, type StageName } from '../../../src/reproduce/stages.ts';
import { variantsFor } from '../../../src/reproduce/variants.ts';

const variants = variantsFor(192);
const wanted = claims.map(({ id, needs, seeded }) => ({ claim: id, needs, seeded }));
const planning = (minutes: number, patch: Partial<Planning> = {}): Planning => ({
  wanted,
  variants,
  costs: {
    step: { lora: 1, full: 1.3 },
    run: 35,
    point: 12,
    sweep: 350,
    strengths: 60,
    spectrum: 180,
    sampling: 30,
    problem: 17,
    data: 60,
  },
  problems: 6,
  budget: 60 * minutes,
  done: new Set<StageName>(['sweep']),
  ...patch,
});
const total = (stages: readonly StageName[], steps: number, plan: Planning) =>
  stages.reduce((sum, stage) => sum + secondsOf(stage, steps, plan), 0);

/** The number of planned seeds of a claim. */
const seedsOf = (stages: readonly StageName[], claim: string, plan: Planning) => {
  const { needs } = claims.find(({ id }) => id === claim)!;
  const has = (stage: StageName) => stages.includes(stage) || plan.done!.has(stage);
  return [0, 1, 2, 3].filter((seed) => needs.every((kind) => has(stageOf(kind, seed)))).length;
};
const left = (stages: readonly StageName[], { done }: Planning) =>
  stages.filter((stage) => !done!.has(stage));

describe('the plan', () => {
  it.each([8, 20, 45, 60, 180])('fits into %d minutes and fills them', (minutes) => {
    const plan = planning(minutes);
    const { stages, steps, dropped } = planStages(plan);
    const planned = left(stages, plan);
    expect(total(planned, steps, plan)).toBeLessThanOrEqual(plan.budget);
    expect(steps % 4).toBe(0);
    if (planned.length) expect(total(planned, steps + 4, plan)).toBeGreaterThan(plan.budget);
    // What was left out would not fit in addition, even with one seed.
    for (const { claim } of dropped) {
      const { needs } = claims.find(({ id }) => id === claim)!;
      const all = [...new Set([...planned, ...left(needs as StageName[], plan)])];
      expect(total(all, MIN_STEPS, plan)).toBeGreaterThan(plan.budget);
    }
  });

  it('takes the main pair before anything else, and more claims and seeds with more time', () => {
    const plans = [8, 20, 60, 180].map((minutes) => planning(minutes));
    const planned = plans.map(planStages);
    const runs = planned[0]!.stages.slice(0, 5);
    expect(runs).toEqual(['lora', 'full', 'lora-lower-rate', 'full-lower-rate', 'strengths']);
    const decided = planned.map(
      ({ dropped, undecided }) => claims.length - dropped.length - undecided.length,
    );
    expect(decided).toEqual(decided.toSorted((a, b) => a - b));
    expect(decided.at(-1)).toBe(claims.length);
  });

  it("decides the two claims of the title in less than an hour, and says which claims it can't", () => {
    // What remains of an hour after the sweep, and what is planned for it.
    const plan = planning(40);
    const { stages, undecided, dropped } = planStages(plan);
    for (const claim of ['forgetting', 'learning', 'targets', 'rank'])
      expect([claim, seedsOf(stages, claim, plan)]).toEqual([claim, 3]);
    for (const claim of undecided) expect([claim, seedsOf(stages, claim, plan)]).toEqual([claim, 1]);
    const some = [...undecided, ...dropped.map(({ claim }) => claim)];
    for (const { id, seeded } of claims)
      if (seeded && !some.includes(id)) expect([id, seedsOf(stages, id, plan)]).toEqual([id, 3]);
  });

  it('plans as many seeds as requested, or none', () => {
    const single = planStages(planning(60, { seeds: 1 }));
    expect(single.stages.map((stage) => kindOf(stage).seed)).not.toContain(1);
    expect(single.undecided).toEqual(claims.filter(({ seeded }) => seeded).map(({ id }) => id));
    const plan = planning(60, { seeds: 4 });
    const four = planStages(plan);
    for (const { id, seeded } of claims)
      if (seeded && !four.dropped.some(({ claim }) => claim === id))
        expect([id, seedsOf(four.stages, id, plan)]).toEqual([id, 4]);
    expect(four.undecided).toEqual([]);
  });

  it('begins with the first claim, even if nothing seems to fit', () => {
    const { stages, steps, dropped } = planStages(planning(0.1, { done: new Set() }));
    expect(stages).toEqual(['lora', 'full', 'lora-lower-rate', 'full-lower-rate', 'strengths']);
    expect(steps).toBe(MIN_STEPS);
    expect(dropped.map(({ claim }) => claim)).not.toContain('forgetting');
  });

  it('plans no longer runs than the text allows', () => {
    expect(planStages(planning(2000, { mostSteps: 80 })).steps).toBe(80);
  });

  it('leaves out what is done, keeps the chosen length, and adds seeds', () => {
    const before = planStages(planning(12));
    expect(before.undecided).toContain('forgetting');
    const done = new Set<StageName>(['sweep', ...before.stages]);
    const plan = planning(25, { done, steps: before.steps });
    const { stages, steps, undecided } = planStages(plan);
    expect(steps).toBe(before.steps);
    expect(total(left(stages, plan), steps, plan)).toBeLessThanOrEqual(25 * 60);
    expect(undecided).not.toContain('forgetting');
    expect(left(stages, plan).slice(0, 2)).toEqual(['lora-seed-1', 'full-seed-1']);
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

it('repeats a sweep around its best rate', () => {
  const grid = [1, 2, 3, 4, 5];
  expect(nearBest(grid, 3)).toEqual([2, 3, 4]);
  expect(nearBest(grid, 1)).toEqual([1, 2, 3]);
  expect(nearBest(grid, 5)).toEqual([3, 4, 5]);
  expect(nearBest(grid, undefined)).toEqual([2, 3, 4]);
  expect(nearBest([1, 2], 2)).toEqual([1, 2]);
});

describe('estimated costs', () => {
  it('are derived from the trials of a sweep', () => {
    const trial = { type: 'trial', time: '', learningRate: 1e-3 } as const;
    const machine = {
      tokensPerSecond: { lora: 1, full: 1 },
      forward: 0.5,
      start: 2,
      spectrumOperations: 3e9,
    };
    const lines: SweepLine[] = [
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
    ];
    const step = stepCosts({ sequenceLength: 256 }, machine, lines);
    expect(step.lora).toBeCloseTo(2, 9);
    expect(step.full).toBeCloseTo(3, 9);
    const spec = { sequenceLength: 256, heldOutWindows: 8, retentionTexts: 0, data: {} };
    const costs = guessCosts(spec, machine, step, lines);
    // 8 windows of 1 s, plus the start.
    expect(costs.point).toBeCloseTo(10, 9);
    // Two strengths of two runs, and two models to write.
    expect(costs.strengths).toBeCloseTo(2 * (2 * 10 + 2), 9);
    // As many trials again, and the base.
    expect(costs.sweep).toBeCloseTo(1.2 * (24 + 34 + 99), 9);
  });
});
