import { describe, expect, it } from 'vitest';
import type { Sequence } from '../../../src/corpus/index.ts';
import type { PlanContext } from '../../../src/evaluation/tasks/task.ts';
import { workspaceTask } from '../../../src/evaluation/tasks/workspace.ts';
import { heldOutLoss, heldOutParts } from '../../../src/training/held-out.ts';

/** A model to which every token costs a thousandth of itself, and which asks for the documents' beginnings. */
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
  it('is the mean over what is learned, whichever sequence it is in', async () => {
    const result = await measure([
      sequence([0, 1000, 9000, 2000], [1, 0, 1]),
      sequence([0, 9000, 6000, 9000], [0, 1, 0]),
    ]);
    expect(result).toMatchObject({ value: 3, n: 2 });
    expect(result!.setting).toContain('3 tokens');
  });

  it('has the interval of a mean where sequences count alike', async () => {
    const values = [1000, 3000, 2000, 5000, 4000];
    const result = (await measure(values.map((value) => sequence([0, value, value], [1, 1]))))!;
    // Mean 3, standard deviation sqrt(2.5).
    expect(result.value).toBeCloseTo(3, 6);
    expect(result.high - result.value).toBeCloseTo(1.96 * Math.sqrt(2.5 / 5), 6);
    expect(result.value - result.low).toBeCloseTo(result.high - result.value, 12);
  });

  it('holds the true mean in 95 of 100 cases where sequences count differently', async () => {
    let state = 1;
    const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    // Of each sequence 5 to 40 tokens count, each costing 0 to 4 nats around the sequence's own mean of 1 to 3.
    const draw = () => {
      const mean = 1000 + 2000 * random();
      const count = 5 + Math.floor(36 * random());
      const losses = Array.from({ length: count }, () => Math.round(mean + 2000 * (random() - 0.5)));
      return sequence(
        [0, ...losses],
        losses.map(() => 1),
      );
    };
    let held = 0;
    for (let trial = 0; trial < 400; trial += 1) {
      const { low, high } = (await measure(Array.from({ length: 40 }, draw)))!;
      if (low <= 2 && 2 <= high) held += 1;
    }
    expect(held).toBeGreaterThan(360);
    expect(held).toBeLessThan(397);
  });

  it('is not told of nothing, nor when it is stopped', async () => {
    expect(await measure([])).toBeUndefined();
    expect(await measure([sequence([0, 1], [1])], AbortSignal.abort())).toBeUndefined();
  });
});

it('says what to do where nothing is held out', async () => {
  const run = {
    spec: { hyper: { sequenceLength: 8 }, evaluation: { heldOutWindows: 4 } },
    corpus: () => Promise.resolve({ heldOutSequences: () => [] }),
  };
  const context = { setting: 'quick', run } as unknown as PlanContext;
  await expect(workspaceTask.plan(context)).rejects.toMatchObject({
    code: 'corpus-empty',
    next: expect.stringContaining('more') as string,
  });
});
