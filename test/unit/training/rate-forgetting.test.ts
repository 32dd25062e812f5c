import { describe, expect, it } from 'vitest';
import { mostTrialKl } from '../../../src/training/rate-forgetting.ts';

const plan = { strength: 'measured' as const, strengthLimit: 0.1 };
const steps = { trial: 8, run: 160 };

describe('mostTrialKl', () => {
  it('is what leaves room for a run twenty times as long, served at half its strength', () => {
    expect(mostTrialKl(plan, 'lora', steps)).toBeCloseTo(0.02);
    // A full fine-tuning has one strength only.
    expect(mostTrialKl(plan, 'full', steps)).toBeCloseTo(0.005);
  });
  it('tells the rates apart that were measured on Qwen2.5-Coder-0.5B', () => {
    const most = mostTrialKl(plan, 'lora', steps);
    expect(0.0135).toBeLessThan(most);
    expect(0.1197).toBeGreaterThan(most);
  });
  it('sets no limit where the result is offered whatever it forgot', () => {
    expect(mostTrialKl({ ...plan, strength: 1 }, 'lora', steps)).toBe(Infinity);
  });
});
