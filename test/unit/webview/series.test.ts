import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../../src/protocol/events.ts';
import { isHeldOutLoss } from '../../../webview/view-model/labels.ts';
import { longest, lossOf, readSeries, sample, smooth } from '../../../webview/view-model/series.ts';
import { makeRun, metric } from './fixtures.ts';

const time = '2026-11-24T14:05:00Z';
const step = (at: number, loss: number): RunEvent => ({
  type: 'step',
  time,
  step: at,
  loss,
  learningRate: loss / 1000,
  gradientNorm: 1,
  tokensPerSecond: 100,
  peakMemory: 1e9,
  etaSeconds: 1,
});
const start = (at: number): RunEvent => ({
  type: 'start',
  time,
  backend: 'wasm',
  backendReason: 'asked for',
  step: at,
  steps: 3,
  trainableParameters: 1,
  trainTokens: 1,
  heldOutTokens: 1,
});
const evaluation = (at: number, value: number, setting: string): RunEvent => ({
  type: 'evaluation',
  time,
  step: at,
  result: metric('workspace', 'loss', value, 0.1, 4, setting),
});

describe('events to series', () => {
  it('contain every step once, in order', () => {
    const { steps, start, done } = readSeries(makeRun({ steps: 30 }).events);
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    expect(start?.backend).toBe('tensorflow');
    expect(done?.artefact).toBe('adapter.gguf');
  });
  it('drop what a resumed run does not build upon, as soon as it resumes', () => {
    const before = [start(0), step(1, 3), step(2, 2), evaluation(2, 2.1, '4 windows'), step(3, 9)];
    const resumed = readSeries([...before, start(1)]);
    expect(lossOf(resumed)).toEqual([{ x: 1, y: 3 }]);
    expect(resumed.metrics).toEqual([]);
    const series = readSeries([...before, start(1), step(2, 1.5), step(3, 1)]);
    expect(lossOf(series)).toEqual([
      { x: 1, y: 3 },
      { x: 2, y: 1.5 },
      { x: 3, y: 1 },
    ]);
  });
  it('separate metrics that were measured in different ways, and keep the newest of each step', () => {
    const { metrics } = readSeries([
      evaluation(0, 2.1, '4 windows'),
      evaluation(20, 2.0, '4 windows'),
      evaluation(0, 2.2, '16 windows'),
      evaluation(20, 1.9, '4 windows'),
      evaluation(10, 2.05, '4 windows'),
    ]);
    expect(metrics.map(({ setting }) => setting)).toEqual(['4 windows', '16 windows']);
    const drawn = longest(metrics, isHeldOutLoss)!;
    expect(drawn.points.map(({ x, y }) => [x, y])).toEqual([
      [0, 2.1],
      [10, 2.05],
      [20, 1.9],
    ]);
    expect(drawn.points[0]).toMatchObject({ low: 2.0, high: 2.2, n: 4 });
    expect(longest(metrics, () => false)).toBeUndefined();
  });
  it('contain a warning once', () => {
    const warning: RunEvent = { type: 'warning', time, message: 'The loss jumped.' };
    expect(readSeries([warning, warning]).warnings).toEqual(['The loss jumped.']);
  });
});

describe('smoothing', () => {
  it('leaves a constant unchanged from the first step on', () => {
    const flat = Array.from({ length: 50 }, (_, x) => ({ x, y: 2 }));
    for (const { y } of smooth(flat, 10)) expect(y).toBeCloseTo(2, 12);
  });
  it('is the weighted mean of earlier values', () => {
    const [first, second] = smooth(
      [
        { x: 0, y: 1 },
        { x: 1, y: 3 },
      ],
      2,
    );
    expect(first!.y).toBeCloseTo(1, 12);
    // Weights 1/4 and 1/2.
    expect(second!.y).toBeCloseTo((1 * 0.25 + 3 * 0.5) / 0.75, 12);
  });
  it('skips values that are not finite', () => {
    expect(
      smooth(
        [
          { x: 0, y: Number.NaN },
          { x: 1, y: 2 },
          { x: 2, y: Infinity },
        ],
        5,
      ).map(({ y }) => y),
    ).toEqual([2, 2]);
  });
});

describe('sampling rows', () => {
  it('keeps first and last, spreads the rest, repeats none', () => {
    const rows = sample(
      Array.from({ length: 5000 }, (_, index) => index),
      50,
    );
    expect(rows).toHaveLength(50);
    expect([rows[0], rows.at(-1)]).toEqual([0, 4999]);
    expect(new Set(rows).size).toBe(50);
    const gaps = rows.slice(1).map((row, index) => row - rows[index]!);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
  });
  it('leaves short lists alone', () => {
    expect(sample([1, 2, 3], 5)).toEqual([1, 2, 3]);
  });
});
