/** Documents supplied directly, in place of a folder's files. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  buildCorpus,
  openCorpus,
  type BuildOptions,
  type KeptEntry,
  type SourceDocument,
} from '../../../src/corpus/index.ts';
import { all, byteTokenizer, code, textOf, useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();
const row = (n: number): SourceDocument => ({
  path: `row ${n}`,
  pieces: [{ text: `row_${n} holds text_${n} that no other_${n} row has_${n}\n`, learned: true }],
});
const example = (n: number): SourceDocument => ({
  path: `row ${n}`,
  pieces: [
    { text: '<|user|>', learned: false, special: true },
    { text: `what_${n} is question_${n} about_${n} ?`, learned: false },
    { text: '<|assistant|>', learned: false, special: true },
    { text: `it_${n} is answer_${n} to that_${n}`, learned: true },
    { text: '<|end|>', learned: true, special: true },
  ],
});
const specials = ['<|user|>', '<|assistant|>', '<|end|>'];
const chat: BuildOptions['tokenizer'] = {
  eos: 256,
  encode: (text, { special = false } = {}) =>
    special && specials.includes(text)
      ? Int32Array.of(300 + specials.indexOf(text))
      : byteTokenizer.encode(text),
};
async function* from(rows: Iterable<SourceDocument>) {
  for (const one of rows) {
    await Promise.resolve();
    yield one;
  }
}
const rows = (count: number, make = row) => Array.from({ length: count }, (_, n) => make(n));
const learnedTokens = (documents: readonly KeptEntry[], named: RegExp) =>
  documents
    .filter(({ path, split }) => split === 'train' && named.test(path))
    .reduce((sum, { tokens }) => sum + tokens, 0);
const build = (list: Iterable<SourceDocument>, more: Partial<BuildOptions> = {}) =>
  buildCorpus({ documents: from(list), out: folder.out(), tokenizer: byteTokenizer, seed: 0, ...more });

describe('rows to pretrain on', () => {
  it('are in one split as a whole, by their content', async () => {
    const summary = await build(rows(300));
    const corpus = await openCorpus(folder.out());
    expect(summary).toMatchObject({ folder: '', kept: 300, mode: 'pretrain' });
    for (const { path, split, offset, tokens } of corpus.documents)
      expect(textOf((split === 'train' ? corpus.train : corpus.heldOut).read(offset, tokens))).toBe(
        row(Number(path.slice(4))).pieces[0]!.text,
      );
    const heldOut = corpus.documents.filter(({ split }) => split === 'held-out').map(({ path }) => path);
    expect(heldOut.length).toBeGreaterThan(10);
    expect(heldOut.length).toBeLessThan(60);
    // In another order, and with others in between.
    await build([...rows(500).slice(300), ...rows(300).reverse()]);
    const again = (await openCorpus(folder.out())).documents.filter(({ split }) => split === 'held-out');
    expect(again.map(({ path }) => path)).toEqual(expect.arrayContaining(heldOut));
  });

  it('are read only as far as needed', async () => {
    let asked = 0;
    function* endless() {
      for (; ; asked += 1) yield row(asked);
    }
    const plan = { maxTokens: 5000 };
    const { trainTokens, heldOutTokens } = await build(endless(), { plan });
    expect(trainTokens).toBeGreaterThanOrEqual(5000);
    expect(trainTokens).toBeLessThan(5200);
    // Read further only until there is enough to measure on.
    expect(heldOutTokens).toBeGreaterThanOrEqual(16_384);
    expect(heldOutTokens).toBeLessThan(17_000);
    expect(asked).toBeLessThan(4000);
    asked = 0;
    await build(endless(), { plan, heldOutShare: 0 });
    expect(asked).toBeLessThan(200);
  });

  it('are held out up to two thousand', async () => {
    const { heldOutFiles, trainFiles } = await build(rows(4500), { heldOutShare: 0.7 });
    expect(heldOutFiles).toBe(2000);
    expect(trainFiles).toBe(2500);
  });

  it('may follow the files of a folder, which are read completely and leave the rows their own budget', async () => {
    folder.write(Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`file${n}.ts`, code(n)])));
    const summary = await build(rows(100), { folder: folder.in(), plan: { maxTokens: 1000 } });
    expect(summary.folder).toBe(folder.in());
    const { documents } = await openCorpus(folder.out());
    expect(documents.filter(({ path }) => path.startsWith('file'))).toHaveLength(20);
    expect(learnedTokens(documents, /^file/)).toBeGreaterThan(1000);
    expect(learnedTokens(documents, /^row/)).toBeGreaterThanOrEqual(1000);
    expect(learnedTokens(documents, /^row/)).toBeLessThan(1200);
  });

  it('of several sources are learned up to the budget of each', async () => {
    const first = rows(200).map((one) => ({ ...one, source: 'first' }));
    await build([...first, ...rows(400).slice(200)], { plan: { maxTokens: 1000 } });
    const { documents } = await openCorpus(folder.out());
    for (const source of [/^row (?:1?\d)?\d$/, /^row [23]\d\d$/]) {
      expect(learnedTokens(documents, source)).toBeGreaterThanOrEqual(1000);
      expect(learnedTokens(documents, source)).toBeLessThan(1200);
    }
  });

  it('to replay are those that the run does not hold out', async () => {
    await build(rows(100));
    const held = (await openCorpus(folder.out())).documents.filter(({ split }) => split === 'held-out');
    expect(held.length).toBeGreaterThan(3);
    const heldOutByRun = new Set(held.map(({ sha256 }) => sha256));
    const { leftOut, trainFiles } = await build(rows(100), { heldOutShare: 0, heldOutByRun });
    expect({ leftOut, trainFiles }).toEqual({
      leftOut: { 'shows-held-out': held.length },
      trainFiles: 100 - held.length,
    });
  });

  it('are left out and counted if empty, too long or with a secret', async () => {
    const key = ['AKIA', 'QQQWERTYUIOPASDF'].join('');
    const text = (path: string, content: string) => ({ path, pieces: [{ text: content, learned: true }] });
    const { leftOut } = await build([
      ...rows(20),
      text('row 20', ' \n'),
      text('row 21', 'word '.repeat(300_000)),
      text('row 22', `aws_access_key_id = ${key}\n`),
      { path: 'row 23', pieces: [{ text: 'a question', learned: false }] },
    ]);
    expect(leftOut).toEqual({ empty: 2, 'over-long': 1, secret: 1 });
  });

  it('are rejected if there are fewer than two', async () => {
    await expect(build([])).rejects.toMatchObject({
      code: 'corpus-empty',
      message: expect.stringContaining('no rows') as string,
    });
    await expect(build(rows(1))).rejects.toMatchObject({ code: 'corpus-empty' });
    expect((await build(rows(2))).heldOutFiles).toBe(1);
  });

  it('leave nothing behind if their source fails', async () => {
    function* failing() {
      yield row(1);
      throw new Error('the connection was lost');
    }
    await expect(build(failing())).rejects.toThrow('the connection was lost');
    expect(existsSync(join(folder.out(), 'summary.json'))).toBe(false);
    expect(existsSync(join(folder.out(), 'all.tokens.tmp'))).toBe(false);
  });
});

describe('instruction examples', () => {
  it('are learned in the marked parts, including the end token', async () => {
    await build(rows(40, example), { tokenizer: chat, plan: { mode: 'instruct' } });
    const corpus = await openCorpus(folder.out());
    const seen = new Set<string>();
    const source = corpus.sequences(255, 1);
    for (let index = 0; index < source.perEpoch; index += 1) {
      const { tokens, learned, starts } = source.at(index);
      for (const start of new Set(starts)) {
        if (tokens[start] !== 300) continue;
        const end = tokens.indexOf(256, start);
        const own = (flag: number) =>
          tokens
            .slice(start, end + 1)
            .filter((_, i) => (learned[start + i - 1] ?? 0) === flag || (i === 0 && flag === 0));
        expect(textOf(own(1))).toMatch(/^it_\d+ is answer_\d+ to that_\d+$/);
        expect([...own(1)].filter((token) => token > 255)).toEqual([302, 256]);
        expect(textOf(own(0))).toMatch(/^what_\d+ is question_\d+ about_\d+ \?$/);
        seen.add(textOf(own(0)));
      }
    }
    expect(seen.size).toBe(corpus.summary.trainFiles);
    const heldOut = corpus.heldOutSequences(255);
    expect(heldOut.length).toBeGreaterThan(0);
    for (const { learned } of heldOut) expect(learned).toContain(1);
  });

  it('that belong together are held out together', async () => {
    const commitOf = (n: number) => `commit ${Math.floor(n / 4)}`;
    await build(
      rows(200, (n) => ({ ...example(n), path: commitOf(n), together: commitOf(n) })),
      { tokenizer: chat, plan: { mode: 'instruct' } },
    );
    const { documents } = await openCorpus(folder.out());
    const sides = new Map<string, Set<string>>();
    for (const { path, split } of documents) sides.set(path, (sides.get(path) ?? new Set()).add(split));
    expect(sides.size).toBe(50);
    // One document may be moved if a split would otherwise be empty.
    expect([...sides.values()].filter((all) => all.size > 1).length).toBeLessThanOrEqual(1);
    const heldOut = documents.filter(({ split }) => split === 'held-out').length;
    expect(heldOut).toBeGreaterThan(3);
  });

  it('with an age are held out from the newest on', async () => {
    const aged = (n: number) => ({ ...example(n), path: `commit ${n}`, age: n / 200 });
    await build(rows(200, aged), { tokenizer: chat, plan: { mode: 'instruct' } });
    const { documents } = await openCorpus(folder.out());
    const heldOut = documents.filter(({ split }) => split === 'held-out').map(({ path }) => path);
    expect(heldOut).toEqual(Array.from({ length: 20 }, (_, n) => `commit ${n}`));
  });

  it('are compared by content, not by the words of the template', async () => {
    const short = (n: number): SourceDocument => ({
      path: `row ${n}`,
      pieces: [
        {
          text: 'system: you are a helpful assistant that answers well and at length\n',
          learned: false,
          special: true,
        },
        { text: `sum_${n}`, learned: false },
        {
          text: '\nassistant: now I will give the answer that was asked for above\n',
          learned: false,
          special: true,
        },
        { text: `${n * n}`, learned: true },
      ],
    });
    const { kept, leftOut } = await build(rows(30, short), { plan: { mode: 'instruct' } });
    expect({ kept, leftOut }).toEqual({ kept: 30, leftOut: {} });
  });

  it("begin with the base's start token", async () => {
    await build(rows(20), { tokenizer: { ...byteTokenizer, start: 400 } });
    const corpus = await openCorpus(folder.out());
    const tokens = all(corpus.train);
    expect(tokens[0]).toBe(400);
    expect(tokens.filter((token) => token === 400)).toHaveLength(corpus.summary.trainFiles);
    const { tokens: sequence, learned } = corpus.sequences(64, 0).at(0);
    sequence.slice(1).forEach((token, i) => expect(learned[i]).toBe(token === 400 ? 0 : 1));
  });
});
