import { describe, expect, it } from 'vitest';
import {
  describeBest,
  rank,
  rankingSchema,
  reasonToStop,
  type Candidate,
  type Ranking,
  type Rule,
} from '../../../src/training/checkpoints/best.ts';

const WINDOWS = 8;
/** Held-out losses around `loss` in windows of 100 tokens: some are harder than others, equally at every step. */
const candidate = (
  step: number,
  loss: number,
  forgetting?: number,
  jitter: (window: number) => number = () => 0,
): Candidate => ({
  step,
  windows: Array.from({ length: WINDOWS }, (_, i) => ({
    sum: 100 * (loss + (i - (WINDOWS - 1) / 2) * 0.2 + jitter(i)),
    weight: 100,
  })),
  ...(forgetting !== undefined && { forgetting }),
});
/** Positive in half of the windows and negative in the rest: noise with a mean of zero. */
const noisy = (window: number) => (window % 2 ? 0.1 : -0.1);
const ranked = (candidates: Candidate[], rule: Rule = {}): Ranking =>
  candidates.reduce((ranking, candidate) => rank(ranking, candidate, rule), rankingSchema.parse({}));
const describeNats = (value: number) => `${value} nats`;
const stops = (candidates: Candidate[], rule: Rule) =>
  reasonToStop(ranked(candidates, rule), rule, describeNats);

describe('the best checkpoint', () => {
  it('is the one that learned most', () => {
    expect(ranked([candidate(1, 3), candidate(2, 2), candidate(3, 2.5)]).best!.step).toBe(2);
  });

  it('is the one that learned most of those within the limit', () => {
    const path = [candidate(1, 3, 0.1), candidate(2, 2.5, 0.2), candidate(3, 2, 0.31), candidate(4, 1, 0.5)];
    expect(ranked(path, { limit: 0.3 }).best!.step).toBe(2);
    expect(ranked(path, { limit: 0.31 }).best!.step).toBe(3);
    expect(ranked(path).best!.step).toBe(4);
  });

  it('is a later one that is back within the limit', () => {
    const path = [candidate(1, 3, 0.4), candidate(2, 2.9, 0.5), candidate(3, 3.2, 0.1)];
    expect(ranked(path, { limit: 0.3 }).best!.step).toBe(3);
  });

  it('is the one that forgot least if none is within the limit', () => {
    const path = [candidate(1, 3, 0.5), candidate(2, 2, 0.4), candidate(3, 1, 0.6)];
    expect(ranked(path, { limit: 0.3 }).best!.step).toBe(2);
  });

  it('is the earlier of two that differ only by noise', () => {
    // The difference between windows is larger than that, but equal at both steps.
    const better = candidate(2, 2.999);
    expect(ranked([candidate(1, 3), better]).best!.step).toBe(2);
    const unclear = candidate(2, 2.999, undefined, noisy);
    expect(ranked([candidate(1, 3), unclear]).best!.step).toBe(1);
    // It forgot more.
    expect(ranked([candidate(1, 3, 0.1), candidate(2, 2.999, 0.2, noisy)]).best!.step).toBe(1);
  });

  it('is the later one of those if it forgot less and has not learned less', () => {
    expect(ranked([candidate(1, 3, 0.2), candidate(2, 2.999, 0.1, noisy)]).best!.step).toBe(2);
    expect(ranked([candidate(1, 3, 0.2), candidate(2, 3.001, 0.1, noisy)]).best!.step).toBe(1);
  });

  it('is found if each step is within noise of the one before', () => {
    const path = Array.from({ length: 30 }, (_, i) =>
      candidate(i, 3 - 0.01 * i, undefined, i ? noisy : undefined),
    );
    // Compared with the first, the later ones are better beyond noise; it is never the first.
    expect(ranked(path).best!.step).toBeGreaterThan(3);
  });

  it('is never one without a measurement, if there is a limit', () => {
    expect(ranked([candidate(1, 3), candidate(2, 2)], { limit: 1 }).best).toBeUndefined();
    expect(ranked([candidate(1, 3, 0.1), candidate(2, 2)], { limit: 1 }).best!.step).toBe(1);
  });

  it('is the same if the state is saved to a file in between', () => {
    const path = [candidate(1, 1 / 3, 0.1), candidate(2, 0.3, 0.2, noisy), candidate(3, 0.29, 0.05, noisy)];
    const through = path.reduce(
      (ranking, candidate) =>
        rank(rankingSchema.parse(JSON.parse(JSON.stringify(ranking))), candidate, { limit: 1 }),
      rankingSchema.parse({}),
    );
    expect(through).toEqual(ranked(path, { limit: 1 }));
  });
});

