/** Windows of training files that a run's first sequences do not read. */
import { describe, expect, it } from 'vitest';
import { buildCorpus, openCorpus, type Corpus, type Sequence } from '../../../src/corpus/index.ts';
import { extractRanges, tokensRead } from '../../../src/corpus/held-out/unread.ts';
import { streamSequences } from '../../../src/corpus/tokens/packing.ts';
import type { SourceDocument } from '../../../src/corpus/reading/source.ts';
import {
  byteTokenizer,
  code,
  endOf,
  streamOf,
  textOf,
  tokensPerDocument,
  useTemporaryFolder,
} from './help.ts';

const folder = useTemporaryFolder();
const [PREFIX, SUFFIX, MIDDLE, REPOSITORY, FILE] = [301, 302, 303, 304, 305];
const special: Record<string, number> = { '<|repo_name|>': REPOSITORY, '<|file_sep|>': FILE };
/** For a base with fill-in-the-middle tokens and one that joins files into repositories. */
const tokenizer = {
  ...byteTokenizer,
  fim: { prefix: PREFIX, suffix: SUFFIX, middle: MIDDLE },
  fileSeparator: FILE,
  decode: (tokens: ArrayLike<number>) => textOf(Int32Array.from(tokens)),
  encode: (text: string, options: { special?: boolean } = {}) =>
    options.special && text in special ? Int32Array.of(special[text]!) : byteTokenizer.encode(text),
};
const LENGTH = 128;

const build = async (plan: object, documents?: AsyncIterable<SourceDocument>) => {
  const from = documents ? { documents } : { folder: folder.in() };
  await buildCorpus({ ...from, out: folder.out(), tokenizer, seed: 0, plan });
  return openCorpus(folder.out());
};
const firstOf = (corpus: Corpus, read: number) => {
  const source = corpus.sequences(LENGTH, 3, tokenizer);
  return Array.from({ length: read }, (_, index) => source.at(index));
};
/** The numbers from `code` that occur in any of the sequences. */
const numbersIn = (sequences: readonly Sequence[]) =>
  new Set(
    sequences.flatMap(({ tokens }) =>
      [...textOf(tokens).matchAll(/value_(\d+)_/g)].map(([, number]) => Number(number)),
    ),
  );
const overlap = (a: ReadonlySet<number>, b: ReadonlySet<number>) => [...a].filter((one) => b.has(one));

describe('the text read by sequences', () => {
  it('covers every token, also for sequences that wrap around', () => {
    const stream = streamOf(tokensPerDocument(40));
    const ranges = tokensRead(stream, (one) => streamSequences(one, 29, 5), 30);
    const read = new Set(ranges.flatMap(({ begin, end }) => [...stream.read(begin, end - begin)]));
    const source = streamSequences(stream, 29, 5);
    expect(read).toEqual(
      new Set(Array.from({ length: 30 }, (_, index) => [...source.at(index).tokens]).flat()),
    );
    expect(ranges.every(({ begin, end }) => begin >= 0 && end <= stream.length)).toBe(true);
  });
});

describe('parts of a stream', () => {
  it('are read as one stream of their documents', () => {
    const stream = streamOf(tokensPerDocument(3), (document) => document.map((token) => token % 2));
    const parts = extractRanges(stream, [
      { begin: 1, end: 4 },
      { begin: 6, end: 8 },
    ]);
    expect(parts).toMatchObject({ length: 5, starts: Int32Array.of(0, 3) });
    const wanted = [...stream.read(1, 3), ...stream.read(6, 2)];
    expect([...parts.read(0, 5)]).toEqual(wanted);
    expect([...parts.read(2, 2)]).toEqual(wanted.slice(2, 4));
    expect([...parts.learned!(1, 3)]).toEqual(wanted.slice(1, 4).map((token) => token % 2));
    expect(wanted).not.toContain(endOf);
  });
});

