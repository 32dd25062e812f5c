/** A corpus that continues an earlier one: splits, replay, and changes. */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { buildCorpus, EarlierCorpus, openCorpus, type KeptEntry } from '../../../src/corpus/index.ts';
import { REPLAY_SHARE, limitReplay } from '../../../src/corpus/earlier-corpus.ts';
import { Sketches } from '../../../src/corpus/held-out/copied-lines.ts';
import { byteTokenizer, code, textOf, useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();
const many = (from: number, to: number) =>
  Object.fromEntries(Array.from({ length: to - from }, (_, n) => [`src/file${from + n}.ts`, code(from + n)]));
const build = async (earlier?: EarlierCorpus) => {
  await buildCorpus({ folder: folder.in(), out: folder.out(), tokenizer: byteTokenizer, seed: 0, earlier });
  return openCorpus(folder.out());
};
const asEarlier = ({ documents, leftOut }: Awaited<ReturnType<typeof build>>) =>
  new EarlierCorpus(documents, leftOut);
const sides = ({ documents }: { documents: readonly KeptEntry[] }) =>
  new Map(documents.map(({ path, split }) => [path, split]));
const pathOn = (split: KeptEntry['split'], all: Map<string, string>, at = 0) =>
  [...all].filter(([, side]) => side === split)[at]![0];

describe('the split', () => {
  it('is kept for every file, changed or renamed; new ones follow the usual rule', async () => {
    folder.write(many(0, 40));
    const first = await build();
    const before = sides(first);
    const [heldOut, trained, moved] = [
      pathOn('held-out', before),
      pathOn('train', before),
      pathOn('held-out', before, 1),
    ];
    folder.write({ [heldOut]: code(1000), [trained]: code(1001), ...many(100, 140) });
    renameSync(join(folder.in(), moved), join(folder.in(), 'src/a_new_name.ts'));
    const after = sides(await build(asEarlier(first)));
    for (const [path, side] of before)
      if (path !== moved) expect([path, after.get(path)]).toEqual([path, side]);
    expect(after.get('src/a_new_name.ts')).toBe('held-out');
    const added = [...after].filter(([path]) => /file1\d\d/.test(path));
    expect(added.filter(([, side]) => side === 'held-out')).toHaveLength(4);
  });

  it('is kept for the replacement of a near-duplicate', async () => {
    const alike = (n: number) => `${code(7, 60)}const last = ${n};\n`;
    folder.write({ ...many(20, 40), 'src/z.ts': alike(1) });
    const first = await build();
    const side = sides(first).get('src/z.ts')!;
    const other = new EarlierCorpus(
      first.documents.map((entry) =>
        entry.path === 'src/z.ts' ? { ...entry, split: side === 'train' ? 'held-out' : 'train' } : entry,
      ),
      [],
    );
    // The new file is read first, so the old one is left out.
    folder.write({ 'src/a.ts': alike(2) });
    expect(sides(await build(asEarlier(first))).get('src/a.ts')).toBe(side);
    expect(sides(await build(other)).get('src/a.ts')).not.toBe(side);
  });

  it('is kept for files that were temporarily missing', async () => {
    folder.write(many(0, 40));
    const first = await build();
    const before = sides(first);
    const known = asEarlier(first);
    const remain = pathOn('held-out', before);
    const gone = [...before.keys()].filter((path) => path !== remain).slice(0, 20);
    expect(gone.some((path) => before.get(path) === 'held-out')).toBe(true);
    for (const path of gone) rmSync(join(folder.in(), path));
    const second = await build(known);
    const earlier = asEarlier(second);
    earlier.addOlder(first.documents, first.leftOut);
    folder.write(many(0, 40));
    const third = await build(earlier);
    expect(sides(third)).toEqual(before);
    // They are new to the run that is continued.
    expect(third.summary.changed).toMatchObject({ files: 20 });
  });

  it('is that of the newest corpus that knows a file, and its name counts no less than an older text', () => {
    const entry = (path: string, sha256: string, split: KeptEntry['split']) =>
      ({ path, sha256, split }) as KeptEntry;
    const earlier = new EarlierCorpus([entry('a.ts', '2', 'train')], []);
    earlier.addOlder(
      [entry('a.ts', '1', 'held-out'), entry('b.ts', '0', 'held-out')],
      [{ in: false, path: 'c.ts', reason: 'near-duplicate', detail: 'b.ts' }],
    );
    earlier.addOlder([entry('b.ts', '0', 'train'), entry('d.ts', '3', 'train')], []);
    const splitOf = (path: string, sha256: string) => earlier.splitByName({ path, sha256 });
    expect(splitOf('a.ts', '1')).toBe('train');
    expect(splitOf('z.ts', '1')).toBe('held-out');
    expect(splitOf('b.ts', '9')).toBe('held-out');
    expect(splitOf('c.ts', '9')).toBe('held-out');
    expect(splitOf('d.ts', '9')).toBe('train');
    expect(splitOf('z.ts', '9')).toBeUndefined();
    expect(['0', '1', '2', '3'].filter((sha256) => earlier.contains({ sha256 }))).toEqual(['2']);
  });

  it('needs no more memory for a chain of runs in which few files changed', async () => {
    folder.write(Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`f${n}.ts`, code(n, 30)])));
    const { documents, leftOut } = await build();
    const add = vi.spyOn(Sketches.prototype, 'add');
    onTestFinished(() => add.mockRestore());
    const earlier = new EarlierCorpus(documents, leftOut);
    expect(add).toHaveBeenCalledTimes(40);
    const [changed, ...same] = documents;
    earlier.addOlder([{ ...changed!, sha256: 'an older text' }, ...same], leftOut);
    earlier.addOlder([{ ...changed!, sha256: 'an older text' }, ...same], leftOut);
    expect(add).toHaveBeenCalledTimes(41);
  });

  it('may leave nothing held out, which is reported', async () => {
    folder.write(many(0, 12));
    const first = await build();
    for (const [path, side] of sides(first)) if (side === 'held-out') rmSync(join(folder.in(), path));
    await expect(build(asEarlier(first))).rejects.toThrow(
      'Nothing that the earlier run held out is still there',
    );
  });
});