describe('why it is the best', () => {
  /** With windows from this many documents. */
  const of = (documents: number, step: number, count = WINDOWS): Candidate => {
    const windows = candidate(step, 2).windows.slice(0, count);
    return {
      step,
      windows: windows.map((trialWindow, i) => ({ ...trialWindow, document: String(i % documents) })),
    };
  };
  const why = (candidate: Candidate, last: number) => describeBest(candidate, last, undefined, describeNats);

  it.each([
    [of(2, 4), '2 held-out documents'],
    [of(3, 4), '3 held-out documents'],
    [of(1, 4, 3), '3 held-out windows'],
    [of(1, 4, 1), '1 held-out window'],
  ])('says that a few can seldom distinguish checkpoints: %#', (candidate, named) => {
    expect(why(candidate, 8).replace(/\d\.\d{3}/, '2.000')).toBe(
      `learned most: held-out loss 2.000 nats/token; no later one is better by more than noise, but with ${named} a difference would rarely show, so a later one may still be better`,
    );
  });

  it('does not say so if there are more, or the last one was better beyond noise', () => {
    expect(why(of(4, 4), 8)).toMatch(/by more than noise$/);
    expect(why(of(1, 4), 8)).toMatch(/by more than noise$/);
    expect(why(candidate(4, 2), 8)).toMatch(/by more than noise$/);
    expect(why(of(2, 8), 8)).toBe('learned most: held-out loss 2.000 nats/token');
  });

  it('also says so with a limit', () => {
    const text = describeBest({ ...of(2, 4), forgetting: 0.1 }, 8, 0.3, describeNats);
    expect(text).toMatch(
      /^of those within .*; no later one of them is better by more than noise, but .* 2 held-out/,
    );
  });
});

describe('an early stop', () => {
  const rising = [candidate(1, 3), candidate(2, 2), candidate(3, 2.1), candidate(4, 2.05), candidate(5, 2.2)];

  it('comes after the given number of evaluations in a row without a lower loss', () => {
    expect(stops(rising.slice(0, 4), { patience: 3 })).toBeUndefined();
    expect(stops(rising, { patience: 3 })).toMatch(/last 3 evaluations.* 2\.000 at step 2/);
  });

  it('does not come while the loss falls, however little, nor without patience', () => {
    const falling = Array.from({ length: 20 }, (_, i) => candidate(i, 3 - 0.0001 * i, undefined, noisy));
    expect(stops(falling, { patience: 1 })).toBeUndefined();
    expect(stops(rising, {})).toBeUndefined();
  });

  it('does not count checkpoints beyond the forgetting limit as better, and says so', () => {
    const path = [candidate(1, 3, 0.1), candidate(2, 2, 0.4), candidate(3, 1, 0.6)];
    expect(stops(path, { patience: 2, limit: 0.3 })).toMatch(/forgetting limit \(0\.3 nats\)/);
    expect(stops(path, { patience: 3, limit: 0.3 })).toBeUndefined();
    expect(stops(path, { patience: 2 })).toBeUndefined();
  });

  it('does not count checkpoints that were not compared with the limit', () => {
    const path = [candidate(1, 3, 0.1), candidate(2, 4), candidate(3, 4), candidate(4, 2.5, 0.2)];
    expect(stops(path, { patience: 1, limit: 0.3 })).toBeUndefined();
  });

  it('does not come before anything was evaluated', () => {
    expect(stops([], { patience: 1 })).toBeUndefined();
  });
});
