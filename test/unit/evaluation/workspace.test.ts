/**
 * The workspace benchmark goes through the completion core: a model that writes the actual text gets everything right.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Tokenizer } from '../../../src/llama-cpp/tokenizer.ts';
import type { Corpus } from '../../../src/corpus/index.ts';
import { CorpusFiles, originalText } from '../../../src/evaluation/cursors/corpus-files.ts';
import { savedCharacters } from '../../../src/evaluation/cursors/cursors.ts';
import { tasks } from '../../../src/evaluation/tasks/index.ts';
import { heldOutFiles } from '../../../src/evaluation/tasks/workspace.ts';
import type { EvaluatedModel, PlanContext } from '../../../src/evaluation/task.ts';
import type { RunSpec } from '../../../src/protocol/run.ts';
import { answerOf, charTokenizer, fakeModel, planContext, scoreContext } from './help.ts';
import { english } from '../../../src/text/message.ts';

const MARKS = { prefix: 0xe000, suffix: 0xe001, middle: 0xe002 };
const SEPARATOR = 0xe003;
const tokenizer = {
  ...charTokenizer,
  byteLength: () => 1,
  decode: (tokens: ArrayLike<number>) =>
    Array.from(tokens)
      .filter((token) => token < 0xe000)
      .map((token) => String.fromCharCode(token))
      .join(''),
  fim: MARKS,
  fileSeparator: SEPARATOR,
} as Tokenizer;

const heldOut = `import { priceOf } from './price.ts';

export interface Cart {
  items: Item[];
}

export function totalOf(cart: Cart, discount: number): number {
  let total = 0;
  for (const item of cart.items) {
    total += priceOf(item, discount);
    count += item.count;
  }
  return total;
}
`;
const price = `export function priceOf(item: Item, discount: number): number {
  return item.price * (1 - discount);
}
`.repeat(2);

const tokensOf = (...parts: (string | number)[]) =>
  Int32Array.from(
    parts.flatMap((part) => (typeof part === 'number' ? part : [...charTokenizer.encode(part)])),
  );

function corpusOf(trained: Int32Array, heldOutFiles = ['src/cart.ts']): Corpus {
  const file = (path: string, split: string, tokens: number) => ({
    in: true,
    path,
    split,
    offset: 0,
    tokens,
  });
  const source = (all: Int32Array) => ({
    length: all.length,
    read: (begin: number, count: number) => all.subarray(begin, begin + count),
  });
  const own = tokensOf(heldOut);
  return {
    documents: [
      file('src/price.ts', 'train', trained.length),
      // All contain the same text.
      ...heldOutFiles.map((path) => file(path, 'held-out', own.length)),
    ],
    measured: 'code',
    train: source(trained),
    heldOut: source(own),
    heldOutByAge: () => [],
    heldOutSequences: (_length: number, _count?: number, kind = 'code') =>
      kind === 'code'
        ? [{ tokens: own.subarray(0, 8), learned: new Uint8Array(7).fill(1), starts: new Int32Array(7) }]
        : [],
  } as never;
}

const spec = {
  folder: '/home/me/shop',
  corpus: { mode: 'pretrain', repositoryContext: false },
  evaluation: { completions: true, heldOutWindows: 1 },
  hyper: { sequenceLength: 64 },
} as RunSpec;

const task = tasks.find(({ name }) => name === 'workspace')!;
const model = (more: Partial<EvaluatedModel>) =>
  fakeModel({ tokenizer: () => Promise.resolve(tokenizer), ...more });
const planned = (heldOutFiles?: string[], setting: PlanContext['setting'] = 'paper') =>
  task.plan(
    planContext({
      base: model({}),
      setting,
      run: { spec, corpus: () => Promise.resolve(corpusOf(tokensOf(price), heldOutFiles)) },
    }),
  );

type Request = Parameters<EvaluatedModel['complete']>[0];
const asked: Request[] = [];
beforeEach(() => void (asked.length = 0));

/** Writes the actual text after the prompt, and continues. */
function knowing(change: (text: string) => string = (text) => text) {
  const answer = (request: Request) => {
    asked.push(request);
    const before = request.prompt + (request.heal ?? '');
    const at = heldOut.indexOf(before) + before.length;
    const stop = request.stop![0]!;
    return Promise.resolve(answerOf(change(heldOut.slice(at)).split(stop)[0]!));
  };
  return model({ complete: answer, completeAlone: answer });
}

