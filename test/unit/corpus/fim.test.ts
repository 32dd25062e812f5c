import { describe, expect, it } from 'vitest';
import { buildCorpus, openCorpus, type CorpusTokenizer } from '../../../src/corpus/index.ts';
import { cutForFim } from '../../../src/corpus/fim.ts';
import { byteTokenizer, code, textOf, useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();
const [PREFIX, SUFFIX, MIDDLE, REPOSITORY, FILE] = [301, 302, 303, 304, 305];
const fim: CorpusTokenizer = {
  ...byteTokenizer,
  fim: { prefix: PREFIX, suffix: SUFFIX, middle: MIDDLE },
};
const withRepositories = (repository: string, file: string): CorpusTokenizer => ({
  ...fim,
  encode: (text, { special = false } = {}) =>
    special && text === repository
      ? Int32Array.of(REPOSITORY)
      : special && text === file
        ? Int32Array.of(FILE)
        : byteTokenizer.encode(text),
});
const many = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`src/file${String(n).padStart(3, '0')}.ts`, code(n)]),
  );
const build = (plan: object, tokenizer = fim, seed = 0) =>
  buildCorpus({ folder: folder.in(), out: folder.out(), tokenizer, seed, plan });
const open = () => openCorpus(folder.out());

/** The text that a document was, read from the tokens it became. */
function putBack(tokens: number[]): string {
  const text = (part: number[]) => textOf(Int32Array.from(part));
  const [suffix, middle] = [tokens.indexOf(SUFFIX), tokens.indexOf(MIDDLE)];
  expect(tokens[0]).toBe(PREFIX);
  expect(tokens.filter((token) => token > 300)).toHaveLength(3);
  return suffix === 1
    ? text(tokens.slice(middle + 1)) + text(tokens.slice(2, middle))
    : text(tokens.slice(1, suffix)) + text(tokens.slice(middle + 1)) + text(tokens.slice(suffix + 1, middle));
}

describe('fill-in-the-middle', () => {
  const files = many(300);

  it('puts back together to the document, at the rate asked for, half in each order; held-out text stays', async () => {
    folder.write(files);
    const summary = await build({ fimRate: 0.5 });
    const corpus = await open();
    const train = corpus.documents.filter(({ split }) => split === 'train');
    const tokensOf = ({ split, offset, tokens }: (typeof train)[0]) => [
      ...(split === 'train' ? corpus.train : corpus.heldOut).read(offset, tokens),
    ];
    for (const document of corpus.documents) {
      const tokens = tokensOf(document);
      expect(tokens.at(-1)).toBe(256);
      const text = document.fim ? putBack(tokens.slice(0, -1)) : textOf(Int32Array.from(tokens));
      expect(text).toBe(files[document.path]);
      if (document.fim === 'psm') expect(tokens.indexOf(MIDDLE)).toBeGreaterThan(tokens.indexOf(SUFFIX));
      if (document.fim === 'spm') expect(tokens[1]).toBe(SUFFIX);
    }
    expect(corpus.documents.some(({ split, fim: order }) => split === 'held-out' && order)).toBe(false);
    const count = (order: string) => train.filter((document) => document.fim === order).length;
    // Within four standard deviations of a quarter each.
    const quarter = train.length / 4;
    for (const order of ['psm', 'spm'])
      expect(Math.abs(count(order) - quarter)).toBeLessThan(4 * Math.sqrt(quarter * 0.75));
    expect(summary.fimRate).toBe(0.5);
    expect(corpus.sequences(16, 0).at(0).learned).toHaveLength(16);
  });

  it('cuts all at rate 1 and none at 0, and where the seed says', async () => {
    folder.write(many(40));
    await build({ fimRate: 1 });
    const all = (await open()).documents;
    expect(all.every(({ split, fim: order }) => (split === 'train') === (order !== undefined))).toBe(true);
    const train = (await open()).train.read(0, 500);
    await build({ fimRate: 1 });
    expect((await open()).train.read(0, 500)).toEqual(train);
    const { digest } = await build({ fimRate: 0 });
    expect((await open()).documents.every(({ fim: order }) => order === undefined)).toBe(true);
    expect((await build({})).digest).toBe(digest);
    expect((await build({ fimRate: 0.1 })).digest).not.toBe(digest);
  });

  it('leaves the file plain that has to be held out for want of another', async () => {
    folder.write(many(3));
    for (let seed = 0; seed < 12; seed += 1) {
      await build({ fimRate: 1 }, fim, seed);
      const { documents, heldOut } = await open();
      const own = documents.filter(({ split }) => split === 'held-out');
      expect(own.length).toBeGreaterThan(0);
      for (const { path, offset, tokens, fim: order } of own) {
        expect(order).toBeUndefined();
        expect(textOf(heldOut.read(offset, tokens))).toBe(files[path]);
      }
      expect(documents.filter(({ split }) => split === 'train').every(({ fim: order }) => order)).toBe(true);
    }
  });

  it('never cuts a character in two, and takes every place alike', () => {
    const text = '😀é中😀'.repeat(5);
    const places = new Set<number>();
    for (let n = 0; n < 500; n += 1) {
      const { prefix, middle, suffix } = cutForFim(text, { seed: 0, key: `${n}`, rate: 1 })!;
      expect(prefix + middle + suffix).toBe(text);
      for (const part of [prefix, middle, suffix]) expect(() => encodeURIComponent(part)).not.toThrow();
      places.add(prefix.length).add(prefix.length + middle.length);
    }
    // Every one there is: 4 characters, 5 times, and the end.
    expect(places.size).toBe(21);
  });

  it('cuts a text that begins with half a character, as JSON may hold it', () => {
    const text = '\udc00x';
    for (let n = 0; n < 50; n += 1) {
      const { prefix, middle, suffix } = cutForFim(text, { seed: 0, key: `${n}`, rate: 1 })!;
      expect(prefix + middle + suffix).toBe(text);
    }
  });

  it('is refused where the base has no tokens for it, and for instructions', async () => {
    folder.write(many(4));
    await expect(build({ fimRate: 0.5 }, byteTokenizer)).rejects.toMatchObject({ code: 'bad-argument' });
    await expect(build({ fimRate: 0.5, mode: 'instruct' })).rejects.toMatchObject({ code: 'bad-argument' });
  });
});

