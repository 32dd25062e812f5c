import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildCorpus, openCorpus, surveyCorpus, type CorpusTokenizer } from '../../../src/corpus/index.ts';
import { runSnapshotSchema } from '../../../src/protocol/panel.ts';
import { all, byteTokenizer, code, textOf, useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();
const many = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`src/file${n}.ts`, code(n)]));
const build = (seed = 0) =>
  buildCorpus({ folder: folder.in(), out: folder.out(), tokenizer: byteTokenizer, seed });
const splits = async (seed = 0) =>
  new Map((await surveyCorpus({ folder: folder.in(), seed })).kept.map(({ path, split }) => [path, split]));

describe('buildCorpus', () => {
  it('writes every document completely, in one split, at the offset given in the manifest', async () => {
    const files = many(50);
    folder.write({ ...files, 'logo.png': Buffer.from([0]) });
    const summary = await build();
    expect(readdirSync(folder.out()).sort()).toEqual([
      'heldout.starts',
      'heldout.tokens',
      'manifest.jsonl',
      'summary.json',
      'train.starts',
      'train.tokens',
    ]);
    const corpus = await openCorpus(folder.out());
    const bytesInFiles = Object.values(files).reduce((sum, text) => sum + text.length, 0);
    expect(corpus.train.length + corpus.heldOut.length).toBe(bytesInFiles + 50);
    for (const { path, split, offset, tokens } of corpus.documents) {
      const own = (split === 'train' ? corpus.train : corpus.heldOut).read(offset, tokens);
      expect(textOf(own)).toBe(files[path]);
      expect(own.at(-1)).toBe(256);
    }
    expect(corpus.documents).toHaveLength(50);
    expect(summary).toMatchObject({
      kept: 50,
      leftOut: { binary: 1 },
      bytes: bytesInFiles,
      lines: 300,
      cut: false,
    });
    expect(summary.trainFiles + summary.heldOutFiles).toBe(50);
    expect(runSnapshotSchema.shape.corpus.parse(summary)).toMatchObject({ trainTokens: corpus.train.length });
  });

  it('writes 32-bit little-endian integers', async () => {
    folder.write(many(3));
    await build();
    const { train } = await openCorpus(folder.out());
    const raw = readFileSync(join(folder.out(), 'train.tokens'));
    expect(Array.from(all(train))).toEqual(
      Array.from({ length: raw.length / 4 }, (_, i) => raw.readInt32LE(4 * i)),
    );
  });

  it("ends documents as in the base's training, even if its end of turn is another token", async () => {
    folder.write({ 'a.ts': code(1), 'b.ts': "const end = '<|endoftext|>';\n" });
    const chat: CorpusTokenizer = {
      encode: (text, { special = false } = {}) =>
        special && text === '<|endoftext|>' ? Int32Array.of(300) : byteTokenizer.encode(text),
      eos: 256,
    };
    await buildCorpus({ folder: folder.in(), out: folder.out(), tokenizer: chat, seed: 0 });
    const { train, heldOut } = await openCorpus(folder.out());
    for (const tokens of [all(train), all(heldOut)]) {
      expect(tokens.at(-1)).toBe(300);
      expect(tokens.filter((token) => token >= 256)).toHaveLength(1);
    }
  });

  it('handles a document larger than its buffers', async () => {
    folder.write({ 'big.ts': code(1, 30_000).slice(0, 900_000), 'small.ts': code(2) });
    await build();
    const corpus = await openCorpus(folder.out());
    const { split, offset, tokens, sha256 } = corpus.documents[0]!;
    const text = textOf((split === 'train' ? corpus.train : corpus.heldOut).read(offset, tokens));
    expect(createHash('sha256').update(text).digest('hex')).toBe(sha256);
    expect(
      createHash('sha256')
        .update(readFileSync(join(folder.in(), 'big.ts')))
        .digest('hex'),
    ).toBe(sha256);
  });

  it('reports progress up to the last file and gives the same digest every time', async () => {
    folder.write(many(12));
    const seen: number[] = [];
    const options = { folder: folder.in(), out: folder.out(), tokenizer: byteTokenizer, seed: 0 };
    const first = await buildCorpus({
      ...options,
      onProgress: ({ done, total }) => void seen.push(done / total),
    });
    expect(seen).toHaveLength(12);
    expect(seen.at(-1)).toBe(1);
    expect((await build()).digest).toBe(first.digest);
    folder.write({ 'src/file0.ts': code(100) });
    expect((await build()).digest).not.toBe(first.digest);
  });

  it('is read again from a manifest of any size', async () => {
    folder.write({ ...many(50), 'logo.png': Buffer.from([0]) });
    await build();
    const { documents, leftOut } = await openCorpus(folder.out());
    const entry = { in: false, path: 'row 1', reason: 'secret', detail: 'ä'.repeat(1 << 19) };
    appendFileSync(join(folder.out(), 'manifest.jsonl'), `${JSON.stringify(entry)}\n`.repeat(65));
    const corpus = await openCorpus(folder.out());
    expect(corpus.documents).toEqual(documents);
    expect(corpus.leftOut).toHaveLength(leftOut.length + 65);
    expect(corpus.leftOut.at(-1)).toEqual(entry);
  });

  it('stops when cancelled and leaves no summary', async () => {
    folder.write(many(12));
    await build();
    const stop = new AbortController();
    const building = buildCorpus({
      folder: folder.in(),
      out: folder.out(),
      tokenizer: byteTokenizer,
      seed: 0,
      signal: stop.signal,
      onProgress: ({ done }) => done === 5 && stop.abort(),
    });
    await expect(building).rejects.toMatchObject({ code: 'cancelled' });
    expect(existsSync(join(folder.out(), 'summary.json'))).toBe(false);
    expect(readdirSync(folder.out()).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('the split', () => {
  it('is deterministic, differs by seed, and is close to the requested share', async () => {
    folder.write(many(400));
    const once = await splits();
    expect(await splits()).toEqual(once);
    expect(await splits(1)).not.toEqual(once);
    const heldOut = [...once.values()].filter((split) => split === 'held-out').length;
    expect(heldOut).toBeGreaterThan(37);
    expect(heldOut).toBeLessThan(43);
  });

  it('changes few files when others are added, changed or removed', async () => {
    folder.write(many(60));
    const before = await splits();
    let moved = 0;
    folder.write({
      'aaa.ts': code(1000),
      'zzz.ts': code(1001),
      'src/file7.ts': code(1002),
      'src/file8.ts': '',
    });
    const after = await splits();
    for (const [path, split] of before) if (path !== 'src/file8.ts' && after.get(path) !== split) moved += 1;
    expect(moved).toBeLessThan(3);
  });

  it.each([2, 3, 12])('puts a file into each split of %i', async (count) => {
    folder.write(many(count));
    for (let seed = 0; seed < 30; seed += 1)
      expect(new Set((await splits(seed)).values())).toEqual(new Set(['train', 'held-out']));
  });

  it('cuts a single file at a blank line near nine tenths', async () => {
    const text = `${code(1, 84)}\n${code(2, 10)}${code(3, 5)}`;
    folder.write({ 'only.ts': text });
    const summary = await build();
    expect(summary).toMatchObject({ kept: 1, cut: true, lines: 100, bytes: text.length });
    const { train, heldOut, documents } = await openCorpus(folder.out());
    expect(textOf(all(train)) + textOf(all(heldOut))).toBe(text);
    expect(textOf(all(train))).toBe(`${code(1, 84)}\n`);
    expect(documents).toMatchObject([
      { split: 'train', fromLine: 1, offset: 0, lines: 85 },
      { split: 'held-out', fromLine: 86, offset: 0, lines: 15 },
    ]);
  });

  it('cuts the only code file in two, next to prose and data', async () => {
    const text = `${code(1, 84)}\n${code(2, 10)}${code(3, 5)}`;
    folder.write({
      'main.py': text,
      'README.md': '# Words\n',
      'CHANGES.md': 'More\n'.repeat(900),
      'a.json': '{}',
    });
    const summary = await build();
    expect(summary).toMatchObject({ kept: 4, cut: true, bytes: text.length + 8 + 4500 + 2 });
    expect(summary.warnings).toEqual([
      expect.stringMatching(/^main\.py is the only code here, so it is split/),
    ]);
    expect(summary.heldOutKinds).toMatchObject({ code: code(2, 10).length + code(3, 5).length + 1 });
    const corpus = await openCorpus(folder.out());
    expect(corpus.measured).toBe('code');
    const own = corpus.documents.filter(({ path }) => path === 'main.py');
    expect(own).toMatchObject([
      { split: 'train', kind: 'code', fromLine: 1 },
      { split: 'held-out', kind: 'code', fromLine: 86, offset: 0 },
    ]);
    const [half] = corpus.heldOutSequences(5000);
    expect(textOf(half!.tokens)).toBe(code(2, 10) + code(3, 5));
  });

  it('cuts each of a few files in two, and holds out whole files of a dozen', async () => {
    const heldOut = async (count: number) => {
      folder.clear();
      folder.write(many(count));
      const { cut, kept, warnings } = await build();
      const { documents } = await openCorpus(folder.out());
      expect(kept).toBe(count);
      return { cut, warnings, count: documents.filter(({ split }) => split === 'held-out').length };
    };
    expect(await heldOut(3)).toMatchObject({ cut: false, count: 1 });
    for (const count of [4, 11])
      expect(await heldOut(count)).toMatchObject({
        ...{ cut: true, count },
        warnings: [
          expect.stringMatching(new RegExp(`^There are only ${count} files of code, so each is split: `)),
        ],
      });
    for (const count of [12, 39]) expect(await heldOut(count)).toMatchObject({ cut: false, count: 4 });
    expect(await heldOut(60)).toMatchObject({ cut: false, count: 6 });
  });

  it('holds out code, prose and data separately, and measures code', async () => {
    const prose = (n: number) => `Words ${n} of ${n * n} about ${n + 3}.\n`.repeat(4);
    folder.write(many(40));
    for (let n = 0; n < 30; n += 1)
      folder.write({
        [`docs/page${n}.md`]: prose(n),
        [`conf/c${n}.json`]: `{"key${n}": ${n * 7}}\n`.repeat(3),
      });
    const { heldOutKinds, warnings } = await build();
    const corpus = await openCorpus(folder.out());
    const textsOf = (kind?: 'code' | 'prose' | 'data') =>
      corpus.heldOutSequences(31, undefined, kind).map(({ tokens }) => textOf(tokens));
    expect(warnings).toEqual([]);
    expect(Object.values(heldOutKinds!).every((tokens) => tokens > 0)).toBe(true);
    expect(Object.values(heldOutKinds!).reduce((sum, tokens) => sum + tokens, 0)).toBe(corpus.heldOut.length);
    expect(textsOf()).toEqual(textsOf('code'));
    expect(textsOf().join('')).not.toMatch(/Words|key/);
    expect(textsOf('prose').join('')).not.toMatch(/const|key/);
    expect(textsOf('data').join('')).not.toMatch(/const|Words/);
    for (const { split, offset, tokens, path, kind } of corpus.documents)
      if (split === 'held-out' && kind === 'prose')
        expect(textOf(corpus.heldOut.read(offset, tokens))).toBe(prose(Number(/\d+/.exec(path)![0])));
    // As an older version wrote it.
    const summary = join(folder.out(), 'summary.json');
    writeFileSync(summary, JSON.stringify({ ...corpus.summary, heldOutKinds: undefined }));
    const manifest = join(folder.out(), 'manifest.jsonl');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replaceAll(/"kind":"\w+",/g, ''));
    const old = await openCorpus(folder.out());
    expect(old.documents.some(({ kind }) => kind)).toBe(false);
    expect(old.heldOutSequences(31)).toEqual(corpus.heldOutSequences(31));
    expect(old.heldOutSequences(31, 2, 'prose')).toEqual(corpus.heldOutSequences(31, 2, 'prose'));
  });

  it('measures prose if there is nothing else, and says so', async () => {
    folder.write({
      'README.md': 'Some words here.\n'.repeat(9),
      'docs/guide.rst': 'Other things there.\n'.repeat(4),
    });
    const { warnings, heldOutKinds } = await build();
    expect(warnings).toEqual([
      'There is no code here: prose is learned and measured. For better completions of code, choose a folder that holds some.',
    ]);
    expect(heldOutKinds).toMatchObject({ code: 0, data: 0 });
    const corpus = await openCorpus(folder.out());
    expect(corpus.measured).toBe('prose');
    expect(corpus.heldOutSequences(31).length).toBeGreaterThan(0);
  });

  it('trains on a line of code and holds prose out, if there is nothing else', async () => {
    folder.write({ 'a.py': 'x = 1\n', 'README.md': 'Words.\n' });
    expect(await splits()).toEqual(
      new Map([
        ['README.md', 'held-out'],
        ['a.py', 'train'],
      ]),
    );
    expect((await build()).warnings).toEqual([
      'There is too little code here to hold out a part of it, so learning is measured on prose.',
    ]);
  });

  it('warns if an unknown language has more files than any known one', async () => {
    const blorps = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`b${n}.blorp`, code(100 + n)]));
    folder.write({ 'a.py': code(1), 'b.py': code(2), 'c.ts': code(3), ...blorps(2) });
    for (let n = 0; n < 5; n += 1)
      folder.write({ [`notes${n}.txt`]: `Words ${n}\n`, [`plots${n}.ipynb`]: `{"cells": [${n}]}\n` });
    expect((await build()).warnings).toEqual([]);
    folder.write(blorps(3));
    expect((await build()).warnings).toEqual([
      expect.stringMatching(
        /^3 \.blorp files are left out, .* If they are code, --include "\*" --include "\*\.blorp" learns them, too/,
      ),
    ]);
  });

  it("cuts a single file without blank lines at a line, and can't cut a single line", async () => {
    folder.write({ 'only.ts': code(1, 20) });
    expect((await build()).warnings).toEqual([
      'only.ts is the only code here, so it is split: everything from line 19 on is held out, and learning is measured on that alone.',
    ]);
    expect(textOf(all((await openCorpus(folder.out())).heldOut))).toBe(
      code(1, 20).split('\n').slice(18).join('\n'),
    );
    folder.write({ 'only.ts': 'let a = 1;\n' });
    await expect(build()).rejects.toMatchObject({ code: 'corpus-empty' });
    const options = { folder: folder.in(), out: folder.out(), tokenizer: byteTokenizer, seed: 0 };
    expect(await buildCorpus({ ...options, heldOutShare: 0 })).toMatchObject({
      cut: false,
      trainTokens: 12,
      heldOutTokens: 0,
    });
  });
});

describe('bad input', () => {
  it('an empty folder', async () => {
    await expect(build()).rejects.toMatchObject({
      code: 'corpus-empty',
      message: expect.stringContaining('no files') as string,
    });
  });

  it('only binaries: says how many, and why', async () => {
    folder.write({
      'a.png': Buffer.from([0]),
      'b.bin': Buffer.from([0]),
      'c.unknown': Buffer.from([0]),
      'd.py': '',
    });
    await expect(build()).rejects.toMatchObject({
      code: 'corpus-empty',
      message: expect.stringMatching(/4 left out \(3 not text; 1 empty\)/) as string,
    });
  });

  it('an unknown language: says how to include it', async () => {
    folder.write({ 'a.blorp': code(1), 'b.blorp': code(2), 'c.log': 'Words.\n' });
    await expect(build()).rejects.toMatchObject({
      code: 'corpus-empty',
      next: expect.stringContaining('to learn those files, give --include "*.blorp"') as string,
    });
  });

  it('only notebooks: does not say to learn their JSON', async () => {
    folder.write({ 'a.ipynb': '{"cells": [1]}\n', 'b.ipynb': '{"cells": [2]}\n' });
    await expect(build()).rejects.toMatchObject({
      code: 'corpus-empty',
      next: 'Choose a folder that holds source code.',
    });
  });

  it('no folder, or a file in its place', async () => {
    const from = (path: string) => surveyCorpus({ folder: path, seed: 0 });
    await expect(from(join(folder.in(), 'none'))).rejects.toMatchObject({ code: 'corpus-unreadable' });
    folder.write({ 'a.ts': code(1) });
    await expect(from(join(folder.in(), 'a.ts'))).rejects.toMatchObject({ code: 'corpus-unreadable' });
  });

  it('a truncated corpus', async () => {
    folder.write(many(4));
    await build();
    const starts = join(folder.out(), 'train.starts');
    const right = readFileSync(starts);
    writeFileSync(starts, Buffer.from(Int32Array.of(0, 5, 3).buffer));
    await expect(openCorpus(folder.out())).rejects.toMatchObject({ code: 'run-damaged' });
    writeFileSync(starts, right);
    await openCorpus(folder.out());
    const path = join(folder.out(), 'train.tokens');
    truncateSync(path, 40);
    await expect(openCorpus(folder.out())).rejects.toMatchObject({ code: 'run-damaged' });
    truncateSync(path, 41);
    await expect(openCorpus(folder.out())).rejects.toMatchObject({ code: 'run-damaged' });
    const summary = join(folder.out(), 'summary.json');
    const older = { ...(JSON.parse(readFileSync(summary, 'utf8')) as object), format: 1 };
    writeFileSync(summary, JSON.stringify(older));
    await expect(openCorpus(folder.out())).rejects.toMatchObject({
      code: 'run-damaged',
      message: expect.stringMatching(/another version of Forget-Me-Not made it\.$/) as string,
    });
    writeFileSync(summary, JSON.stringify({ ...older, format: 2, seed: 'x', kept: 'y' }));
    await expect(openCorpus(folder.out())).rejects.toMatchObject({
      code: 'run-damaged',
      message: expect.stringMatching(/^.*"seed" in its summary is not valid \(.*\)\.$/) as string,
    });
    writeFileSync(summary, '{');
    await expect(openCorpus(folder.out())).rejects.toMatchObject({ code: 'run-damaged' });
  });
});