describe('changed text', () => {
  it('is reported and stored separately, and the rest is replayed at its share', async () => {
    folder.write(many(0, 80));
    const first = await build();
    folder.write(many(80, 100));
    const second = await build(asEarlier(first));
    expect(second.summary.changed).toMatchObject({ files: 20, trainFiles: 18, kept: 80 });
    expect(second.summary.changed!.replay).toBeCloseTo(REPLAY_SHARE, 2);
    const known = second.documents.filter((entry) => entry.known);
    expect(known).toHaveLength(80);
    // A window contains old or new text: in each split, all old text precedes the new.
    for (const side of ['train', 'held-out']) {
      const own = second.documents.filter(({ split }) => split === side);
      const end = Math.max(...own.filter((one) => one.known).map(({ offset }) => offset));
      expect(Math.min(...own.filter((one) => !one.known).map(({ offset }) => offset))).toBeGreaterThan(end);
    }
    // Drawn as in training, windows start in old text as often as the share says.
    const border = Math.min(
      ...second.documents
        .filter(({ split, known }) => split === 'train' && !known)
        .map(({ offset }) => offset),
    );
    const { at } = second.sequences(20, 0);
    const text = (begin: number) => second.train.read(begin, 21).join();
    const places = new Map(Array.from({ length: second.train.length - 21 }, (_, i) => [text(i), i]));
    const drawn = Array.from({ length: 4000 }, (_, n) => places.get(at(n).tokens.join()) ?? 0);
    expect(drawn.filter((begin) => begin < border).length / drawn.length).toBeCloseTo(REPLAY_SHARE, 1);
  });

  it('may be so little that some unchanged files are not replayed', async () => {
    const long = (n: number) => [`src/file${n}.ts`, code(n, 1000)] as const;
    folder.write(Object.fromEntries(Array.from({ length: 40 }, (_, n) => long(n))));
    const first = await build();
    folder.write(many(100, 110));
    const second = await build(asEarlier(first));
    const weights = second.documents.flatMap(({ split, known, weight }) =>
      split === 'train' && known ? [weight] : [],
    );
    expect(new Set(weights)).toEqual(new Set([0, 1]));
    // Windows begin where something has a weight.
    const { at, perEpoch } = second.sequences(20, 0);
    for (let n = 0; n < 5 * perEpoch; n += 1) expect(at(n).tokens).toHaveLength(21);
  });

  it('is measured separately', async () => {
    folder.write(many(0, 40));
    const first = await build();
    expect(first.heldOutByAge(64, 4, 'new')).toEqual([]);
    const changed = pathOn('held-out', sides(first));
    folder.write({ ...many(40, 60), [changed]: code(500) });
    const second = await build(asEarlier(first));
    for (const age of ['older', 'new'] as const) {
      const wanted = second.documents.filter(
        ({ split, known }) => split === 'held-out' && Boolean(known) === (age === 'older'),
      );
      const text = wanted.map(({ offset, tokens }) => textOf(second.heldOut.read(offset, tokens))).join('');
      const windows = second.heldOutByAge(64, 100, age);
      expect(windows.length).toBeGreaterThan(2);
      for (const { tokens } of windows) expect(text).toContain(textOf(tokens));
      expect(text.includes('value_500_')).toBe(age === 'new');
    }
  });

  it('of a data set is the rows after those already read', async () => {
    async function* rows() {
      for (let n = 0; n < 200; n += 1)
        yield { path: `row ${n}`, pieces: [{ text: code(n, 40), learned: true }] };
    }
    const read = async (earlier?: EarlierCorpus) => {
      const plan = { maxTokens: 10_000 };
      const how = { out: folder.out(), tokenizer: byteTokenizer, seed: 0, heldOutShare: 0.3, plan };
      await buildCorpus({ ...how, documents: rows(), earlier });
      return openCorpus(folder.out());
    };
    const first = await read();
    const second = await read(asEarlier(first));
    const before = first.summary.trainFiles;
    expect(second.summary.changed!.trainTokens).toBeGreaterThanOrEqual(10_000);
    expect(second.summary.trainFiles).toBeGreaterThan(before);
    for (const [path, side] of sides(first)) expect(sides(second).get(path)).toBe(side);
  });

  it('is empty if nothing changed', async () => {
    folder.write(many(0, 20));
    const first = await build();
    const again = await build(asEarlier(first));
    expect(again.summary.changed).toMatchObject({ files: 0, trainFiles: 0, trainTokens: 0, kept: 20 });
    expect(sides(again)).toEqual(sides(first));
  });
});