describe('whole repository context', () => {
  const files = many(200);
  const name = 'in';

  it.each([
    ['<|repo_name|>', '<|file_sep|>', `${name}\n`],
    ['<repo_name>', '<file_sep>', name],
  ])(
    'joins training files in their order, as a base with %s has seen them',
    async (repository, file, opening) => {
      folder.write(files);
      await build({ repositoryContext: true }, withRepositories(repository, file));
      const corpus = await open();
      const train = [...corpus.train.read(0, corpus.train.length)];
      const joined = train
        .join(' ')
        .split(/ ?\b256\b ?/)
        .slice(0, -1)
        .map((part) => part.split(' ').map(Number));
      expect(joined.length).toBeGreaterThan(2);
      const found: [string, string][] = [];
      for (const tokens of joined) {
        expect(tokens[0]).toBe(REPOSITORY);
        const [first, ...parts] = tokens
          .slice(1)
          .join(' ')
          .split(` ${FILE} `)
          .map((part) => textOf(Int32Array.from(part.split(' ').map(Number))));
        expect(first).toBe(opening);
        expect(
          parts.map((part) => files[part.slice(0, part.indexOf('\n'))]).join('').length,
        ).toBeLessThanOrEqual(8192);
        for (const part of parts)
          found.push([part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]);
      }
      const own = corpus.documents.filter(({ split }) => split === 'train').map(({ path }) => path);
      expect(found).toEqual(own.map((path) => [path, files[path]]));
      // A repository is one document: attention goes from file to file.
      const { starts, tokens } = corpus.sequences(4096, 0).at(0);
      expect(new Set(starts).size).toBeLessThan(tokens.filter((token) => token === FILE).length);
      for (const { split, offset, tokens: count, path } of corpus.documents)
        if (split === 'held-out') expect(textOf(corpus.heldOut.read(offset, count))).toBe(files[path]);
    },
  );

  it('says in the manifest where each file lies, all tokens told', async () => {
    folder.write(files);
    await build({ repositoryContext: true, fimRate: 0.5 }, withRepositories('<|repo_name|>', '<|file_sep|>'));
    const { documents, train, summary } = await open();
    let end = 0;
    for (const { split, offset, tokens, path } of documents) {
      if (split !== 'train') continue;
      expect(offset).toBe(end);
      end += tokens;
      expect(textOf(train.read(offset, tokens))).toContain(`${path}\n`);
    }
    expect(end).toBe(train.length);
    expect(summary).toMatchObject({ trainTokens: end, repositoryContext: true });
  });

  it('is refused where the base has no tokens for it', async () => {
    folder.write(many(4));
    await expect(build({ repositoryContext: true })).rejects.toMatchObject({ code: 'bad-argument' });
  });
});
