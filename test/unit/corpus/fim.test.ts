import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildPrompt } from '../../../src/completion/prompt/prompt.ts';
import { buildCorpus, openCorpus, type CorpusTokenizer, type Sequence } from '../../../src/corpus/index.ts';
import { cutForFim, truncateCut } from '../../../src/corpus/tokens/fim.ts';
import { uniform } from '../../../src/corpus/shuffle.ts';
import { layOutRequest } from '../../../src/serving/tokens/request-tokens.ts';
import type { Vocabulary } from '../../../src/serving/tokens/vocabulary.ts';
import { byteTokenizer, code, textOf, useTemporaryFolder } from './help.ts';

const folder = useTemporaryFolder();
const [PREFIX, SUFFIX, MIDDLE, REPOSITORY, FILE, END] = [301, 302, 303, 304, 305, 256];
const marks = { prefix: PREFIX, suffix: SUFFIX, middle: MIDDLE };
const decode = (tokens: ArrayLike<number>) => textOf(Int32Array.from(tokens));
const filling = { ...byteTokenizer, fim: marks, decode, fileSeparator: FILE };
const withRepositories = (repository: string, file: string) => ({
  ...filling,
  encode: (text: string, { special = false } = {}) =>
    special && text === repository
      ? Int32Array.of(REPOSITORY)
      : special && text === file
        ? Int32Array.of(FILE)
        : byteTokenizer.encode(text),
});
const joining = withRepositories('<|repo_name|>', '<|file_sep|>');
const many = (count: number, lines = 6) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`src/file${String(n).padStart(3, '0')}.ts`, code(n, lines)]),
  );
const build = (plan: object, tokenizer: CorpusTokenizer = filling, seed = 0) =>
  buildCorpus({ folder: folder.in(), out: folder.out(), tokenizer, seed, plan });
const open = () => openCorpus(folder.out());
const windows = async (plan: object, { tokenizer = filling, length = 512, seed = 0 } = {}) => {
  await build(plan, tokenizer);
  const source = (await open()).sequences(length, seed, tokenizer);
  return Array.from({ length: source.perEpoch }, (_, index) => source.at(index));
};

/** The segments of a window, with their learned parts: attention does not cross them. */
function runsOf({ tokens, starts, learned }: Sequence) {
  const begins = [...new Set(starts)];
  // Nothing is predicted from the very last token; alone in its segment, it is padding.
  if (tokens.at(-1) === END && tokens.at(-2) === END) begins.push(tokens.length - 1);
  return begins.map((begin, index) => ({
    tokens: [...tokens.subarray(begin, begins[index + 1] ?? tokens.length)],
    // Whether each token's prediction counts; never for the first of a segment.
    learned: [0, ...learned.subarray(begin, (begins[index + 1] ?? tokens.length) - 1)],
  }));
}
type Run = ReturnType<typeof runsOf>[0];

const isCut = ({ tokens }: Run) => tokens.includes(PREFIX);
function partsOf({ tokens }: Run) {
  const [prefix, suffix, middle] = [PREFIX, SUFFIX, MIDDLE].map((mark) => tokens.indexOf(mark)) as [
    number,
    number,
    number,
  ];
  expect(tokens.filter((token) => token >= PREFIX && token <= MIDDLE)).toEqual([PREFIX, SUFFIX, MIDDLE]);
  expect(tokens.indexOf(END)).toBe(tokens.length - 1);
  return {
    head: tokens.slice(0, prefix),
    prefix: decode(tokens.slice(prefix + 1, suffix)),
    suffix: decode(tokens.slice(suffix + 1, middle)),
    middle: decode(tokens.slice(middle + 1, -1)),
  };
}

const draws = (seed: number) => {
  let count = 0;
  return () => uniform(seed, (count += 1));
};
const whole = (text: string) => ({ text, hiddenBefore: false, hiddenAfter: false });

