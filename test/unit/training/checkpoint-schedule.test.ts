import { describe, expect, it } from 'vitest';
import {
  affordableCheckpoints,
  afterMeasurement,
  allowance,
  checkpointInterval,
  chooseNext,
  hasTimeForOne,
  scheduleSchema,
  secondsAhead,
  type Course,
  type Schedule,
} from '../../../src/training/checkpoints/schedule.ts';
import { Random } from '../../support/random.ts';

interface Simulated {
  schedule: Schedule;
  measured: number[];
  broken: number[];
}

/** A run as the trainer drives the schedule; `cost` of a measurement and `pace` of a step, in seconds. */
function simulate(
  course: Course,
  { cost, pace, guess }: { cost: () => number; pace: () => number; guess: number },
): Simulated {
  const { steps, interval, share } = course;
  let schedule: Schedule = scheduleSchema.parse({ cost: guess });
  const [measured, broken]: [number[], number[]] = [[], []];
  for (let step = 1; step < steps; step += 1) {
    schedule = { ...schedule, trained: schedule.trained + pace() };
    if (step % interval === 0 && step >= (schedule.next ?? 0)) {
      if (schedule.next === undefined || affordableCheckpoints(schedule, step, course) === 0)
        schedule = chooseNext(schedule, step, course);
      if (step >= schedule.next!) {
        const wanted = cost();
        const limit = allowance(schedule, step, course);
        const whole = wanted <= limit;
        (whole ? measured : broken).push(step);
        schedule = afterMeasurement(
          schedule,
          { step, seconds: Math.min(wanted, limit), isComplete: whole },
          course,
        );
        expect(schedule.spent).toBeLessThanOrEqual((share * schedule.trained * steps) / step + 1e-9);
      }
    }
    // The state is saved to a file in between.
    schedule = scheduleSchema.parse(JSON.parse(JSON.stringify(schedule)));
  }
  return { schedule, measured, broken };
}
const steady = (cost: number, guess = cost) => ({ cost: () => cost, pace: () => 1, guess });

describe('measuring checkpoints', () => {
  it('happens at every interval if time allows, except at the last step', () => {
    const { measured } = simulate({ steps: 100, interval: 20, share: 1 }, steady(3));
    expect(measured).toEqual([20, 40, 60, 80]);
  });

  it('happens as often as the share allows, evenly over the run', () => {
    // A tenth of 99 s: two of 4 s, with a margin.
    expect(simulate({ steps: 100, interval: 5, share: 0.1 }, steady(4)).measured).toEqual([35, 70]);
    expect(simulate({ steps: 100, interval: 5, share: 0.1 }, steady(7)).measured).toEqual([50]);
    // A short run's intervals are a third of it.
    expect(simulate({ steps: 100, interval: 34, share: 0.1 }, steady(4)).measured).toEqual([34, 68]);
  });

  it('happens in time even if the first guess was too low', () => {
    const { measured, broken } = simulate({ steps: 100, interval: 5, share: 0.1 }, steady(9, 1));
    expect([measured.length, broken.length]).toEqual([1, 0]);
  });

  it.each([0.01, 0.05, 0.1, 0.5, 2])('never takes more than its share of the time: %d', (share) => {
    const random = new Random(Math.round(1000 * share));
    for (let run = 0; run < 50; run += 1) {
      const [typical, uneven] = [0.2 + 20 * random.next(), random.next()];
      const course = { steps: 401, interval: 1 + random.integer(40), share };
      const { schedule, measured, broken } = simulate(course, {
        cost: () => typical * (1 + uneven * (random.next() - 0.5)),
        pace: () => 1,
        // Much is already known about the base.
        guess: typical * (0.1 + random.next()),
      });
      expect(schedule.spent).toBeLessThanOrEqual(share * 401 + 1e-9);
      // An aborted measurement is wasted, but shows how long one takes.
      expect(broken.length).toBeLessThanOrEqual(2);
      if (share * 400 > 2 * typical) expect(measured.length).toBeGreaterThan(0);
    }
  });

  it('never takes more than its share by the speed known at the time, if speed varies', () => {
    const random = new Random(1);
    // `simulate` contains the assertions.
    for (let run = 0; run < 50; run += 1)
      simulate(
        { steps: 200, interval: 1 + random.integer(20), share: 0.2 },
        { cost: () => 1 + 4 * random.next(), pace: () => 2 * random.next(), guess: 2 },
      );
  });

  it('never happens without a share of the time', () => {
    const { measured, broken } = simulate({ steps: 50, interval: 5, share: 0 }, steady(1));
    expect([...measured, ...broken]).toEqual([]);
  });

  it('has an interval that is a multiple of that for held-out losses', () => {
    expect(checkpointInterval({}, { evalEvery: 20 })).toBe(20);
    expect(checkpointInterval({ checkpointEvery: 20 }, { evalEvery: 20 })).toBe(20);
    expect(checkpointInterval({ checkpointEvery: 50 }, { evalEvery: 20 })).toBe(60);
    expect(checkpointInterval({ checkpointEvery: 3 }, { evalEvery: 20 })).toBe(20);
  });

  it('uses the time that is left, up to its share', () => {
    const ahead = (share: number, step: number) =>
      secondsAhead(scheduleSchema.parse({ cost: 4, spent: 8, trained: step }), step, {
        steps: 100,
        interval: 10,
        share,
      });
    // Those of steps 70, 80 and 90; the last step's belongs to the result.
    expect(ahead(10, 60)).toBe(3 * 4);
    expect(ahead(0.1, 60)).toBeCloseTo(10 - 8);
    expect(ahead(10, 100)).toBe(0);
  });
});

it('has no time for one in a short budget, if one is given in minutes', () => {
  expect(hasTimeForOne(1, 0.1, 20)).toBe(false);
  expect(hasTimeForOne(10, 0.1, 20)).toBe(true);
  expect(hasTimeForOne(undefined, 0.1, 20)).toBe(true);
});
