import { describe, expect, it } from 'vitest';
import { enclosingText, openAt, unmatchedClosers } from '../../../src/completion/code/brackets.ts';
import { CompletionCache } from '../../../src/completion/cache.ts';
import { takeAfter, takeBefore } from '../../../src/completion/prompt/context.ts';
import { buildPrompt, gate, languageIdForPath, maxLinesAt } from '../../../src/completion/index.ts';
import { languageFor } from '../../../src/completion/code/languages.ts';
import { cutLoops, similar } from '../../../src/completion/answer/repetition.ts';
import { indentWidth } from '../../../src/completion/code/text.ts';

const document = (before: string, after = '', languageId = 'typescript') => ({
  path: 'src/a.ts',
  languageId,
  before,
  after,
});

describe('the gate', () => {
  const ask = (before: string, after = '', selections = [0], languageId = 'typescript') =>
    gate({ ...document(before, after, languageId), selections });

  it.each([')', ']);', '"', " '", '},', ': ', '*/', ' -->', '</div>', '>', ''])('opens before %j', (after) =>
    expect(ask('const a = f(', after)).toBeUndefined(),
  );
  it.each(['x', ' + 1', ') + 2', '.then()', '// why'])('stays shut before %j', (after) =>
    expect(ask('const a = f(', after)).toBe('text-right'),
  );
  it("looks only at the cursor's line", () => expect(ask('a(', ')\nconst b = 2;')).toBeUndefined());
  it.each([
    [[0, 0], 'several-cursors'],
    [[5], 'selection'],
    [[], 'several-cursors'],
  ])('selections %j: %s', (selections, reason) => expect(ask('a', '', selections)).toBe(reason));
  it('rejects inputs that are not documents', () =>
    expect(ask('fix: a', '', [0], 'scminput')).toBe('unsupported'));
  it('rejects data files', () => expect(ask('1,'.repeat(300))).toBe('long-line'));
});

describe('the most lines of a completion', () => {
  it.each([
    ['  ', '', 12],
    ['if (a) {', '', 12],
    ['if (a) {', '}', 12],
    ['f(', ')', 1],
    ['const a =', '', 1],
    ['const f = () =>', '', 12],
    ['// about {', '', 1],
    ['/* over\n', '\n */', 1],
    ['"// no comment"; if (a) {', '', 12],
    ['`Order ${', '}`', 1],
  ])('%j before %j: %s', (before, after, lines) => expect(maxLinesAt(document(before, after))).toBe(lines));
  it.each([
    ['def f():', 12],
    ['x = {', 12],
    ['x = 1', 1],
    ['# note:', 1],
  ])('python %j: %s', (before, lines) => expect(maxLinesAt(document(before, '', 'python'))).toBe(lines));
});

describe('brackets', () => {
  const read = (text: string, languageId = 'typescript') => {
    const language = languageFor(languageId);
    const open = openAt(text, language);
    return {
      unclosed: open.filter(({ kind }) => kind === 'bracket').map(({ closer }) => closer),
      unmatched: unmatchedClosers(text, language),
      inside: enclosingText(open),
    };
  };
  it('lists the open ones, innermost last', () =>
    expect(read('f({ a: [1, (2').unclosed).toEqual([')', '}', ']', ')']));
  it('finds closing brackets without an opening one', () =>
    expect(read('a) b } [c]').unmatched).toEqual([
      { closer: ')', at: 1 },
      { closer: '}', at: 5 },
    ]));
  it.each([
    ['f"a {', 'python', undefined],
    ['f"a {b', 'python', undefined],
    ['f"a {b} ', 'python', 'string'],
    ['f"a {{', 'python', 'string'],
    ['"a {', 'python', 'string'],
    ['rf"""a {b}\n', 'python', 'string'],
    ['f"a {b"', 'python', undefined],
    ['f"a {b\n', 'python', undefined],
    ['`a\\`', 'go', undefined],
  ])('%j in %s ends inside %s', (text, languageId, inside) =>
    expect(read(text, languageId).inside).toBe(inside),
  );
  it('an unfinished one-line string leaves nothing open below it', () =>
    expect(read('f"a {b\ng(', 'python').unclosed).toEqual([')']));
  it.each(['"(["', "'{'", '`\n(`', '// (', '/* [ { */', "'it\\'s ('", '"""('])(
    'counts none in %j',
    (text) => {
      expect(read(text).unclosed).toEqual([]);
      expect(read(text).unmatched).toEqual([]);
    },
  );
  it('a string ends at the end of its line', () =>
    expect(read('const a = "open\nf(').unclosed).toEqual([')']));
  it.each([
    ['/* a', 'comment'],
    ['// a', 'comment'],
    ['// a\nb', undefined],
    ['`a ', 'string'],
    ['`a ${', undefined],
    ['`a ${b} c', 'string'],
    ['`a \\` b', 'string'],
    ['a = b / c; d = "e', 'string'],
    ["x.replace(/'/g, '", 'string'],
    ['x.replace(/[\'"`]/g', undefined],
    ['"a', 'string'],
    ['"a"', undefined],
  ])('%j ends inside %s', (text, inside) => expect(read(text).inside).toBe(inside));
});