describe('a cut into prefix, middle and suffix', () => {
  const text = code(1, 60);

  it('joins to the text, with a non-blank middle and suffix', () => {
    for (let seed = 0; seed < 500; seed += 1) {
      const { prefix, middle, suffix } = cutForFim(whole(text), draws(seed))!;
      expect(prefix + middle + suffix).toBe(text);
      expect(middle).toMatch(/\w/);
      expect(suffix.trim()).not.toBe('');
      expect(suffix.length).toBeLessThanOrEqual(600);
    }
  });

  it('of part of a file ends with a line and has text on both sides', () => {
    for (let seed = 0; seed < 500; seed += 1) {
      const view = { text: text.slice(7, 1490), hiddenBefore: true, hiddenAfter: true };
      const { prefix, middle, suffix } = cutForFim(view, draws(seed))!;
      expect(`${prefix}${middle}${suffix}\n`).toBe(view.text.slice(0, view.text.lastIndexOf('\n') + 1));
      expect(suffix.length).toBeGreaterThan(150);
      expect(suffix.length).toBeLessThan(500);
    }
  });

  it('is not in the middle of a character', () => {
    const emoji = `say("😀 中文 😀😀", é, ['😀é', "中"], 😀);\nwith(😀) {\n  "😀😀" : 中,\n}\n`.repeat(6);
    for (let seed = 0; seed < 500; seed += 1) {
      const cut = cutForFim(whole(emoji), draws(seed)) ?? { prefix: '', middle: '', suffix: '' };
      for (const part of Object.values(cut)) expect(() => encodeURIComponent(part)).not.toThrow();
    }
  });

  it('is undefined if a text is too short or blank', () => {
    expect(cutForFim(whole('const a = 1;\nconst b = 2;\n'), draws(0))).toBeUndefined();
    expect(cutForFim(whole('}\n'.repeat(100)), draws(0))).toBeUndefined();
  });

  it('drops the far ends to fit, with a quarter for the suffix if both are long', () => {
    const tokens = (from: number, count: number) => Int32Array.from({ length: count }, (_, i) => from + i);
    const fit = (before: number, after: number, room: number) => {
      const middle = tokens(0, 3);
      const { prefix, suffix } = truncateCut(
        { prefix: tokens(0, before), middle, suffix: tokens(0, after) },
        room,
      );
      return [prefix[0] ?? before, prefix.length, suffix.length];
    };
    expect(fit(10, 10, 40)).toEqual([0, 10, 10]);
    expect(fit(100, 100, 40)).toEqual([70, 30, 10]);
    expect(fit(5, 100, 40)).toEqual([0, 5, 35]);
    expect(fit(100, 5, 40)).toEqual([65, 35, 5]);
  });
});

