import { existsSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { changeTimes } from '../../../src/corpus/reading/change-times.ts';
import { buildCorpus, openCorpus } from '../../../src/corpus/index.ts';
import { streamSequences } from '../../../src/corpus/tokens/packing.ts';
import { recencyWeights, createRing } from '../../../src/corpus/recency.ts';
import { runGit } from '../../support/git.ts';
import { byteTokenizer, code, streamOf, useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();
const DAY = 24 * 3600;

describe('the weight of a file', () => {
  it('halves in each half-life, down to a quarter', () => {
    const newest = 1e9;
    const at = (...days: number[]) =>
      recencyWeights(
        [0, ...days].map((day) => newest - day * DAY),
        180,
      ).slice(1);
    expect(at(0, 90, 180, 360, 3600)).toEqual([1000, 707, 500, 250, 250]);
  });
  it('is the same if all were changed at once', () => {
    expect(recencyWeights([5e8, 5e8, 5e8], 180)).toEqual([1000, 1000, 1000]);
  });
});

describe('training sequences', () => {
  /** Token n has the value n; documents of 5000 tokens. */
  const stream = streamOf([0, 1, 2].map((n) => Array.from({ length: 5000 }, (_, i) => 5000 * n + i)));
  const weighted = [
    { begin: 0, weight: 1000 },
    { begin: 5000, weight: 250 },
    { begin: 10_000, weight: 600 },
  ];

  it('pass over each file as often as its weight', () => {
    const source = streamSequences({ ...stream, weights: weighted }, 50, 3);
    expect(source.perEpoch).toBe(Math.floor((5000 * 1.85) / 50));
    const epochs = 40;
    const passes = [0, 0, 0];
    for (let index = 0; index < epochs * source.perEpoch; index += 1)
      for (const token of source.at(index).tokens.subarray(1)) passes[Math.floor(token / 5000)]! += 1;
    // Give or take a sequence at a file's boundaries.
    for (const [at, weight] of [1, 0.25, 0.6].entries())
      expect(Math.abs(passes[at]! / 5000 / epochs - weight)).toBeLessThan(0.02);
  });

  it('never repeat a token in an epoch, and differ in the next', () => {
    const source = streamSequences({ ...stream, weights: weighted }, 50, 3);
    const targets = (epoch: number) =>
      Array.from({ length: source.perEpoch }, (_, i) => [
        ...source.at(epoch * source.perEpoch + i).tokens.subarray(1),
      ]).flat();
    for (const epoch of [0, 1, 5]) expect(new Set(targets(epoch)).size).toBe(50 * source.perEpoch);
    const seen = new Set(Array.from({ length: 30 }, (_, epoch) => targets(epoch)).flat());
    expect(seen.size).toBeGreaterThan(14_950);
  });

  it('equal those without weights if all weights are 1', () => {
    const [plain, full] = [undefined, [{ begin: 0, weight: 1000 }]].map((some) =>
      streamSequences({ ...stream, ...(some && { weights: some }) }, 64, 7),
    );
    expect(full!.perEpoch).toBe(plain!.perEpoch);
    for (let index = 0; index < 300; index += 1)
      expect(full!.at(index).tokens).toEqual(plain!.at(index).tokens);
  });

  it('never start in a file of weight 0', () => {
    const ring = createRing(
      400,
      [0, 1000, 0, 1000].map((weight, n) => ({ begin: 100 * n, weight })),
    );
    expect(ring.size).toBe(200);
    expect([0, 99, 100, 199].map((place) => ring.tokenAt(place))).toEqual([100, 199, 300, 399]);
    const last = createRing(200, [
      { begin: 0, weight: 1000 },
      { begin: 100, weight: 0 },
    ]);
    expect(last.tokenAt(last.size - 1)).toBe(99);
  });

  it('start at every position of the ring', () => {
    const ring = createRing(15_000, weighted);
    const places = Array.from({ length: ring.size }, (_, place) => ring.tokenAt(place));
    expect(places[0]).toBe(0);
    expect(places.at(-1)).toBeLessThan(15_000);
    expect(places.every((token, at) => at === 0 || token > places[at - 1]!)).toBe(true);
  });
});

function commitIn(repository: string, days: number, ...paths: string[]) {
  const git = (...args: string[]) => runGit(repository, args, 1_700_000_000 - days * DAY);
  if (!existsSync(join(repository, '.git'))) git('init', '-q');
  git('add', '--', ...paths);
  git('commit', '-qm', 'change');
}
const commit = (days: number, ...paths: string[]) => commitIn(folder.in(), days, ...paths);
const build = (halfLifeDays: number) =>
  buildCorpus({
    folder: folder.in(),
    out: folder.out(),
    tokenizer: byteTokenizer,
    seed: 0,
    plan: { halfLifeDays },
  });

describe('the last change of a file', () => {
  it("is its last commit below the folder, or the file's own date if git does not know it", async () => {
    folder.write({ 'src/old.ts': code(1), 'src/grün.ts': code(2), 'top.ts': code(3), 'src/new.ts': code(4) });
    commit(400, 'src/old.ts', 'src/grün.ts', 'top.ts');
    folder.write({ 'src/grün.ts': code(5) });
    commit(10, 'src/grün.ts');
    utimesSync(join(folder.in(), 'src/new.ts'), 1_700_000_007, 1_700_000_007);
    const times = await changeTimes(join(folder.in(), 'src'), ['old.ts', 'grün.ts', 'new.ts', 'gone.ts']);
    expect(times).toEqual(
      new Map([
        ['old.ts', 1_700_000_000 - 400 * DAY],
        ['grün.ts', 1_700_000_000 - 10 * DAY],
        ['new.ts', 1_700_000_007],
      ]),
    );
  });

  it('is the oldest commit read if it is older, but not of a file that was never committed', async () => {
    for (const [n, path] of ['old.ts', 'second.ts', 'third.ts'].entries()) {
      folder.write({ [path]: code(n) });
      commit(400 - 100 * n, path);
    }
    const fresh = ['staged.ts', 'grün.ts'];
    for (const [n, path] of fresh.entries()) {
      folder.write({ [path]: code(10 + n) });
      utimesSync(join(folder.in(), path), 1_700_000_007, 1_700_000_007);
    }
    runGit(folder.in(), ['add', 'staged.ts']);
    const times = await changeTimes(folder.in(), ['old.ts', 'second.ts', 'third.ts', ...fresh], undefined, 2);
    expect(Object.fromEntries(times)).toEqual({
      'third.ts': 1_700_000_000 - 200 * DAY,
      'second.ts': 1_700_000_000 - 300 * DAY,
      'old.ts': 1_700_000_000 - 300 * DAY,
      'staged.ts': 1_700_000_007,
      'grün.ts': 1_700_000_007,
    });
  });

  it.each([true, false])(
    'is in the history of a repository inside the folder, itself one: %s',
    async (one) => {
      const files = ['own.ts', 'lib/a.ts', 'lib/deep/b.ts', 'lib/deep/more/c.ts', 'lib/new.ts'];
      files.forEach((path, n) => folder.write({ [path]: code(n) }));
      for (const path of files) utimesSync(join(folder.in(), path), 1_700_000_007, 1_700_000_007);
      commitIn(join(folder.in(), 'lib/deep/more'), 500, 'c.ts');
      commitIn(join(folder.in(), 'lib'), 300, 'a.ts', 'deep/b.ts');
      if (one) commit(5, 'own.ts');
      expect(await changeTimes(folder.in(), files)).toEqual(
        new Map([
          ['own.ts', one ? 1_700_000_000 - 5 * DAY : 1_700_000_007],
          ['lib/a.ts', 1_700_000_000 - 300 * DAY],
          ['lib/deep/b.ts', 1_700_000_000 - 300 * DAY],
          ['lib/deep/more/c.ts', 1_700_000_000 - 500 * DAY],
          ['lib/new.ts', 1_700_000_007],
        ]),
      );
    },
  );

  it('weights it in the corpus, which reports the weight', async () => {
    const files = Array.from({ length: 20 }, (_, n) => `f${n}.ts`);
    files.forEach((path, n) => folder.write({ [path]: code(n) }));
    commit(180, ...files.slice(0, 10));
    commit(0, ...files.slice(10));
    const plain = await build(0);
    const { digest } = await build(180);
    expect(digest).not.toBe(plain.digest);
    const corpus = await openCorpus(folder.out());
    for (const { path, split, weight } of corpus.documents)
      expect([path, weight]).toEqual([path, split === 'train' && files.indexOf(path) < 10 ? 500 : undefined]);
    const all = (await openCorpus(folder.out())).sequences(64, 0);
    await build(0);
    expect(existsSync(join(folder.out(), 'train.weights'))).toBe(false);
    expect(all.perEpoch).toBeLessThan((await openCorpus(folder.out())).sequences(64, 0).perEpoch);
  });

  it("is the file's own date without git, and has no effect if all dates are equal", async () => {
    for (let n = 0; n < 12; n += 1) folder.write({ [`f${n}.ts`]: code(n) });
    for (let n = 0; n < 12; n += 1) utimesSync(join(folder.in(), `f${n}.ts`), 1e9, 1e9);
    await build(180);
    expect(existsSync(join(folder.out(), 'train.weights'))).toBe(false);
    for (let n = 0; n < 6; n += 1) utimesSync(join(folder.in(), `f${n}.ts`), 1e9 - 90 * DAY, 1e9 - 90 * DAY);
    await build(180);
    const { documents } = await openCorpus(folder.out());
    expect(new Set(documents.map(({ weight }) => weight))).toEqual(new Set([undefined, 707]));
  });
});
