import { describe, expect, it } from 'vitest';
import { maxTrialKl } from '../../../src/training/learning-rate/trial-forgetting.ts';

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
  it('is unlimited if the result is offered whatever it forgot', () => {
    expect(maxTrialKl({ ...plan, strength: 1 }, 'lora', steps)).toBe(Infinity);
  });
});