describe("the prompt's window", () => {
  const lines = Array.from({ length: 500 }, (_, index) => `const value${index} = ${index};`);
  it('is the whole text if that is short', () => {
    expect(takeBefore('a\nb', 10)).toBe('a\nb');
    expect(takeAfter('a\nb', 10)).toBe('a\nb');
  });
  it('begins and ends with whole lines, within the budget', () => {
    const before = takeBefore(lines.join('\n'), 1000);
    expect(before.length).toBeLessThanOrEqual(1000);
    expect(before.length).toBeGreaterThan(600);
    expect(lines).toContain(before.split('\n')[0]);
    expect(before.endsWith(lines.at(-1)!)).toBe(true);
    const after = takeAfter(lines.join('\n'), 1000);
    expect(lines).toContain(after.split('\n').at(-1));
  });
  it('keeps its beginning while typing', () => {
    const starts = new Set<string>();
    let text = lines.join('\n');
    for (let key = 0; key < 200; key += 1) {
      text += 'x';
      starts.add(takeBefore(text, 1000).slice(0, 50));
    }
    expect(starts.size).toBeLessThanOrEqual(2);
  });
  it('cuts no character in two', () => {
    const text = '😀'.repeat(1000);
    for (const budget of [99, 100, 101]) {
      expect(takeBefore(text, budget)).toMatch(/^(😀)*$/u);
      expect(takeAfter(text, budget)).toMatch(/^(😀)*$/u);
    }
  });
});

describe('the prompt', () => {
  const options = { model: 'm', fillInTheMiddle: true, maxTokens: 100, maxLines: 12 };
  it.each([
    ['  return ', '  return', ' '],
    ['a\n    ', 'a\n   ', ' '],
    ['a\n\t', 'a\n', '\t'],
    ['a\n    ret', 'a\n   ', ' ret'],
    ['console.lo', 'console', '.lo'],
    ['x = call(', 'x = call', '('],
    ['if (a ==', 'if (a', ' =='],
    ['my_na', 'my', '_na'],
    ['x1', 'x1', undefined],
    ['a\n', 'a\n', undefined],
    ['größe', 'größe'.slice(0, 4), 'e'],
  ])('leaves a possibly partial token to the model: %j', (before, prompt, heal) => {
    const ask = buildPrompt(document(before), options);
    expect({ prompt: ask.prompt, heal: ask.heal }).toEqual({ prompt, heal });
  });
  it('has one kind of line end', () =>
    expect(buildPrompt(document('1\r\n2', '\r\nc'), options)).toMatchObject({
      prompt: '1\n2',
      suffix: '\nc',
    }));
  it('has no suffix at the end of a file', () =>
    expect(buildPrompt(document('a', '\n\n'), options).suffix).toBeUndefined());
});

describe('the cache', () => {
  it('distinguishes places by the length of the text far from the cursor', () => {
    const cache = new CompletionCache();
    const far = 'x'.repeat(10_000);
    cache.put(document(`${far}const a =`), 'm', { text: ' 1;' });
    expect(cache.get(document(`${far}const a =`), 'm')).toBe(' 1;');
    expect(cache.get(document(`y${far}const a =`), 'm')).toBeUndefined();
    expect(cache.get(document(`${far}const a =`, 'z'), 'm')).toBeUndefined();
  });
  it('distinguishes whitespace', () => {
    const cache = new CompletionCache();
    cache.put(document('if a:\n  ', '', 'python'), 'm', { text: 'b' });
    expect(cache.get(document('if a:\n    ', '', 'python'), 'm')).toBeUndefined();
  });
  it('drops the least recently used entries', () => {
    const cache = new CompletionCache(2);
    for (const name of ['a', 'b']) cache.put(document(name), 'm', { text: ` ${name}` });
    expect(cache.get(document('a'), 'm')).toBe(' a');
    cache.put(document('c'), 'm', { text: ' c' });
    expect(cache.get(document('b'), 'm')).toBeUndefined();
    expect(cache.get(document('a'), 'm')).toBe(' a');
  });
});

describe('repetition', () => {
  it.each([
    'a\nb\nc',
    '    a: 1,\n    b: 1,',
    '----------------------------------------',
    'x = [0, 0, 0]',
    '0,\n0,',
    '}\n}',
  ])('does not cut %j', (text) => expect(cutLoops(text)).toBe(text));
  it('cuts loops of one to three lines', () => {
    expect(cutLoops('x\na\na\na')).toBe('x\na');
    expect(cutLoops('a\nb\na\nb\na\nb\na')).toBe('a\nb');
    expect(cutLoops('a\nb\nc\n'.repeat(3))).toBe('a\nb\nc');
    expect(cutLoops('x();\nif (a === b)\n  throw it;\nif (a === b)\n  throw')).toBe(
      'x();\nif (a === b)\n  throw it;',
    );
  });
  it('treats similar lines as repeated', () => {
    expect(similar('  const a = 1;', 'const a = 1;')).toBe(true);
    expect(similar('const a = 1;', 'const b = 1;')).toBe(false);
    expect(similar("import { readFile } from 'node:fs';", 'import { readFile } from "node:fs";')).toBe(false);
    expect(
      similar(
        "const description = element.querySelector('a');",
        "const description = element.querySelector('b');",
      ),
    ).toBe(true);
  });
});

it('tabs advance to the next tab stop', () =>
  expect([indentWidth('\ta'), indentWidth('  \ta'), indentWidth('    a')]).toEqual([4, 4, 4]));
it('recognises languages by extension', () =>
  expect(['a.ts', 'b.PY', 'c.unknown', 'Makefile'].map(languageIdForPath)).toEqual([
    'typescript',
    'python',
    'plaintext',
    'plaintext',
  ]));