describe('the workspace task', () => {
  it('shows what the editor shows: a model that knows the file gets everything right', async () => {
    const plan = await planned();
    const items = plan.items.filter(({ id }) => / at /.test(id));
    expect(items.length).toBeGreaterThan(5);
    for (const item of items) {
      const { parts } = await task.score(item, knowing(), scoreContext);
      const kind = item.id.split(' ')[0]!;
      expect([item.id, parts[`${kind} exact match`]]).toEqual([item.id, { sum: 1, weight: 1 }]);
      expect(parts['characters saved']!.sum).toBe(parts['characters saved']!.weight);
    }
  });

  it('gives the model snippets of other files and the path of this one', async () => {
    const plan = await planned();
    await task.score(
      plan.items.find(({ id }) => id === 'line at src/cart.ts:10')!,
      knowing(),
      scoreContext,
    );
    expect(asked[0]).toMatchObject({
      place: { repository: 'shop', path: 'src/cart.ts' },
      context: [{ filename: 'src/price.ts', text: price }],
      temperature: 0,
    });
  });

  it('cleans up: text that follows is not repeated, and a repetition scores nothing', async () => {
    const plan = await planned();
    const item = plan.items.find(({ id }) => id.startsWith('block at src/cart.ts:9'))!;
    const whole = await task.score(item, knowing(), scoreContext);
    expect(whole.detail).toEqual({
      answer: '\n    total += priceOf(item, discount);\n    count += item.count;',
    });
    const leaked = await task.score(
      item,
      knowing(() => '<|endoftext|>'),
      scoreContext,
    );
    expect(leaked.parts['block exact match']).toEqual({ sum: 0, weight: 1 });
    expect(leaked.parts['characters saved']!.sum).toBe(0);
  });

  it('drops what the token limit cut off, as the editor does', async () => {
    const plan = await planned();
    const item = plan.items.find(({ id }) => id.startsWith('block at src/cart.ts:9'))!;
    const answer = answerOf('\n    total += priceOf(item, discount);\n    cou');
    const limited = model({ completeAlone: () => Promise.resolve({ ...answer, finishReason: 'length' }) });
    expect((await task.score(item, limited, scoreContext)).detail).toEqual({
      answer: '\n    total += priceOf(item, discount);',
    });
  });

  it('times all models in turn on the same tokens of the same prompt, with all but the last key already read', async () => {
    const { interleaved: together = [], items, setting } = await planned();
    expect(together).toHaveLength(Math.min(30, items.length - 1));
    const turns: string[] = [];
    const timed: Request[] = [];
    let running = 0;
    const timing = (name: string) =>
      model({
        name,
        async completeAlone(request) {
          expect((running += 1)).toBe(1);
          await Promise.resolve();
          running -= 1;
          if (request.maxTokens > 1) turns.push(name);
          timed.push(request);
          return { ...answerOf(''), completionTokens: request.maxTokens };
        },
      });
    const models = [timing('base'), timing('result')];
    const scores = await task.scoreTogether!(together[0]!, models, scoreContext);
    const latency = { sum: expect.any(Number) as number, weight: 1 };
    expect(scores.map(({ parts }) => parts)).toEqual([{ latency }, { latency }]);
    expect(turns).toEqual(['base', 'result', 'result', 'base']);
    for (const [at, request] of timed.entries())
      expect(request).toMatchObject({ maxTokens: at % 2 ? 16 : 1, ignoreEnd: true, temperature: 0 });
    const texts = timed.map(({ prompt, begun = '' }) => prompt + begun);
    const [read, asked] = texts as [string, string];
    expect(new Set(texts)).toEqual(new Set([read, asked]));
    expect(asked.slice(0, -2)).toBe(read);
    expect(timed.every(({ stop, heal }) => stop === undefined && heal === undefined)).toBe(true);
    expect(english(setting)).toMatch(
      /time to the first 16 tokens at \d+ cursors in 1 file, .*alternate, on as many threads as completion uses/,
    );
  });

  it('times as many files as possible, since two cursors in one add little, and states the number', async () => {
    const files = Array.from({ length: 7 }, (_, i) => `src/f${i}.ts`);
    const many = await planned(files, 'quick');
    expect(new Set(many.interleaved!.map(({ document }) => document)).size).toBe(many.interleaved!.length);
    expect(many.interleaved).toHaveLength(3);
    expect(english(many.setting)).toMatch(/16 held-out cursors in 7 files .* at 3 cursors in 3 files/);
    const two = await planned(files.slice(0, 2), 'quick');
    expect(two.interleaved).toHaveLength(3);
    expect(new Set(two.interleaved!.map(({ id }) => id)).size).toBe(3);
    expect(english(two.setting)).toMatch(/at 3 cursors in 2 files/);
  });

  it('does not compare latencies of unequal lengths', async () => {
    const { interleaved: together = [] } = await planned();
    const short = model({ completeAlone: () => Promise.resolve(answerOf('')) });
    await expect(task.scoreTogether!(together[0]!, [short, short], scoreContext)).rejects.toThrow(
      '1 tokens were timed instead of 16',
    );
  });

  it('stops on request, without a score', async () => {
    const plan = await planned();
    const item = plan.items.find(({ id }) => / at /.test(id))!;
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(task.score(item, knowing(), { ...scoreContext, signal })).rejects.toThrow('stopped');
  });
});