describe('fill-in-the-middle in training windows', () => {
  const files = many(60, 40);

  it('has prefix, suffix and middle of one file together, and keeps the length', async () => {
    folder.write(files);
    const all = await windows({ fimRate: 1 });
    const texts = Object.values(files);
    let cuts = 0;
    for (const sequence of all) {
      expect(sequence.tokens).toHaveLength(513);
      for (const run of runsOf(sequence).filter(isCut)) {
        const { prefix, middle, suffix } = partsOf(run);
        expect(texts.some((text) => text.includes(prefix + middle + suffix))).toBe(true);
        cuts += 1;
      }
    }
    expect(cuts).toBeGreaterThan(0.9 * all.length);
  });

  it('is applied at the requested rate, and not at all at 0', async () => {
    folder.write(many(400, 40));
    const share = async (fimRate: number) => {
      const all = await windows({ fimRate });
      // Windows filled by a single file.
      const long = all.map(runsOf).filter((runs) => runs.length === 1 || runs[0]!.tokens.length > 400);
      return long.filter(([run]) => isCut(run!)).length / long.length;
    };
    expect(await share(0)).toBe(0);
    expect(await share(0.25)).toBeGreaterThan(0.15);
    expect(await share(0.25)).toBeLessThan(0.35);
  });

  it('is the same for the same index and different in the next epoch', async () => {
    folder.write(files);
    const first = await windows({ fimRate: 1 });
    expect(await windows({ fimRate: 1 })).toEqual(first);
    const source = (await open()).sequences(512, 0, filling);
    const middles = (from: number) =>
      new Set(
        Array.from({ length: source.perEpoch }, (_, i) => runsOf(source.at(from + i)))
          .flat()
          .filter(isCut)
          .map((run) => partsOf(run).middle),
      );
    const again = middles(source.perEpoch);
    expect([...middles(0)].filter((middle) => !again.has(middle)).length).toBeGreaterThan(0.8 * again.size);
  });

  it('learns everything but markers and padding, or only the middle', async () => {
    folder.write(files);
    for (const fimLoss of ['all', 'middle'] as const)
      for (const sequence of await windows({ fimRate: 1, fimLoss }))
        for (const { tokens, learned } of runsOf(sequence)) {
          const at = [PREFIX, SUFFIX, MIDDLE].map((mark) => tokens.indexOf(mark));
          const [prefix, , middle] = at as [number, number, number];
          if (prefix < 0) continue;
          for (const mark of at) expect(learned[mark]).toBe(0);
          expect(learned.slice(middle + 1)).toEqual(tokens.slice(middle + 1).map(() => 1));
          const context = learned.filter((_, i) => i > prefix + 1 && i < middle && tokens[i]! < END);
          expect(context).toEqual(context.map(() => (fimLoss === 'all' ? 1 : 0)));
        }
  });

  it('leaves the token files and held-out text unchanged', async () => {
    folder.write(files);
    await build({ fimRate: 1 });
    const { documents, train, heldOut, heldOutSequences } = await open();
    for (const { path, split, offset, tokens } of documents)
      expect(decode((split === 'train' ? train : heldOut).read(offset, tokens))).toBe(files[path]);
    expect(documents.some(({ split }) => split === 'held-out')).toBe(true);
    const corpus = await open();
    for (const { tokens } of heldOutSequences.call(corpus, 64))
      expect(tokens.every((token) => token <= END)).toBe(true);
  });

  it('is part of the corpus digest', async () => {
    folder.write(many(20));
    const { digest, fim } = await build({ fimRate: 0 });
    expect(fim).toBeUndefined();
    expect((await build({})).digest).toBe(digest);
    const half = await build({ fimRate: 0.5 });
    expect(half).toMatchObject({ fim: 'windows', fimRate: 0.5, fimLoss: 'all' });
    expect(half.digest).not.toBe(digest);
    expect((await build({ fimRate: 0.5, fimLoss: 'middle' })).digest).not.toBe(half.digest);
  });

  it('is kept if an earlier version cut the files themselves', async () => {
    folder.write(files);
    await build({ fimRate: 0 });
    const plain = (await open()).sequences(64, 3).at(5);
    const path = join(folder.out(), 'summary.json');
    const summary = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...summary, fimRate: 0.5, fimLoss: undefined }));
    expect((await open()).sequences(64, 3).at(5)).toEqual(plain);
  });

  it('pads text too short for a window', async () => {
    folder.write({ 'a.ts': code(1, 6), 'b.ts': code(2, 6) });
    const all = await windows({ fimRate: 1 }, { length: 2048 });
    expect(all).toHaveLength(1);
    expect(all[0]!.tokens).toHaveLength(2049);
    expect(runsOf(all[0]!).filter(isCut).length).toBeGreaterThan(4);
  });

  it("is rejected without the base's tokens for it, and for instructions", async () => {
    folder.write(many(4));
    await expect(build({ fimRate: 0.5 }, byteTokenizer)).rejects.toMatchObject({ code: 'bad-argument' });
    await expect(build({ fimRate: 0.5, mode: 'instruct' })).rejects.toMatchObject({ code: 'bad-argument' });
    await build({ fimRate: 0.5 });
    const corpus = await open();
    const other = { ...byteTokenizer, decode };
    expect(() => corpus.sequences(64, 0, other)).toThrow(/no fill-in-the-middle tokens/);
    expect(() => corpus.sequences(64, 0)).toThrow(TypeError);
  });
});

/** The model's input at a cursor, from the functions of completion and serving. */
function served(before: string, after: string, path: string): number[] {
  const ask = buildPrompt(
    {
      path,
      languageId: 'typescript',
      before,
      after,
      place: { repository: 'in', path },
    },
    { model: 'm', fillInTheMiddle: true, maxTokens: 64, maxLines: 1, wholeRepositories: true },
  );
  const llama = {
    tokenize: (piece: string, special = false) => [...joining.encode(piece, { special })],
    tokens: { bos: null, eos: null },
  } as never as Parameters<typeof layOutRequest>[1];
  const vocabulary = { bos: undefined, fill: marks, repository: {} } as Vocabulary;
  return layOutRequest({ ...ask, logprobs: undefined } as never, llama, vocabulary, 100_000).tokens;
}

