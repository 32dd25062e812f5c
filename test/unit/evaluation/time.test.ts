/** The estimated duration of a run, and how that time is divided. */
import { describe, expect, it } from 'vitest';
import { strengthPart } from '../../../src/evaluation/progress.ts';
import {
  expectedTimes,
  measuringSeconds,
  partTimes,
  TimeTable,
  trainingSeconds,
  trainingSpeed,
  type PartTime,
} from '../../../src/evaluation/time.ts';
import type { RunEvent } from '../../../src/protocol/events.ts';
import { evaluationPlanSchema, hyperSchema } from '../../../src/protocol/run.ts';
import { taskFacts } from '../../../src/findings/task-facts.ts';
import type { Cost } from '../../../src/training/measured-costs.ts';

const part = (name: string, cost: number, minimum: number): PartTime => ({
  name,
  title: name,
  cost,
  minimum,
});
const parts = [
  part('strength', 60, 20),
  part('served', 10, 10),
  part('workspace', 120, 15),
  part('humaneval', 90, 30),
];

const step = { type: 'step', tokensPerSecond: 50 } as RunEvent;

it('reads the duration and speed of training from its steps', () => {
  const hyper = hyperSchema.parse({ learningRate: 1, steps: 3, sequenceLength: 100, accumulate: 2 });
  const events = [step, { type: 'phase' } as RunEvent, step, step];
  expect(trainingSeconds(events, hyper)).toBe(12);
  expect(trainingSpeed(events)).toBe(50);
});

describe('measuring', () => {
  const share = 1 / 3;
  const lora = { share, method: 'lora' as const };
  it('takes its share of the training time', () => {
    expect(measuringSeconds(parts, lora, 600)).toBe(200);
  });
  it('takes at least the minimum for a metric on code, and at most the time for everything', () => {
    expect(measuringSeconds(parts, lora, 60)).toBe(60);
    const slow = parts.map((one) => ({ ...one, cost: 4 * one.cost, minimum: 4 * one.minimum }));
    expect(measuringSeconds(slow, lora, 60)).toBe(4 * (20 + 10 + 15));
    expect(measuringSeconds([part('served', 9, 9)], lora, 60)).toBe(9);
    expect(measuringSeconds(parts, lora, 3600)).toBe(280);
  });
  it('covers everything for whole models, and without a share', () => {
    expect(measuringSeconds(parts, { share, method: 'full' }, 60)).toBe(280);
    expect(measuringSeconds(parts, { share: undefined, method: 'lora' }, 60)).toBe(280);
  });
});

describe('the expected time', () => {
  const plan = { share: 1 / 3, strength: 'measured' as const };
  const spec = { evaluation: evaluationPlanSchema.parse(plan), hyper: { method: 'lora' as const } };
  const chosen = [{ name: 'workspace', ...taskFacts.workspace }];
  const timesFor = (minutes: number, costs: Record<string, Cost> = {}, speed = 300) =>
    expectedTimes(spec, chosen, 60 * minutes, { known: (name) => costs[name], speed });

  it('uses measured times of this machine', () => {
    const costs = {
      preparing: { seconds: 8, items: 1 },
      strength: { seconds: 0.5, items: 285 },
      served: { seconds: 12, items: 1 },
      untuned: { seconds: 0.1, items: 80 },
      workspace: { seconds: 2, items: 100 },
    };
    // All of what decides, and 16 items of the base and of the task.
    const least = 142.5 + 12 + 1.6 + 32;
    expect(timesFor(1, costs)).toEqual({ preparing: 8, training: 60, measuring: least });
    expect(timesFor(10, costs).measuring).toBe(200);
    expect(timesFor(100, costs).measuring).toBe(142.5 + 12 + 8 + 200);
  });
  it('is otherwise estimated from the training speed', () => {
    expect(timesFor(1, {}, 1600).measuring).toBe(60);
    expect(timesFor(1, {}, 25).measuring).toBeGreaterThan(120);
  });
  it('counts the whole task if its texts have to be sampled first', () => {
    const parts = partTimes(spec, [{ name: 'retention', ...taskFacts.retention }], {
      known: () => undefined,
      speed: 300,
    });
    const { cost, minimum: least } = parts.find(({ name }) => name === 'retention')!;
    expect(least).toBe(cost);
  });
  it('excludes choosing a strength if that is not planned', () => {
    const given = { ...spec, evaluation: evaluationPlanSchema.parse({ ...plan, strength: 1 }) };
    const speeds = { known: () => undefined, speed: 300 };
    const names = (one: typeof spec) => partTimes(one, chosen, speeds).map(({ name }) => name);
    expect(names(spec)).toEqual([strengthPart.name, 'served', 'untuned', 'workspace']);
    expect(names(given)).toEqual(['served', 'workspace']);
  });
});

describe('the time table', () => {
  const table = (seconds: number) => {
    const clock = { now: 0 };
    return { clock, table: new TimeTable(parts, 1000 * seconds, () => clock.now) };
  };
  it('gives each part its minimum, and its share of the rest', () => {
    const { clock, table: all } = table(55 + 22);
    all.until('strength');
    clock.now = 10_000;
    all.until('served');
    clock.now = 10_000;
    expect(all.until('workspace')).toBeCloseTo(1000 * (10 + 15 + 22 * (120 / 210)), 6);
  });
  it('counts only the parts that fit', () => {
    const { clock, table: some } = table(50);
    some.until('strength');
    clock.now = 21_000;
    some.until('served');
    clock.now = 31_000;
    expect(some.hasTimeFor('workspace')).toBe(true);
    expect(some.until('workspace')).toBe(50_000);
    clock.now = 50_000;
    expect(some.hasTimeFor('humaneval')).toBe(false);
  });
  it('counts the planned minimum even if some time has passed', () => {
    const { clock, table: least } = table(20 + 10 + 15);
    clock.now = 100;
    expect(least.until('strength')).toBeCloseTo(20_100);
    clock.now = 30_100;
    expect(least.until('workspace')).toBe(45_100);
  });
  it('leaves out parts that would overrun by more than half of their time', () => {
    const { clock, table: some } = table(60);
    clock.now = 44_000;
    expect(some.hasTimeFor('humaneval')).toBe(true);
    clock.now = 46_000;
    expect(some.hasTimeFor('humaneval')).toBe(false);
    // Leaving this out would gain nothing.
    expect(some.hasTimeFor('served')).toBe(true);
  });
  it('has unlimited time without a deadline', () => {
    const { table: endless } = table(Infinity);
    expect(endless.until('strength')).toBe(Infinity);
    expect(endless.hasTimeFor('humaneval')).toBe(true);
  });
});
