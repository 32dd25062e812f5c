import { expect, it } from 'vitest';
import type { Sequence } from '../../../src/corpus/index.ts';
import { evaluationPlanSchema, hyperSchema } from '../../../src/protocol/run.ts';
import { trialWindows } from '../../../src/training/learning-rate/trial-windows.ts';

const windows = (documents: readonly number[]): Sequence[] =>
  documents.map((document) => ({
    tokens: new Int32Array(9),
    learned: new Uint8Array(8),
    starts: new Int32Array(8),
    document,
  }));
const hyper = hyperSchema.parse({
  learningRate: 1,
  steps: 8,
  batch: 2,
  accumulate: 3,
  sequenceLength: 8,
  seed: 5,
});
const evaluation = evaluationPlanSchema.parse({ heldOutWindows: 6 });
/** The corpus has windows of these documents that trials do not read. */
const among = (unread: readonly number[]) => {
  const asked: unknown[] = [];
  const found = trialWindows(
    {
      unreadSequences(...how) {
        asked.push(how);
        return windows(unread);
      },
      heldOutSequences: (length, count) => windows(new Array<number>(count!).fill(length)),
    },
    hyper,
    evaluation,
  );
  return { ...found, asked };
};

it('compares trials on training files that none of their steps reads', () => {
  const { windows: found, heldOut, asked } = among([1, 2, 2, 3, 4]);
  expect(asked).toEqual([[8, 8, { read: 8 * 2 * 3, seed: 5 }]]);
  expect(found.map(({ document }) => document)).toEqual([1, 2, 2, 3, 4]);
  expect(heldOut).toBe(false);
});

it.each([[[]], [[1, 1, 1, 1, 2, 3]]])(
  'falls back to held-out files if too few others are left: %j',
  (unread) => {
    const { windows: found, heldOut } = among(unread);
    expect(found.map(({ document }) => document)).toEqual(new Array<number>(6).fill(8));
    expect(heldOut).toBe(true);
  },
);
