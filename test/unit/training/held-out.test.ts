import { describe, expect, it } from 'vitest';
import type { Sequence } from '../../../src/corpus/index.ts';
import type { PlanContext } from '../../../src/evaluation/task.ts';
import { workspaceTask } from '../../../src/evaluation/tasks/workspace.ts';
import { heldOutLoss, heldOutParts } from '../../../src/training/held-out.ts';

/** A model with a loss of a thousandth of each token, which requires the documents' starts. */
const model = {
  tokenLosses(tokens: Int32Array, { starts }: { starts?: Int32Array } = {}) {
    expect(starts).toHaveLength(tokens.length - 1);
    return Promise.resolve(Float32Array.from(tokens.subarray(1), (token) => token / 1000));
  },
};
const sequence = (tokens: number[], learned: number[]): Sequence => ({
  tokens: Int32Array.from(tokens),
  learned: Uint8Array.from(learned),
  starts: new Int32Array(learned.length),
});
async function measure(sequences: Sequence[], signal = new AbortController().signal) {
  const parts = await heldOutParts(model, sequences, signal);
  return parts && heldOutLoss(parts);
}

describe('the held-out loss', () => {
  it('is the mean over the learned tokens, whichever sequence they are in', async () => {
    const result = await measure([
      sequence([0, 1000, 9000, 2000], [1, 0, 1]),
      sequence([0, 9000, 6000, 9000], [0, 1, 0]),
    ]);
    expect(result).toMatchObject({ value: 3, n: 2 });
    expect(result!.setting).toContain('3 tokens');
  });

  it('has a multiplicative interval, since losses are never negative', async () => {
    const values = [2900, 3100, 3000, 3200, 2800];
    const result = (await measure(values.map((value) => sequence([0, value, value], [1, 1]))))!;
    expect(result.value).toBeCloseTo(3, 6);
    // Leaving each out: the mean of the other four, in logarithms; t with four degrees of freedom is 2.776.
    const changes = values.map((value) => Math.log((15 - value / 1000) / 4 / 3));
    const factor = Math.exp(2.7764451052 * Math.hypot(...changes));
    expect(result.high).toBeCloseTo(3 * factor, 6);
    expect(result.low).toBeCloseTo(3 / factor, 6);
  });

  it('groups sequences of one document', async () => {
    const values = [1000, 3000, 2000, 5000];
    const of = (documents: number[]) =>
      measure(values.map((value, i) => ({ ...sequence([0, value], [1]), document: documents[i]! })));
    const [alone, together] = [(await of([0, 10, 20, 30]))!, (await of([0, 0, 20, 20]))!];
    expect(together.value).toBe(alone.value);
    expect(together.high - together.low).toBeGreaterThan(2 * (alone.high - alone.low));
  });

  it('is undefined without sequences, and if it is stopped', async () => {
    expect(await measure([])).toBeUndefined();
    expect(await measure([sequence([0, 1], [1])], AbortSignal.abort())).toBeUndefined();
  });
});

it('says what to do if nothing is held out', async () => {
  const run = {
    spec: { hyper: { sequenceLength: 8 }, evaluation: { heldOutWindows: 4 } },
    corpus: () => Promise.resolve({ heldOutSequences: () => [], heldOutByAge: () => [] }),
  };
  const context = { setting: 'quick', run } as unknown as PlanContext;
  await expect(workspaceTask.plan(context)).rejects.toMatchObject({
    code: 'corpus-empty',
    next: expect.stringContaining('more') as string,
  });
});
