import { describe, expect, it } from 'vitest';
import { findKnownBase } from '../../../src/base-models/registry.ts';
import type { Trial } from '../../../src/protocol/sweep.ts';
import {
  chooseTrialRate,
  concludeMethod,
  defaultGrid,
  endedAboveBase,
  divergenceReason,
  nextRate,
} from '../../../src/training/sweep/choice.ts';
import { baseLine, sweepSpec, trial } from './sweep-help.ts';
import { english } from '../../../src/text/message.ts';

const small = findKnownBase('smollm2-135m')!.shape;
const swept = sweepSpec().methods[0]!;
const conclude = (trials: Trial[], spec = sweepSpec()) =>
  concludeMethod(spec, spec.methods[0]!, [baseLine(), ...trials]);

/** All rates that a sweep tries if those at or above `limit` diverge. */
function walk(rates: number[], limit: number, extend = true): number[] {
  const trials: Trial[] = [];
  for (;;) {
    const rate = nextRate({ ...swept, rates }, extend, trials);
    if (rate === undefined) return trials.map(({ learningRate }) => learningRate);
    trials.push(trial(rate, rate < limit ? -0.1 : undefined));
    expect(trials.length).toBeLessThan(30);
  }
}

describe('defaultGrid', () => {
  it('is half-decades around the default, a tenth for full fine-tuning', () => {
    expect(defaultGrid('lora', 'lionw', small)).toEqual([3e-5, 1e-4, 3e-4, 1e-3, 3e-3]);
    expect(defaultGrid('full', 'lionw', small)).toEqual([3e-6, 1e-5, 3e-5, 1e-4, 3e-4]);
    expect(defaultGrid('lora', 'adamw', small)).toEqual([1e-4, 3e-4, 1e-3, 3e-3, 1e-2]);
  });
});

describe('nextRate', () => {
  it('goes upwards and stops at the first that diverges', () => {
    expect(walk([1e-4, 3e-4, 1e-3, 3e-3], 1e-3)).toEqual([1e-4, 3e-4, 1e-3]);
  });
  it('continues upwards beyond the grid until one diverges', () => {
    expect(walk([1e-4, 3e-4], 1e-2)).toEqual([1e-4, 3e-4, 1e-3, 3e-3, 1e-2]);
  });
  it('goes down if even the lowest diverges, until one is stable', () => {
    expect(walk([1e-3, 3e-3], 2e-4)).toEqual([1e-3, 3e-4, 1e-4]);
  });
  it('gives up in the end, both ways', () => {
    expect(walk([1e-3], Infinity)).toEqual([1e-3, 3e-3, 1e-2, 3e-2, 1e-1]);
    expect(walk([1e-3], 0)).toEqual([1e-3, 3e-4, 1e-4, 3e-5, 1e-5]);
  });
  it('takes half-decades beyond a grid of other numbers', () => {
    expect(walk([2e-4, 4e-4], 2e-3)).toEqual([2e-4, 4e-4, 1e-3, 3e-3]);
  });
  it('tries exactly the given rates if it may not go beyond', () => {
    expect(walk([1e-4, 3e-4, 1e-3], 2e-4, false)).toEqual([1e-4, 3e-4, 1e-3]);
  });
});

