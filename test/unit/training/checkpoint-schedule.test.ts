import { describe, expect, it } from 'vitest';
import {
  after,
  allowance,
  checkpointInterval,
  isAffordable,
  postpone,
  scheduleSchema,
  secondsAhead,
  type Schedule,
} from '../../../src/training/checkpoint-schedule.ts';
import { Random } from '../../support/random.ts';

interface Simulated {
  schedule: Schedule;
  measured: number[];
  broken: number[];
  /** The largest part of the time so far that measuring took, over the time of training. */
  most: number;
}

/** A run as the trainer drives the schedule; `cost` and `pace` in seconds, of a measurement and of a step. */
function simulate(
  steps: number,
  {
    interval,
    share,
    cost,
    pace,
  }: { interval: number; share: number; cost: () => number; pace: () => number },
  guess = 0,
): Simulated {
  let schedule: Schedule = scheduleSchema.parse({ cost: guess });
  const [measured, broken]: [number[], number[]] = [[], []];
  let most = 0;
  for (let step = 1; step <= steps; step += 1) {
    schedule = { ...schedule, trained: schedule.trained + pace() };
    if (step % interval === 0 && step >= schedule.next) {
      if (!isAffordable(schedule, share)) schedule = postpone(schedule, step, interval, share);
      else {
        const wanted = cost();
        const limit = allowance(schedule, share);
        const whole = wanted <= limit;
        (whole ? measured : broken).push(step);
        schedule = after(schedule, { step, seconds: Math.min(wanted, limit), whole }, interval, share);
      }
    }
    most = Math.max(most, schedule.spent / schedule.trained);
    // What is decided next goes through a file.
    schedule = scheduleSchema.parse(JSON.parse(JSON.stringify(schedule)));
  }
  return { schedule, measured, broken, most };
}

describe('measuring checkpoints', () => {
  it('happens at every interval where there is time enough', () => {
    const { measured } = simulate(100, { interval: 20, share: 1, cost: () => 3, pace: () => 1 });
    expect(measured).toEqual([20, 40, 60, 80, 100]);
  });

  it('happens as often as the share allows', () => {
    // 100 steps of 1 s, a tenth of it: two of 4 s, each when there is a margin for it.
    const { measured } = simulate(100, { interval: 5, share: 0.1, cost: () => 4, pace: () => 1 }, 4);
    expect(measured).toEqual([50, 90]);
  });

  it.each([0.01, 0.05, 0.1, 0.5, 2])('never takes more than its share of the time: %d', (share) => {
    const random = new Random(Math.round(1000 * share));
    for (let run = 0; run < 50; run += 1) {
      const [typical, uneven] = [0.2 + 20 * random.next(), random.next()];
      const { most, measured, broken } = simulate(
        400,
        {
          interval: 1 + random.integer(40),
          share,
          cost: () => typical * (1 + uneven * (random.next() - 0.5)),
          pace: () => 0.5 + random.next(),
        },
        // Of the base, much is known already.
        typical * (0.1 + random.next()),
      );
      expect(most).toBeLessThanOrEqual(share * (1 + 1e-9));
      // What is broken off is for nothing: it teaches what one takes.
      expect(broken.length).toBeLessThanOrEqual(4);
      if (share * 400 > 8 * typical) expect(measured.length).toBeGreaterThan(0);
    }
  });

  it('never happens where there is no share of the time', () => {
    const { measured, broken, schedule } = simulate(50, {
      interval: 5,
      share: 0,
      cost: () => 1,
      pace: () => 1,
    });
    expect([...measured, ...broken]).toEqual([]);
    expect(schedule.next).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('has an interval that held-out losses are measured at', () => {
    expect(checkpointInterval({}, { evalEvery: 20 })).toBe(20);
    expect(checkpointInterval({ checkpointEvery: 20 }, { evalEvery: 20 })).toBe(20);
    expect(checkpointInterval({ checkpointEvery: 50 }, { evalEvery: 20 })).toBe(60);
    expect(checkpointInterval({ checkpointEvery: 3 }, { evalEvery: 20 })).toBe(20);
  });

  it('is in the time that is left, up to its share', () => {
    const schedule = scheduleSchema.parse({ cost: 4, next: 30 });
    const ahead = (share: number, step: number) =>
      secondsAhead(schedule, { step, steps: 100, secondsPerStep: 1 }, 10, share);
    // Those of steps 30, 40 ... 90; the last step's is the result's.
    expect(ahead(10, 5)).toBe(7 * 4);
    expect(ahead(10, 60)).toBe(3 * 4);
    expect(ahead(0.1, 60)).toBeCloseTo(0.1 * 40);
    expect(ahead(10, 100)).toBe(0);
  });
});
