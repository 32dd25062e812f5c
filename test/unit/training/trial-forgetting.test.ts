import { describe, expect, it } from 'vitest';
import type { Sequence } from '../../../src/corpus/tokens/sequences.ts';
import type { TrainableModel } from '../../../src/model/index.ts';
import { maxTrialKl } from '../../../src/training/learning-rate/trial-forgetting.ts';
import { probeKl, takeProbes } from '../../../src/training/sweep/trial.ts';

const plan = { strength: 'measured' as const, strengthLimit: 0.1 };
const steps = { trial: 8, run: 160 };

describe('maxTrialKl', () => {
  it('leaves room for a run twenty times as long, served at half its strength', () => {
    expect(maxTrialKl(plan, 'lora', steps)).toBeCloseTo(0.147);
    // A full fine-tuning only has one strength.
    expect(maxTrialKl(plan, 'full', steps)).toBeCloseTo(0.037);
  });
  it('accepts what ended within the limit on Qwen2.5-Coder-0.5B, but not for much longer runs', () => {
    // A trial at 1e-4 had this KL; after 60 steps, at half the strength, it was 0.05 to 0.06.
    expect(0.1197).toBeLessThan(maxTrialKl(plan, 'lora', { trial: 8, run: 60 }));
    expect(0.1197).toBeGreaterThan(maxTrialKl(plan, 'lora', { trial: 8, run: 1000 }));
  });
  it('counts what a reference adapter has forgotten, whose KL falls at most in proportion to the strength', () => {
    const klAtZero = 0.04;
    const most = maxTrialKl(plan, 'lora', steps, klAtZero);
    expect(most).toBeCloseTo(0.084);
    const growth = Math.cbrt(steps.run / steps.trial);
    expect(klAtZero + (most - klAtZero) * growth * 0.5).toBeCloseTo(plan.strengthLimit);
    // Nothing is within the limit if it has forgotten too much itself.
    expect(maxTrialKl(plan, 'lora', steps, 0.2)).toBeLessThan(0.2);
  });
  it('is unlimited if the result is offered whatever it forgot', () => {
    expect(maxTrialKl({ ...plan, strength: 1 }, 'lora', steps)).toBe(Infinity);
  });
});

it('probes the base with the adapter off, if training begins with one', async () => {
  const config = { vocabularySize: 2 };
  // Only its adapter has learned that the second token is likelier.
  const probabilities = async (tokens: Int32Array, base?: boolean) =>
    Array.from(tokens, () => Float32Array.from(base ? [0.5, 0.5] : [0.25, 0.75]));
  const model = { config, probabilities } as unknown as TrainableModel;
  const heldOut = [{ tokens: Int32Array.of(0, 1, 0) }] as Sequence[];
  const kl = async (adapted?: boolean) => probeKl(model, await takeProbes(model, { heldOut }, adapted));
  expect(await kl()).toBe(0);
  expect(await kl(true)).toBeCloseTo(0.5 * Math.log(4 / 3));
});
