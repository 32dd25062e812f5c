import { describe, expect, it } from 'vitest';
import { secondsLeft, shareDone, timeLeftIn } from '../../../src/findings/run-time.ts';

const now = Date.parse('2026-11-29T12:00:00Z');
const at = (seconds: number) => new Date(now + 1000 * seconds).toISOString();

describe('the time of a run', () => {
  it('advances between two updates from its owner', () => {
    const state = { begun: at(-30), ends: at(90) };
    expect(secondsLeft(state, now)).toBe(90);
    expect(secondsLeft(state, now + 30_000)).toBe(60);
    expect(shareDone(state, now)).toBe(0.25);
    expect(shareDone(state, now + 30_000)).toBe(0.5);
  });
  it('is not over before the run is', () => {
    const late = { begun: at(-100), ends: at(-1) };
    expect(secondsLeft(late, now)).toBeUndefined();
    expect(shareDone(late, now)).toBe(0.99);
    expect([secondsLeft({}, now), shareDone({}, now)]).toEqual([undefined, undefined]);
  });
  it('is stated for the phase and until the end', () => {
    const left = (etaSeconds: number | undefined, all?: number) =>
      timeLeftIn({ etaSeconds, ...(all !== undefined && { begun: at(-1), ends: at(all) }) }, now);
    expect(left(20, 200)).toBe('about 20 s left, 3 min until the end');
    expect(left(20, 20)).toBe('about 20 s left');
    expect(left(20)).toBe('about 20 s left');
    expect(left(undefined, 80)).toBe('about 80 s left');
    expect(left(undefined)).toBeUndefined();
  });
});
