import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildCorpus, openCorpus, surveyCorpus } from '../../../src/corpus/index.ts';
import { NearDuplicates, computeSignature } from '../../../src/corpus/held-out/near-duplicates.ts';
import { byteTokenizer, useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();

/** Real code, all in one style, so that similarity is no coincidence. */
const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .map((path) => readFileSync(join('src', path), 'utf8'))
  .filter((text) => text.split('\n').length > 45)
  .slice(0, 30);

const known = new Map<string, Set<string>>();
function shingles(text: string): Set<string> {
  const before = known.get(text);
  if (before) return before;
  const words = text.match(/[A-Za-z0-9_\u0080-\uffff]+|[^\s]/g) ?? [];
  const found = new Set(
    Array.from({ length: Math.max(1, words.length - 4) }, (_, at) => words.slice(at, at + 5).join(' ')),
  );
  known.set(text, found);
  return found;
}

/** By the definition. */
function jaccard(a: string, b: string): number {
  const [left, right] = [shingles(a), shingles(b)];
  let shared = 0;
  for (const shingle of left) if (right.has(shingle)) shared += 1;
  return shared / (left.size + right.size - shared);
}

/** The Jaccard similarity that two signatures of 120 bytes suggest: bytes also agree by chance, one in 256. */
function estimateSimilarity(a: Uint8Array, b: Uint8Array): number {
  const agreeing = a.filter((value, k) => value === b[k]).length;
  return Math.max(0, (agreeing / a.length - 1 / 256) / (1 - 1 / 256));
}

/** With every nth line replaced. */
const changed = (text: string, every: number, word = 'other') =>
  text
    .split('\n')
    .map((line, number) => (number % every === every - 1 ? `${line} // ${word} ${number}` : line))
    .join('\n');

describe('the estimated similarity', () => {
  it('is accurate to within five standard errors, from disjoint to identical', () => {
    const pairs = sources.flatMap((text, index) => [
      ...[2, 3, 5, 9, 20, 60].map((every) => [text, changed(text, every)] as const),
      [text, sources[(index + 1) % sources.length]!] as const,
    ]);
    let error = 0;
    for (const [a, b] of pairs) {
      const exact = jaccard(a, b);
      const estimate = estimateSimilarity(computeSignature(a), computeSignature(b));
      expect(Math.abs(estimate - exact)).toBeLessThan(5 * Math.sqrt((exact * (1 - exact)) / 120 + 0.0005));
      error += (estimate - exact) / pairs.length;
    }
    // It is unbiased.
    expect(Math.abs(error)).toBeLessThan(0.01);
    expect(estimateSimilarity(computeSignature(sources[0]!), computeSignature(sources[0]!))).toBe(1);
  });

  it('ignores whitespace, but not words', () => {
    expect(computeSignature('if (a) { return b; }')).toEqual(computeSignature('if (a)\n{\n  return b;\n}\n'));
    expect(computeSignature('if (a) { return b; }')).not.toEqual(computeSignature('if (a) { return c; }'));
    expect(computeSignature('один два')).not.toEqual(computeSignature('один три'));
    expect(computeSignature('a')).not.toEqual(computeSignature('b'));
  });
});

describe('searching for near-duplicates', () => {
  it('finds the very similar ones, and no others, among hundreds', () => {
    const near = new NearDuplicates();
    const texts = sources.flatMap((text) => [3, 4, 5, 6, 8].map((part) => text.slice(0, text.length / part)));
    const kept: string[] = [];
    const check = (text: string) => {
      const found = near.findOrAdd(text);
      const similarities = kept.map((other) => jaccard(text, other));
      if (found === undefined) kept.push(text);
      // An estimate of 0.8 can mean 0.65 at worst; from 0.92 on, none is missed.
      if (found !== undefined) expect(similarities[found]).toBeGreaterThan(0.65);
      if (Math.max(...similarities) > 0.92) expect(found).toBeDefined();
    };
    sources.forEach(check);
    texts.forEach(check);
    const before = kept.length;
    expect(before).toBeGreaterThan(60);
    sources.forEach((text) => check(changed(text, 40)));
    expect(kept.length).toBe(before);
  });

  it('takes limited time with many files from one template', () => {
    const near = new NearDuplicates();
    const shared = sources[0]!.slice(0, 600);
    const own = (n: number) => Array.from({ length: 40 }, (_, word) => `word_${n}_${word}`).join(' ');
    const found = Array.from({ length: 1500 }, (_, n) => near.findOrAdd(`${shared} ${own(n)}`));
    expect(found.filter((one) => one !== undefined).length).toBeLessThan(150);
  });
});

describe('a corpus', () => {
  const files = Object.fromEntries(
    sources.flatMap((text, n) => [
      [`a/file${n}.ts`, text],
      [`b/copied${n}.ts`, changed(text, 30, 'mine')],
      [`c/file${n}.ts`, changed(text, 40, 'theirs')],
    ]),
  );

  it('keeps one of several near-duplicates, names the similar file, and so never has them in both splits', async () => {
    folder.write(files);
    for (const seed of [0, 1, 2]) {
      const { kept, leftOut } = await surveyCorpus({ folder: folder.in(), seed });
      expect(kept.map(({ path }) => path)).toEqual(
        Object.keys(files)
          .filter((path) => path.startsWith('a/'))
          .sort(),
      );
      expect(leftOut).toHaveLength(2 * sources.length);
      for (const { path, reason, detail } of leftOut) {
        expect(reason).toBe('near-duplicate');
        expect(jaccard(files[path]!, files[detail!]!)).toBeGreaterThan(0.7);
      }
      const sides = new Map(kept.map(({ path, split }) => [path, split]));
      expect(new Set(sides.values())).toEqual(new Set(['train', 'held-out']));
    }
  });

  it('compares rows and files together', async () => {
    folder.write({ 'one.ts': sources[0]!, 'two.ts': sources[1]! });
    async function* rows() {
      yield { path: 'row 1', pieces: [{ text: changed(sources[0]!, 30), learned: true }] };
      yield { path: 'row 2', pieces: [{ text: sources[2]!, learned: true }] };
      yield { path: 'row 3', pieces: [{ text: sources[2]!, learned: true }] };
      await Promise.resolve();
    }
    const options = { folder: folder.in(), out: folder.out(), tokenizer: byteTokenizer, seed: 0 };
    await buildCorpus({ ...options, documents: rows() });
    const { documents, leftOut } = await openCorpus(folder.out());
    expect(documents.map(({ path }) => path)).toEqual(['one.ts', 'two.ts', 'row 2']);
    expect(leftOut).toEqual([
      { in: false, path: 'row 1', reason: 'near-duplicate', detail: 'one.ts' },
      { in: false, path: 'row 3', reason: 'duplicate', detail: 'row 2' },
    ]);
  });
});