describe('whole repository context with fill-in-the-middle', () => {
  const files = many(80, 12);

  it('lays out a whole file as it is served for some cursor in it', async () => {
    folder.write(files);
    let [compared, alone] = [0, 0];
    for (const sequence of await windows(
      { fimRate: 1, repositoryContext: true },
      { tokenizer: joining, length: 1400 },
    ))
      for (const run of runsOf(sequence).filter(isCut)) {
        const { head, prefix, middle, suffix } = partsOf(run);
        const path = /file\d+/.exec(decode(head))![0];
        const text = files[`src/${path}.ts`]!;
        // In other windows the beginning or the end is not included.
        if (prefix + middle + suffix !== text) continue;
        // The cursor is up to a token after the prefix: the model generates that part again.
        const prompts = Array.from({ length: 35 }, (_, begun) =>
          served(prefix + middle.slice(0, begun), suffix, `src/${path}.ts`),
        );
        const prompt = run.tokens.slice(0, run.tokens.indexOf(MIDDLE) + 1);
        // Other files may precede its heading in the window.
        const own = (tokens: number[]) => tokens.slice(tokens.lastIndexOf(FILE));
        expect(prompts.map(own)).toContainEqual(own(prompt));
        if (prompt[0] === REPOSITORY && prompt.lastIndexOf(FILE) === prompt.indexOf(FILE)) {
          expect(prompts).toContainEqual(prompt);
          alone += 1;
        }
        compared += 1;
      }
    expect(compared).toBeGreaterThan(20);
    expect(alone).toBeGreaterThan(5);
  });

  it('names the file in which a window starts', async () => {
    const long = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`lib/long${n}.ts`, code(n, 200)]));
    folder.write(long);
    let inside = 0;
    for (const sequence of await windows(
      { fimRate: 1, repositoryContext: true },
      { tokenizer: joining, length: 1024 },
    )) {
      const [run] = runsOf(sequence);
      if (!run || !isCut(run)) continue;
      const { head, prefix, middle, suffix } = partsOf(run);
      const heading = decode(head);
      expect(heading).toMatch(/^in\nlib\/long\d+\.ts\n$/);
      const text = long[heading.split('\n')[1]!]!;
      expect(text).toContain(prefix + middle + suffix);
      if (text.startsWith(prefix)) continue;
      inside += 1;
      // As in an editor's prompt, it starts with a line that is not learned.
      expect(text[text.indexOf(prefix + middle) - 1]).toBe('\n');
      expect(run.learned.slice(0, head.length + 2)).toEqual(Array(head.length + 2).fill(0));
    }
    expect(inside).toBeGreaterThan(10);
  });

  it('starts the repository again after a file that was cut', async () => {
    folder.write(files);
    for (const sequence of await windows(
      { fimRate: 0.5, repositoryContext: true },
      { tokenizer: joining, length: 1400 },
    ))
      for (const { tokens } of runsOf(sequence).slice(1))
        if (tokens.some((token) => token !== END)) expect([...tokens.slice(0, 1)]).toEqual([REPOSITORY]);
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
      // A repository is one document: attention crosses files.
      const { starts, tokens } = corpus.sequences(4096, 0).at(0);
      expect(new Set(starts).size).toBeLessThan(tokens.filter((token) => token === FILE).length);
      for (const { split, offset, tokens: count, path } of corpus.documents)
        if (split === 'held-out') expect(textOf(corpus.heldOut.read(offset, count))).toBe(files[path]);
    },
  );

  it('states in the manifest where each file is, covering all tokens', async () => {
    folder.write(files);
    await build({ repositoryContext: true, fimRate: 0.5 }, joining);
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

  it("is rejected without the base's tokens for it", async () => {
    folder.write(many(4));
    await expect(build({ repositoryContext: true })).rejects.toMatchObject({ code: 'bad-argument' });
  });
});
