import { describe, expect, it } from 'vitest';
import type { RunState } from '../../../src/protocol/run.ts';
import { RunClock, timesLeft } from '../../../src/training/process/run-clock.ts';

const began = Date.parse('2026-11-29T12:00:00Z');

function clocked(expected?: { preparing: number; training: number; measuring: number }) {
  let seconds = 0;
  let slept = 0;
  let state: Partial<RunState> = {};
  const prepared: number[] = [];
  const writer = {
    state: (patch: Partial<RunState>) => {
      state = { ...state, ...patch };
      return Promise.resolve();
    },
  };
  const clock = new RunClock(
    writer,
    expected,
    (took) => prepared.push(took),
    () => began + 1000 * seconds,
    () => 1000 * (seconds - slept),
  );
  /** The state after this patch at this second: the time until the end, and the time left in the phase. */
  const after = async (second: number, patch: Partial<RunState>) => {
    seconds = second;
    await clock.state(patch);
    return [state.ends && (Date.parse(state.ends) - began) / 1000, state.etaSeconds];
  };
  return { after, prepared, state: () => state, sleep: (lasting: number) => void (slept += lasting) };
}

describe('the clock of a run', () => {
  const expected = { preparing: 15, training: 60, measuring: 45 };

  it('predicts the end, from phase to phase', async () => {
    const { after, prepared } = clocked(expected);
    expect(await after(0, { status: 'running', phase: 'Reading files' })).toEqual([120, 15]);
    expect(await after(5, { status: 'running', phase: 'Loading the model' })).toEqual([120, 10]);
    expect(await after(20, { status: 'running', phase: 'Training' })).toEqual([125, 60]);
    const back = 'Training, back from step 2 to step 0';
    expect(await after(22, { status: 'running', phase: back })).toEqual([125, 58]);
    expect(prepared).toEqual([20]);
    expect(await after(30, { step: 3, etaSeconds: 70 })).toEqual([145, 70]);
    expect(await after(31, { steps: 12 })).toEqual([145, 70]);
    expect(await after(100, { status: 'running', phase: 'Writing the result' })).toEqual([145, undefined]);
    expect(await after(101, { status: 'evaluating', phase: 'Evaluating' })).toEqual([146, undefined]);
  });
  it('only counts the steps that a resumed run still has to do', async () => {
    const { after } = clocked(timesLeft(expected, 45, { steps: 60 }));
    expect(await after(0, { status: 'running', phase: 'Reading files' })).toEqual([75, 15]);
    expect(await after(10, { status: 'running', phase: 'Training, resumed at step 45' })).toEqual([70, 15]);
    const done = clocked(timesLeft(expected, 60, { steps: 60 }));
    expect(await done.after(0, { status: 'running', phase: 'Loading the model' })).toEqual([60, 15]);
    expect(timesLeft(undefined, 45, { steps: 60 })).toBeUndefined();
  });
  it('does not count the time that the computer sleeps', async () => {
    const { after, prepared, sleep } = clocked(expected);
    expect(await after(0, { status: 'running', phase: 'Reading files' })).toEqual([120, 15]);
    sleep(3600);
    expect(await after(3605, { status: 'running', phase: 'Loading the model' })).toEqual([3720, 10]);
    expect(await after(3620, { status: 'running', phase: 'Training' })).toEqual([3725, 60]);
    expect(prepared).toEqual([20]);
    sleep(600);
    const back = 'Training, back from step 2 to step 0';
    expect(await after(4222, { status: 'running', phase: back })).toEqual([4325, 58]);
  });
  it("uses the evaluator's own times while it measures", async () => {
    const { after } = clocked(expected);
    await after(100, { status: 'evaluating', phase: 'Evaluating' });
    const ends = new Date(began + 130_000).toISOString();
    expect(await after(105, { phase: 'HumanEval 1 of 40', etaSeconds: 12, ends })).toEqual([130, 12]);
  });
  it('has no times once the run has ended', async () => {
    for (const status of ['done', 'cancelled', 'failed'] as const) {
      const { after, state } = clocked(expected);
      await after(1, { status: 'running', phase: 'Training' });
      expect(await after(2, { status })).toEqual([undefined, undefined]);
      expect(state().begun).toBeUndefined();
    }
  });
  it('has no prediction without expected times, and drops the time left of a finished phase', async () => {
    const { after } = clocked();
    expect(await after(1, { step: 2, etaSeconds: 9 })).toEqual([undefined, 9]);
    expect(await after(2, { status: 'evaluating', phase: 'Evaluating' })).toEqual([undefined, undefined]);
  });
});
