/** Files that share lines with another: they are not held out, and are recognised under a new name. */
import { describe, expect, it } from 'vitest';
import { openCorpus, buildCorpus, EarlierCorpus } from '../../../src/corpus/index.ts';
import {
  CopiedLines,
  lineHashes,
  Sketches,
  createSketch,
} from '../../../src/corpus/held-out/copied-lines.ts';
import { chooseHeldOut } from '../../../src/corpus/held-out/hold-out.ts';
import { all, byteTokenizer, code, textOf, useTemporaryFolder } from './help.ts';

const copiedOf = (texts: readonly string[]) => {
  const lines = new CopiedLines();
  for (const text of texts) lines.add(lineHashes(text));
  return [...lines.findCopied()];
};

describe('a copied file', () => {
  it('shares half of its lines with one other file, wherever they are', () => {
    const whole = code(1, 100);
    const half = code(1, 20).trim().split('\n').reverse().join('\n') + `\n${code(2, 20)}`;
    const third = code(1, 20) + code(3, 40);
    expect(copiedOf([whole, half, third])).toEqual([1]);
  });
  it('is not one that shares a little with many, or only common headers', () => {
    const parts = [1, 2, 3, 4].map((n) => code(n, 10));
    expect(copiedOf([parts.join(''), ...parts.map((part, n) => part + code(20 + n, 40))])).toEqual([]);
    const licence = code(9, 30);
    expect(copiedOf(Array.from({ length: 12 }, (_, n) => licence + code(30 + n, 15)))).toEqual([]);
  });
  it('is not decided by a few lines', () => {
    expect(copiedOf([code(1, 100), code(1, 5) + code(2, 2)])).toEqual([]);
  });
  it('is held out only if all other files are copies, too', () => {
    const files = Array.from({ length: 40 }, (_, n) => ({
      ...{ path: `f${n}.ts`, kind: 'code' as const, bytes: 1000, copied: n % 2 === 0 },
    }));
    const chosen = chooseHeldOut(files, { seed: 0, share: 0.1 });
    expect(chosen.size).toBe(4);
    for (const index of chosen) expect(files[index]!.copied).toBe(false);
    const all = files.map((file) => ({ ...file, copied: true }));
    expect(chooseHeldOut(all, { seed: 0, share: 0.1 }).size).toBe(1);
  });
});

describe('a sketch', () => {
  const of = (text: string) => createSketch(lineHashes(text))!;
  it('is recognised after half of the lines were edited, but not by common lines', () => {
    const sketches = new Sketches<string>();
    for (const n of [1, 2, 3]) sketches.add(of(code(n, 200)), `file ${n}`);
    expect(sketches.find(of(code(2, 170) + code(50, 30)))).toBe('file 2');
    expect(sketches.find(of(code(2, 20) + code(51, 200)))).toBeUndefined();
    expect(sketches.find(of(code(60, 200)))).toBeUndefined();
  });
  it('is undefined for a short file', () => expect(createSketch(lineHashes(code(1, 5)))).toBeUndefined());
});

const folder = useTemporaryFolder();
const build = async (earlier?: EarlierCorpus) => {
  await buildCorpus({ folder: folder.in(), out: folder.out(), tokenizer: byteTokenizer, seed: 0, earlier });
  return openCorpus(folder.out());
};

describe('a corpus', () => {
  it('holds out no file of which half is trained on', async () => {
    const files = Array.from({ length: 20 }, (_, n) => [`part${n}.ts`, code(n, 30)] as const);
    const taken = files.map(([, text], n) => [`copy${n}.ts`, text + code(100 + n, 25)] as const);
    folder.write(Object.fromEntries([...files, ...taken, ...own(40)]));
    const { documents } = await build();
    const heldOut = documents.filter(({ split }) => split === 'held-out').map(({ path }) => path);
    expect(heldOut.length).toBeGreaterThan(3);
    for (const path of heldOut) expect(path).toMatch(/^own/);
  });

  /** A file of 40 lines, another one of 100 that holds it, and `others` of their own. */
  const grown = async (others: number, newer: (older: string, more: string) => string) => {
    const older = code(1, 40);
    const files = { 'v1.ts': older, 'v2.ts': newer(older, code(2, 60)) };
    folder.write({ ...files, ...Object.fromEntries(own(others)) });
    return build();
  };

  it.each([
    ['goes on after it', 5, (older: string, more: string) => older + more],
    ['ends like it', 4, (older: string, more: string) => more + older],
  ])('of six files holds out no end that is learned elsewhere: one %s', async (_, count, newer) => {
    const { train, heldOut, summary } = await grown(4, newer);
    expect(summary).toMatchObject({ kept: 6, cut: true, trainFiles: 6, heldOutFiles: count });
    const of = `There are only 6 files of code, so ${count} of them are split: `;
    expect(summary.warnings).toEqual([expect.stringContaining(of)]);
    const learned = new Set(textOf(all(train)).split('\n'));
    const ends = textOf(all(heldOut)).trim().split('\n');
    expect(ends.filter((line) => learned.has(line))).toEqual([]);
  });

  it('holds out whole files if fewer than four can be cut', async () => {
    const { summary, documents } = await grown(3, (older, more) => more + older);
    expect(summary.cut).toBe(false);
    expect(documents.some(({ split }) => split === 'held-out')).toBe(true);
  });

  it('keeps the split of a file that was renamed and edited', async () => {
    folder.write(Object.fromEntries(own(40)));
    const { documents, leftOut } = await build();
    const earlier = new EarlierCorpus(documents, leftOut);
    const names = Object.fromEntries(
      documents.map(({ path }, n) => {
        const [, number] = /(\d+)/.exec(path)!;
        return [path, [`renamed${n}.ts`, code(Number(number), 30) + code(500 + n, 5)] as const];
      }),
    );
    const again = useNames(names);
    const now = await build(earlier);
    const splits = new Map(now.documents.map(({ path, split }) => [path, split]));
    for (const { path, split } of documents) expect([path, splits.get(again(path))]).toEqual([path, split]);
  });
});

const own = (count: number) =>
  Array.from({ length: count }, (_, n) => [`own${200 + n}.ts`, code(200 + n, 30)] as const);

/** Replaces all files; returns a function from a file's key to its name. */
function useNames(names: Record<string, readonly [string, string]>): (path: string) => string {
  folder.clear();
  folder.write(Object.fromEntries(Object.values(names)));
  return (path) => names[path]![0];
}