describe('the measured text of a corpus', () => {
  const text = 'Some words of held-out prose.';
  const window = (content: string) => ({
    tokens: charTokenizer.encode(content),
    learned: new Uint8Array(content.length - 1).fill(1),
    starts: new Int32Array(content.length - 1),
  });
  const asked: unknown[][] = [];
  const plan = (measured: string, windows: Partial<Record<string, unknown[]>>) => {
    const corpus: Corpus = {
      ...corpusOf(tokensOf(price)),
      measured,
      heldOutSequences: (length: number, count?: number, kind = measured) => {
        asked.push([length, count, kind]);
        return windows[kind] ?? [];
      },
    } as never;
    const run = { spec, corpus: () => Promise.resolve(corpus) };
    return task.plan(planContext({ base: model({}), setting: 'quick', run }));
  };
  const halfNat = model({
    tokenLosses: (tokens) => Promise.resolve(new Float32Array(tokens.length - 1).fill(0.5)),
  });

  it('is code in the metrics, and prose separately', async () => {
    asked.length = 0;
    const { items, setting } = await plan('code', { code: [window(heldOut)], prose: [window(text)] });
    expect(asked).toEqual([
      [64, 1, 'code'],
      [64, 4, 'prose'],
    ]);
    const [code, prose] = items.filter(({ id }) => !/ at /.test(id));
    const bits = (characters: number) => (characters * 0.5) / Math.LN2;
    const scored = await task.score(code!, halfNat, scoreContext);
    expect(Object.keys(scored.parts).sort()).toEqual(['bits per byte', 'loss']);
    expect((await task.score(prose!, halfNat, scoreContext)).parts).toEqual({
      'prose bits per byte': { sum: bits(text.length - 1), weight: text.length - 1 },
    });
    expect(english(setting)).toMatch(
      /^1 held-out sequences of up to 64 tokens; 1 of prose; \d+ held-out cursors/,
    );
  });

  it('is half older and half new text in a run that continues another, as far as available', async () => {
    const planOf = async (older: number, newer: number, limit: number, patch: Partial<RunSpec> = {}) => {
      const ages = { older: Array(older).fill(window(heldOut)), new: Array(newer).fill(window(price)) };
      const corpus = {
        ...corpusOf(tokensOf(price)),
        heldOutByAge: (_length: number, count: number, age: 'older' | 'new') => ages[age].slice(0, count),
      } as unknown as Corpus;
      const run = { spec: { ...spec, ...patch }, corpus: () => Promise.resolve(corpus) };
      return task.plan(planContext({ base: model({}), setting: 'quick', run, limit }));
    };
    const { items, setting, measures } = await planOf(9, 9, 4);
    expect(measures.some(({ metric }) => /^(older|new) code/.test(metric))).toBe(false);
    const continues = { run: 'r1', sha256: 'ab' };
    const { measures: more } = await planOf(9, 9, 4, { continues });
    expect(more.map(({ metric }) => metric)).toContain('older code bits per byte');
    expect(english(setting)).toContain(
      '4 held-out sequences of up to 64 tokens, 2 of older and 2 of new code',
    );
    const scored = async (id: string) =>
      (
        await task.score(
          items.find((item) => item.id === id)!,
          halfNat,
          scoreContext,
        )
      ).parts;
    const bits = (characters: number) => ({ sum: (characters * 0.5) / Math.LN2, weight: characters });
    const [older, newer] = [bits(heldOut.length - 1), bits(price.length - 1)];
    expect(await scored('older 1')).toMatchObject({
      'older code bits per byte': older,
      'bits per byte': older,
    });
    expect(await scored('new 1')).toMatchObject({ 'new code bits per byte': newer, 'bits per byte': newer });
    expect(english((await planOf(9, 1, 4)).setting)).toContain('3 of older and 1 of new code');
    expect(english((await planOf(1, 9, 4)).setting)).toContain('1 of older and 3 of new code');
    expect(english((await planOf(0, 2, 4)).setting)).toContain('0 of older and 2 of new code');
  });

  it('is prose if no code is held out, and the setting says so', async () => {
    const { items, setting } = await plan('prose', { prose: [window(text)] });
    expect(english(setting)).toContain(
      '1 held-out sequences of up to 64 tokens of prose, as no code is held out',
    );
    const scored = await task.score(
      items.find(({ id }) => id === 'window 0')!,
      halfNat,
      scoreContext,
    );
    expect(Object.keys(scored.parts).sort()).toEqual(['bits per byte', 'loss']);
    expect(items.some(({ id }) => id.startsWith('prose'))).toBe(false);
  });

  it('includes no prose at cursors', async () => {
    const corpus = corpusOf(tokensOf(price), ['src/cart.ts', 'README.md', 'docs/CHANGES']);
    const run = { spec, corpus: () => Promise.resolve(corpus) };
    const { items } = await task.plan(planContext({ base: model({}), setting: 'quick', run }));
    const paths = items.flatMap(({ id }) => / at (.+):\d+$/.exec(id)?.[1] ?? []);
    expect(new Set(paths)).toEqual(new Set(['src/cart.ts']));
  });
});

