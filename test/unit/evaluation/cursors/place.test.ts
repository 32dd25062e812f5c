/**
 * A held-out cursor gets the prompt that the editor would send there: compared with the editor's own index of a
 * folder.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Tokenizer } from '../../../../src/llama-cpp/tokenizer.ts';
import { defaultBudget, RepositoryParts } from '../../../../src/completion/index.ts';
import type { Corpus } from '../../../../src/corpus/index.ts';
import { toDocument, requestAt } from '../../../../src/evaluation/cursors/completion.ts';
import { CorpusFiles } from '../../../../src/evaluation/cursors/corpus-files.ts';
import { findCursors } from '../../../../src/evaluation/cursors/cursors.ts';
import { heldOutDocuments } from '../../../../src/evaluation/cursors/held-out.ts';
import { placeCursors } from '../../../../src/evaluation/cursors/place.ts';
import type { RunSpec } from '../../../../src/protocol/run.ts';
import { charTokenizer } from '../help.ts';
import { openFolder } from '../../repository/help.ts';

const tokenizer = { ...charTokenizer, fileSeparator: undefined } as Tokenizer;
const spec = { folder: '/home/me/shop', corpus: { repositoryContext: true } } as RunSpec;

const handlers = Array.from(
  { length: 150 },
  (_, i) =>
    `export function handle${i}(cart: Cart, country: string): number {\n` +
    `  const total = taxOf(cart.prices[${i}]!, country) + rateOf${i % 7}(country);\n` +
    `  return total * ${i};\n}\n`,
).join('\n');
const texts: Record<string, string> = {
  'src/tax.ts': 'export function taxOf(price: number, country: string): number {\n  return price * 0.2;\n}\n',
  'src/cart.ts': 'export interface Cart {\n  prices: number[];\n}\n',
  'src/rates.ts': Array.from(
    { length: 7 },
    (_, i) => `export function rateOf${i}(country: string): number {\n  return ${i};\n}\n`,
  ).join('\n'),
  'src/handlers.ts': `import { taxOf } from './tax';\nimport type { Cart } from './cart';\nimport { rateOf1 } from './rates';\n\n${handlers}`,
};
const heldOutPaths = ['src/handlers.ts'];

interface Part {
  path: string;
  split: 'train' | 'held-out';
  text: string;
  fromLine?: number;
}
function corpusOf(parts: readonly Part[]): Corpus {
  const stored = { train: '', 'held-out': '' };
  const documents = parts.map(({ path, split, text, fromLine }) => {
    const offset = stored[split].length;
    stored[split] += text;
    return { in: true, path, split, offset, tokens: text.length, ...(fromLine && { fromLine }) };
  });
  const file = (text: string) => ({
    length: text.length,
    read: (begin: number, count: number) => charTokenizer.encode(text.slice(begin, begin + count)),
  });
  return {
    ...{ documents, measured: 'code' },
    ...{ train: file(stored.train), heldOut: file(stored['held-out']) },
  } as never;
}
const corpus = corpusOf(
  // In reading order, as in a corpus.
  Object.entries(texts)
    .sort()
    .map(([path, text]) => ({
      ...{ path, text },
      split: heldOutPaths.includes(path) ? 'held-out' : 'train',
    })),
);
const cursorsOf = (some: Corpus, counts = { line: 12, block: 4 }) =>
  findCursors(heldOutDocuments(some, tokenizer), counts);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fmn-place-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', join(folder, 'home'));
  for (const [path, text] of Object.entries(texts)) {
    const file = join(folder, 'shop', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const never = () => new Promise<void>(() => undefined);

describe('a held-out cursor', () => {
  it('has the other files that the editor’s index would give', async () => {
    const index = await openFolder(join(folder, 'shop'));
    await index.scan();
    const placed = await placeCursors(cursorsOf(corpus), corpus, tokenizer, spec);
    expect(placed).toHaveLength(16);
    const open = new CorpusFiles(corpus, tokenizer);
    for (const cursor of placed) {
      const document = toDocument(cursor);
      const text = texts[cursor.path]!;
      const above = text.split('\n').slice(0, cursor.line).join('\n').length;
      const at = text.lastIndexOf(cursor.before.slice(-60) + cursor.actual.slice(0, 20), above) + 60;
      const left = text.slice(0, at) + text.slice(at + cursor.actual.length);
      await index.document(join(folder, 'shop', cursor.path), left);
      const parts = (_: unknown, budget: number) =>
        Promise.resolve(
          index.parts({
            ...{ path: cursor.path, languageId: 'typescript', line: cursor.line - 1, budget },
            ...{ edits: [], shown: defaultBudget },
            ...{ before: left.slice(0, at).slice(-16_000), after: left.slice(at).slice(0, 4000) },
          }),
        );
      const files = () => open.nearest(cursor.path, 8);
      const wanted = await new RepositoryParts(never).choose(
        document,
        { files, parts },
        () => defaultBudget.others!,
      );
      expect(cursor.others).toEqual(wanted);
    }
    const names = placed.flatMap(({ others }) => others.map(({ filename }) => filename));
    expect(new Set(names)).toEqual(new Set(Object.keys(texts)));
  });

  it('sends as much of its file as the editor, and never the text to be completed', async () => {
    for (const cursor of await placeCursors(cursorsOf(corpus), corpus, tokenizer, spec)) {
      const asked = (await requestAt(cursor, {
        model: '',
        fillInTheMiddle: () => true,
        maxTokens: 1,
      }))!;
      const whole = texts[cursor.path]!;
      const { prompt, begun = '', heal = '', suffix = '' } = asked;
      expect(whole).toContain(prompt + begun + heal + cursor.actual);
      expect(prompt.length).toBeLessThanOrEqual(defaultBudget.before);
      expect(suffix.length).toBeLessThanOrEqual(defaultBudget.after);
      const elsewhere = whole.replace(cursor.before + cursor.actual, '');
      const parts = (asked.context ?? []).map(({ text }) => text).join('');
      if (!elsewhere.includes(cursor.actual)) expect(parts).not.toContain(cursor.actual);
    }
  });

  it('in a file that was split sees the trained part of it', async () => {
    const lines = texts['src/handlers.ts']!.split('\n');
    const [first, rest] = [`${lines.slice(0, 500).join('\n')}\n`, lines.slice(500).join('\n')];
    const cut = corpusOf([
      { path: 'src/tax.ts', split: 'train', text: texts['src/tax.ts']! },
      { path: 'src/handlers.ts', split: 'train', text: first, fromLine: 1 },
      { path: 'src/handlers.ts', split: 'held-out', text: rest, fromLine: 501 },
    ]);
    const [cursor] = await placeCursors(cursorsOf(cut, { line: 1, block: 0 }), cut, tokenizer, spec);
    expect(cursor!.line).toBeGreaterThan(501);
    const above = [...lines.slice(0, cursor!.line - 1), ''].join('\n');
    expect(cursor!.before.startsWith(above.slice(-15_000, -14_000))).toBe(false);
    expect(`${above}${lines[cursor!.line - 1]!}`).toContain(cursor!.before + cursor!.actual);
    expect(cursor!.before.length).toBe(16_000);
  });

  it('is placed exactly in a line of thousands of characters', async () => {
    const before = Array.from({ length: 8 }, (_, i) => `const early${i} = ${i};\n`).join('');
    const words = Array.from({ length: 1300 }, (_, i) => `a${i}`).join('');
    const text = `${before}const long = ${words} + total(cart, ${'x'.repeat(40)});\n`;
    const long = corpusOf([{ path: 'src/long.ts', split: 'held-out', text }]);
    const found = cursorsOf(long, { line: 1, block: 0 }).map((one) => ({
      ...one,
      ...{ line: 9, column: text.length - before.length - 30, actual: text.slice(-30).trimEnd() },
    }));
    const [cursor] = await placeCursors(found, long, tokenizer, spec);
    expect(text).toContain(cursor!.before + cursor!.actual);
  });

  it('has no rows of a data set as context, which no editor has', async () => {
    const row = {
      path: 'row 12',
      split: 'train',
      text: texts['src/tax.ts']!.replace('* 0.2', '* 7'),
    } as const;
    const mixed = corpusOf([
      row,
      { path: 'src/handlers.ts', split: 'held-out', text: texts['src/handlers.ts']! },
    ]);
    const placed = await placeCursors(cursorsOf(mixed), mixed, tokenizer, spec);
    expect(placed.flatMap(({ others }) => others.map(({ filename }) => filename))).not.toContain('row 12');
  });

  it('is extended by some lines for predictions', async () => {
    const [cursor] = await placeCursors(cursorsOf(corpus, { line: 1, block: 0 }), corpus, tokenizer, spec, {
      lines: 4,
    });
    expect(cursor!.actual.split('\n').length).toBeGreaterThan(1);
    expect(cursor!.actual.split('\n').length).toBeLessThanOrEqual(4);
    expect(texts['src/handlers.ts']).toContain(cursor!.before + cursor!.actual);
  });
});
