import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatDifference,
  formatDuration,
  formatInterval,
  formatNumber,
  formatRate,
  formatTick,
  isShare,
  stepCount,
} from '../../../webview/view-model/format.ts';
import { roughly } from '../../../src/text/units.ts';

describe('numbers', () => {
  it('have as many digits as their size deserves', () => {
    expect([1.94321, 12.345, 1234.5, 0.0123, 0.00042, 4.2e-6, 0].map(formatNumber)).toEqual([
      '1.943',
      '12.3',
      '1,235',
      '0.012',
      '0.0004',
      '4.2e-6',
      '0',
    ]);
  });
  it('have a true minus sign, and name what is not finite', () => {
    expect(formatNumber(-0.195)).toBe('\u22120.195');
    expect(formatNumber(Number.NaN)).toBe('not a number');
    expect(formatNumber(-Infinity)).toBe('\u2212infinite');
  });
  it('are in percent for shares, and in points for their differences', () => {
    expect(isShare('pass@1')).toBe(true);
    expect(isShare('loss', 'nats/token')).toBe(false);
    expect(formatInterval({ value: 0.05, low: 0, high: 0.125 }, true)).toBe('5.0% [0.0%, 12.5%]');
    expect(formatDifference({ value: -0.01, low: -0.04, high: 0.02 }, true)).toBe(
      '\u22121.0 [\u22124.0, +2.0] points',
    );
    expect(formatDifference({ value: 0.064, low: 0, high: 0.076 }, false)).toBe('+0.064 [0, +0.076]');
  });
  it('have no interval if a single item gives none', () => {
    const [share, difference] = [0.52, -0.165].map((value) => ({ value, low: value, high: value }));
    expect(formatInterval(share!, true)).toBe('52.0%');
    expect(formatDifference(difference!, false)).toBe('\u22120.165');
  });
  it('on a scale have enough decimals to differ', () => {
    expect([0, 0.25, 0.5].map((value) => formatTick(value, 0.25))).toEqual(['0', '0.25', '0.50']);
    // 0.1 + 0.2 and the like, as a chart's ticks are computed.
    expect([0.1, 0.1 + 0.2].map((value) => formatTick(value, 0.30000000000000004 - 0.2))).toEqual([
      '0.1',
      '0.3',
    ]);
    expect(formatTick(2000, 1000)).toBe('2,000');
    expect(formatTick(-0.02, 0.01)).toBe('\u22120.02');
  });
  it('of time, memory, counts and rates have their units', () => {
    expect([0.2, 40, 100, 4800].map(formatDuration)).toEqual(['1 s', '40 s', '2 min', '80 min']);
    expect(formatDuration(5 * 3600 + 60)).toBe('5 h 1 min');
    expect([8.8e8, 2.314e9].map(formatBytes)).toEqual(['880 MB', '2.31 GB']);
    expect([812, 9_300, 608_123, 4_884_480].map(roughly)).toEqual(['812', '9,300', '608k', '4.9M']);
    expect([1e-3, 3.5e-4, 0].map(formatRate)).toEqual(['1e-3', '3.5e-4', '0']);
    expect([1, 1203].map(stepCount)).toEqual(['1 step', '1,203 steps']);
  });
});
