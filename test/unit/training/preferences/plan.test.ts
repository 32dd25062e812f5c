import { describe, expect, it } from 'vitest';
import { heldOutOf, parted, type Example } from '../../../../src/training/preferences/examples.ts';
import { BATCH, judgedAt, planStage, type StagePlan } from '../../../../src/training/preferences/plan.ts';

/** Of 100 tokens; the first is its number. */
const texts = (count: number): Example[] =>
  Array.from({ length: count }, (_, at) => ({
    desirable: at % 2 === 0,
    document: `file${at % 20}`,
    tokens: new Int32Array(100).fill(at, 0, 1),
    counted: 10,
  }));

describe('the texts of the stage', () => {
  const all = { training: texts(400), heldOut: texts(10), cursors: [], strengths: [1] };

  it('are the newest that fit into a fifth of the run, whole steps of them', () => {
    // 100 steps of 500 tokens are four fifths: 12,500 are left, of which 1,000 measure and a text takes 200.
    const { training, heldOut } = planStage(all, 100 * 500, 3) as StagePlan;
    expect(heldOut).toHaveLength(10);
    expect(training).toHaveLength(Math.floor(11_500 / 200 / BATCH) * BATCH);
    const numbers = training.map(({ tokens }) => tokens[0]!);
    expect(Math.min(...numbers)).toBe(400 - training.length);
    // Mixed, the same each time.
    expect(numbers).not.toEqual([...numbers].sort((a, b) => a - b));
    expect(planStage(all, 100 * 500, 3)).toEqual({ training, heldOut });
  });
  it('are all where there is room', () => {
    expect((planStage(all, 10_000 * 500, 3) as StagePlan).training).toHaveLength(400);
  });
  it('are fewer where more strengths are measured', () => {
    // Of 10 texts of 100 tokens five passes, each a third of a training.
    const { training } = planStage({ ...all, strengths: [1, 0.5] }, 100 * 500, 3) as StagePlan;
    expect(training).toHaveLength(Math.floor((12_500 - 5000 / 3) / 200 / BATCH) * BATCH);
  });
  it('are none where too few fit, with how long a run would do', () => {
    const short = planStage(all, 40 * 500, 3);
    const { needed } = short as { needed: number };
    expect(needed).toBeGreaterThan(1);
    expect(planStage(all, (40 * needed + 1) * 500, 3)).not.toHaveProperty('needed');
  });
});

describe('held-out texts', () => {
  it('are a tenth, by whole files', () => {
    const { training, heldOut } = parted(texts(400), () => false, 0);
    expect(heldOut).toHaveLength(40);
    expect(training).toHaveLength(360);
    const out = new Set(heldOut.map(({ document }) => document));
    expect(training.some(({ document }) => out.has(document))).toBe(false);
    expect(parted(texts(400), () => false, 1).heldOut).not.toEqual(heldOut);
  });
  it('are all those of files that the run holds out', () => {
    const out = ['file1', 'file2', 'file3', 'file4'];
    const { heldOut } = parted(texts(400), (document) => out.includes(document), 0);
    expect(new Set(heldOut.map(({ document }) => document))).toEqual(new Set(out));
  });
  it('are also those of files that are nearly the same as one that is held out', () => {
    const documents = [
      { path: 'a.ts', split: 'held-out' },
      { path: 'b.ts', split: 'train' },
    ];
    const leftOut = [
      { path: 'copy-of-a.ts', reason: 'near-duplicate', detail: 'a.ts' },
      { path: 'copy-of-b.ts', reason: 'near-duplicate', detail: 'b.ts' },
      { path: 'other.ts', reason: 'generated', detail: 'a.ts' },
    ];
    const isHeldOut = heldOutOf({ documents, leftOut } as never, {});
    expect(['a.ts', 'b.ts', 'copy-of-a.ts', 'copy-of-b.ts', 'other.ts'].filter(isHeldOut)).toEqual([
      'a.ts',
      'copy-of-a.ts',
    ]);
  });
});

it('is judged at the strength that is given, or at those that may be chosen', () => {
  expect(judgedAt({ strength: 0.7 })).toEqual([0.7]);
  expect(judgedAt({ strength: 'measured' })).toEqual([1, 0.5]);
});