describe('windows of instruction pairs', () => {
  it("belong to their function's file, so that functions of one file do not count as independent", () => {
    const held = { split: 'held-out', tokens: 9 };
    const documents = [
      { ...held, path: 'src/a.py:12', offset: 0 },
      { ...held, path: 'src/a.py:40', offset: 9 },
      { ...held, path: 'commit 0123456789ab', offset: 18 },
      { path: 'src/b.py:1', split: 'train', tokens: 9, offset: 0 },
    ];
    const files = heldOutFiles({ documents } as never);
    expect([0, 9, 18].map((offset) => files.get(offset))).toEqual([
      ...['src/a.py', 'src/a.py'],
      'commit 0123456789ab',
    ]);
  });
});

describe('characters saved', () => {
  it.each([
    ['count + 1;', 'count + 1;', 10],
    ['count + 12;', 'count + 1;', 8],
    ['count + 1; // more', 'count + 1;', 10],
    ['counter', 'count + 1;', 0],
    ['\n  a();\n  b();', '\n    a();\n    c();', 6],
    ['', 'a', 0],
    ['xa', 'a', 0],
  ])('%j for %j: %d', (shown, actual, saved) => expect(savedCharacters(shown, actual).saved).toBe(saved));
  it('indentation counts for no model', () => expect(savedCharacters('', '\n      a\r\n\tb').all).toBe(4));
});

describe('files of a corpus', () => {
  const read = (...parts: (string | number)[]) => originalText(tokensOf(...parts), tokenizer);
  const { prefix, suffix, middle } = MARKS;
  it.each([
    ['unchanged', ['a b c']],
    ['prefix, suffix, middle', [prefix, 'a ', suffix, ' c', middle, 'b']],
    ['suffix, prefix and middle', [prefix, suffix, ' c', middle, 'a b']],
    ['in a repository', [0xe004, 'shop', SEPARATOR, 'x.ts\nold\n', SEPARATOR, 'src/a.ts\na b c']],
    ['cut in a repository', [SEPARATOR, 'src/a.ts\n', prefix, 'a ', suffix, ' c', middle, 'b']],
  ])('%s', (_, parts) => expect(read(...parts)).toBe('a b c'));
  it('the nearest first, never the file itself', () => {
    const files = new CorpusFiles(corpusOf(tokensOf(price)), tokenizer);
    const at = (path: string) => files.nearest(path, 5);
    expect(at('src/cart.ts')).toEqual([{ path: 'src/price.ts', text: price }]);
    expect(at('src/other.ts').map(({ path }) => path)).toEqual(['src/price.ts', 'src/cart.ts']);
  });
  it('of several folders, those of the same one, as completion reads them', () => {
    const folders = [
      { path: '/api', name: 'src' },
      { path: '/web', name: 'web' },
    ];
    const corpus = corpusOf(tokensOf(price), ['web/src/price.ts', 'src/cart.ts']);
    const files = new CorpusFiles(corpus, tokenizer, folders);
    const at = (path: string) => files.nearest(path, 5);
    expect(at('src/cart.ts')).toEqual([{ path: 'price.ts', text: price }]);
    expect(at('web/src/price.ts')).toEqual([]);
    expect(at('web/a.ts').map(({ path }) => path)).toEqual(['src/price.ts']);
  });
});