describe('limitReplay', () => {
  let count = 0;
  const entry = (tokens: number, known: boolean, weight?: number) => ({
    split: 'train' as const,
    tokens,
    sha256: String((count += 1)),
    ...(known && { known: true as const }),
    ...(weight && { weight }),
  });

  it('keeps the proportions by age in replayed text', () => {
    const entries = [entry(1000, true, 500), entry(1000, true), entry(300, false, 800)];
    limitReplay(entries, 0, 0.25);
    const wanted = [26.7, 53.3, 800];
    for (const [n, { weight }] of entries.entries()) expect(Math.abs(weight! - wanted[n]!)).toBeLessThan(1);
  });

  it('replays no more, and in the same proportions, if very little is new', () => {
    const old = (weight: number) => Array.from({ length: 20_000 }, () => entry(2000, true, weight));
    const [older, newer, added] = [old(250), old(1000), [1, 2, 3].map(() => entry(10_000, false))];
    limitReplay([...older, ...newer, ...added], 0, 0.25);
    const replayed = (entries: typeof older) => entries.reduce((sum, { weight }) => sum + 2 * weight!, 0);
    expect((replayed(older) + replayed(newer)) / 10_000).toBeCloseTo(1, 1);
    expect(replayed(newer) / replayed(older)).toBeGreaterThan(3.5);
    expect(replayed(newer) / replayed(older)).toBeLessThan(4.5);
  });

  it('draws others when something else is new', () => {
    const drawn = [100, 101].map((tokens) => {
      const old = Array.from({ length: 1000 }, (_, n) => ({ ...entry(1000, true), sha256: String(n) }));
      limitReplay([...old, entry(tokens, false)], 0);
      return old.flatMap(({ weight, sha256 }) => (weight ? [sha256] : []));
    });
    expect(drawn[0]!.length).toBeGreaterThan(10);
    expect(drawn[0]).not.toEqual(drawn[1]);
  });

  it('changes nothing if nothing is new', () => {
    const entries = [entry(1000, true, 500), entry(1000, true)];
    limitReplay(entries, 0);
    expect(entries.map(({ weight }) => weight)).toEqual([500, undefined]);
  });

  it('replays no more than there is', () => {
    const entries = [entry(10, true), entry(1000, false)];
    limitReplay(entries, 0);
    expect(entries.map(({ weight }) => weight)).toEqual([undefined, undefined]);
  });
});
