import { describe, expect, it } from 'vitest';
import { survivingEvents, type RunEvent } from '../../../src/protocol/events.ts';
import { startEvent, stepEvent } from '../runs/help.ts';

describe('survivingEvents', () => {
  it('keeps only the events before each resumed checkpoint', () => {
    const at = { time: 'T' };
    const step = (n: number): RunEvent => ({ ...at, ...stepEvent(n) });
    const begin = (n: number) => ({ ...at, ...startEvent(n) }) as RunEvent;
    const checkpoint = (n: number): RunEvent => ({ ...at, type: 'checkpoint', step: n, path: 'p' });
    const warning: RunEvent = { ...at, type: 'warning', message: 'm' };
    const events = [
      begin(0),
      step(1),
      checkpoint(1),
      step(2),
      warning,
      step(3),
      begin(1),
      step(2),
      begin(2),
      step(3),
    ];
    const kept = [begin(0), step(1), checkpoint(1), warning, begin(1), step(2), begin(2), step(3)];
    expect(survivingEvents(events)).toEqual(kept);
  });

  it('keeps the learning rate of a run that starts over or returns to its first step', () => {
    const at = { time: 'T' };
    const rate: RunEvent = { ...at, type: 'rate', learningRate: 1e-4, why: 'w' };
    const begin = { ...at, ...startEvent(0) } as RunEvent;
    const back: RunEvent = { ...at, type: 'rollback', step: 1, to: 0, why: 'w', rateScale: 0.5 };
    expect(survivingEvents([rate, begin, back, begin])).toEqual([rate, begin, back, begin]);
  });

  it('keeps one measurement of the base if a run started over', () => {
    const at = { time: 'T' };
    const begin = { ...at, ...startEvent(0) } as RunEvent;
    const result = { task: 'workspace', metric: 'loss', value: 3, low: 2, high: 4, n: 1, setting: 's' };
    const measured: RunEvent = { ...at, type: 'evaluation', step: 0, result };
    expect(survivingEvents([begin, measured, begin, measured])).toEqual([begin, begin, measured]);
  });
});