describe('windows of unread files', () => {
  const files = (count: number, lines = 12) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, n) => [`src/file${1000 + n}.ts`, code(1000 + n, lines)]),
    );

  it.each([
    ['plain text', {}],
    ['fill-in-the-middle', { fimRate: 0.5 }],
    ['files joined to repositories', { fimRate: 0.5, repositoryContext: true }],
  ])('are of training files that the first sequences do not touch, with %s', async (_, plan) => {
    folder.write(files(80));
    const corpus = await build(plan);
    for (const read of [0, 8, 40]) {
      const windows = corpus.unreadSequences(LENGTH, 8, { read, seed: 3 });
      expect(windows).toHaveLength(8);
      const found = numbersIn(windows);
      expect(overlap(found, numbersIn(firstOf(corpus, read)))).toEqual([]);
      expect(overlap(found, numbersIn(corpus.heldOutSequences(LENGTH)))).toEqual([]);
      expect(new Set(windows.map(({ document }) => document)).size).toBe(8);
      for (const { tokens, learned } of windows) {
        expect(tokens).toHaveLength(LENGTH + 1);
        expect(learned).toContain(1);
        // No special tokens or headings: as in held-out windows.
        expect(Math.max(...tokens)).toBeLessThanOrEqual(byteTokenizer.eos);
      }
      expect(corpus.unreadSequences(LENGTH, 8, { read, seed: 3 })).toEqual(windows);
    }
  });

  it('leave out everything read, and nothing else', async () => {
    folder.write(files(40));
    const corpus = await build({});
    const unread = numbersIn(corpus.unreadSequences(LENGTH, Infinity, { read: 12, seed: 3 }));
    const read = numbersIn(firstOf(corpus, 12));
    const all = numbersIn([{ tokens: corpus.train.read(0, corpus.train.length) } as Sequence]);
    // A sequence may contain too little of a file for its number to be read there; it counts as read.
    const missing = [...all].filter((one) => !unread.has(one) && !read.has(one));
    expect(unread.size).toBeGreaterThan(10);
    expect(missing.length).toBeLessThan(6);
  });

  it('are of the measured kind', async () => {
    const prose = (n: number) => `Of value_${n}_ much is said, and of other things as well.\n`.repeat(10);
    folder.write(files(30));
    folder.write(Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`docs/${n}.md`, prose(n)])));
    const corpus = await build({});
    const found = numbersIn(corpus.unreadSequences(LENGTH, Infinity, { read: 4, seed: 3 }));
    expect(Math.min(...found)).toBeGreaterThanOrEqual(1000);
  });

  it('are empty if all files are read', async () => {
    folder.write(files(14));
    const corpus = await build({});
    const { perEpoch } = corpus.sequences(LENGTH, 3);
    expect(corpus.unreadSequences(LENGTH, 8, { read: perEpoch + 1, seed: 3 })).toEqual([]);
  });

  it('contain whole examples of files other than the read ones', async () => {
    /** Two functions of each file. */
    async function* pairs(): AsyncGenerator<SourceDocument> {
      for (let n = 1000; n < 1060; n += 1)
        for (const line of [1, 20])
          yield {
            path: `src/a${n}.ts:${line}`,
            together: `src/a${n}.ts`,
            pieces: [
              { text: `Question ${line}: `, learned: false },
              { text: code(n, 1 + (line % 3)), learned: true },
            ],
          };
    }
    const corpus = await build({ mode: 'instruct' }, pairs());
    const read = numbersIn(firstOf(corpus, 10));
    expect(read.size).toBeGreaterThan(10);
    const windows = corpus.unreadSequences(LENGTH, Infinity, { read: 10, seed: 3 });
    const found = numbersIn(windows);
    expect(overlap(found, read)).toEqual([]);
    expect(found.size).toBeGreaterThan(20);
    for (const { tokens, learned } of windows) {
      expect(textOf(tokens)).toMatch(/^Question/);
      expect(learned.includes(0) && learned.includes(1)).toBe(true);
    }
  });
});