describe('concludeMethod', () => {
  it('chooses a stable rate and says from where on it diverges', () => {
    const result = conclude([
      trial(1e-4, -0.05),
      trial(3e-4, -0.1),
      trial(1e-3, -0.12),
      trial(3e-3, undefined),
    ]);
    expect(result).toMatchObject({ chosen: 1e-3, best: 1e-3, divergesFrom: 3e-3, finished: true });
    expect(result.rates.map(({ verdict }) => verdict)).toEqual(['worse', 'worse', 'stable', 'diverged']);
    expect(result.base!.value).toBeCloseTo(2.5);
    expect(result.rates[1]!.heldOut!.value).toBeCloseTo(2.4);
    expect(result.rates[1]!.change).toMatchObject({
      value: expect.closeTo(-0.1),
      high: expect.closeTo(-0.1),
    });
  });
  it('chooses a lower rate whose loss differs from the best only by noise', () => {
    const result = conclude([
      trial(3e-4, -0.08, { noise: 0.05, kl: 0.02 }),
      trial(1e-3, -0.12, { kl: 0.1 }),
      trial(3e-3, undefined),
    ]);
    expect(result).toMatchObject({ chosen: 3e-4, best: 1e-3 });
  });
  it("chooses a lower rate that lost less than a tenth of the best one's learning, however certain that is", () => {
    const chosen = (lower: number) =>
      conclude([trial(3e-4, lower, { kl: 0.02 }), trial(1e-3, -0.12, { kl: 0.1 })]).chosen;
    expect(chosen(-0.109)).toBe(3e-4);
    expect(chosen(-0.107)).toBe(1e-3);
  });
  it('does not choose a rate whose loss is worse by more than noise, or by half of what was learned', () => {
    const trials = (lower: number, noise: number) => [
      trial(3e-4, lower, { noise, kl: 0.02 }),
      trial(1e-3, -0.12, { kl: 0.1 }),
    ];
    expect(conclude(trials(-0.09, 0.01)).chosen).toBe(1e-3);
    const { rates, chosen } = conclude(trials(-0.05, 0.2));
    expect(rates[0]!.verdict).toBe('worse');
    expect(chosen).toBe(1e-3);
    expect(conclude(trials(-0.07, 0.2)).chosen).toBe(3e-4);
    // If nothing was learned, there is nothing to lose half of.
    expect(conclude([trial(3e-4, 0.01), trial(1e-3, 0.02, { noise: 0.05 })]).rates[1]!.verdict).toBe(
      'stable',
    );
  });
  it('says that the divergence point was not reached', () => {
    const spec = sweepSpec({ extend: false });
    const result = conclude([trial(1e-4, -0.1), trial(3e-4, -0.2), trial(1e-3, -0.3)], spec);
    expect(result).toMatchObject({ chosen: 1e-3, finished: true });
    expect(result.divergesFrom).toBeUndefined();
  });
  it('chooses none if all diverge, nor one above a rate that does', () => {
    expect(conclude([trial(1e-4, undefined), trial(3e-4, undefined)]).chosen).toBeUndefined();
    expect(conclude([trial(1e-4, -0.1), trial(3e-4, undefined), trial(1e-3, -0.2)]).chosen).toBe(1e-4);
  });
  it('is not finished in the middle, nor before the first trial', () => {
    expect(conclude([trial(1e-4, -0.1)])).toMatchObject({ finished: false, chosen: 1e-4 });
    expect(concludeMethod(sweepSpec(), swept, [])).toMatchObject({ finished: false, rates: [] });
  });
});

describe('chooseTrialRate', () => {
  const rate = (learningRate: number, kl?: number, verdict: 'stable' | 'worse' | 'diverged' = 'stable') => ({
    learningRate,
    verdict,
    ...(kl !== undefined && { kl }),
  });
  it('chooses the one that forgets least of those that learned as much', () => {
    expect(chooseTrialRate([rate(1e-4, 0.03), rate(3e-4, 0.02), rate(1e-3, 0.3)])).toBe(3e-4);
    expect(chooseTrialRate([rate(1e-4, 0.01, 'worse'), rate(3e-4, 0.02), rate(1e-3, 0.3)])).toBe(3e-4);
  });
  it('chooses the lowest if KL is equal or was not measured for each', () => {
    expect(chooseTrialRate([rate(1e-3, 0.02), rate(3e-4, 0.02)])).toBe(3e-4);
    expect(chooseTrialRate([rate(3e-4, 0.03), rate(1e-4), rate(1e-3, 0.02)])).toBe(1e-4);
  });
  it('chooses none if none is stable', () => {
    expect(chooseTrialRate([rate(3e-4, 0.1, 'diverged'), rate(1e-3, 0.1, 'worse')])).toBeUndefined();
    expect(chooseTrialRate([])).toBeUndefined();
  });
});

describe('divergence', () => {
  const base = baseLine() as Parameters<typeof endedAboveBase>[0];
  it('is a held-out loss that ends above the base by more than noise', () => {
    expect(english(endedAboveBase(base, [1.1, 2.2, 3.1, 4.2])!)).toMatch(/0\.15 nats above/);
    expect(endedAboveBase(base, [0.9, 2.2, 2.8, 4.2])).toBeUndefined();
    expect(endedAboveBase(base, [0.9, 1.9, 2.9, 3.9])).toBeUndefined();
    expect(english(endedAboveBase(base, [0.9, NaN, 2.9, 3.9])!)).toMatch(/no longer a number/);
  });
  it('is a training loss above the base on the same tokens, however hard they are', () => {
    const hard = [1, 5, 2, 6, 1, 7, 2, 6, 1, 5];
    expect(
      divergenceReason(
        hard.map((loss) => loss + 0.4),
        hard,
      ),
    ).toBeUndefined();
    const risen = hard.map((loss) => loss + 0.6);
    expect(english(divergenceReason(risen, hard)!)).toMatch(/0\.6 nats above/);
    expect(divergenceReason([3, 3, 3], [1, 1, 1])).toBeUndefined();
    // Only the last steps count.
    const early = hard.map((loss, i) => loss + (i < 2 ? 9 : 0));
    expect(divergenceReason(early, hard)).toBeUndefined();
  });
});
