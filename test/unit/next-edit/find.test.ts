import { describe, expect, it } from 'vitest';
import { partsShown } from '../../../src/next-edit/index.ts';
import { Editor } from './help.ts';

describe('the same change', () => {
  it('an argument added twice: other calls with as many arguments, but no definition', () => {
    const text = `
function send(a, b) {}
send(1, 2);
send(x.y, [1, 2]);
resend(1, 2);
send(f(a, b), "c, d");
send(1);
`;
    const editor = new Editor({ 'a.js': text }).edit('a.js', '2);', '2, context);');
    expect(editor.lines).toEqual([]);
    editor.edit('a.js', '2]);', '2], context);');
    expect(editor.lines).toEqual(['send(f(a, b), "c, d", context);']);
    expect(editor.takeAll().lines).toEqual([]);
  });

  it('an argument added where a name was changed before', () => {
    const text = "const a = load('rose');\nconst b = load('tulip');\nconst c = load('daisy');\n";
    const editor = new Editor({ 'a.js': text }).edit('a.js', 'load', 'read');
    editor.edit('a.js', 'load', 'read').edit('a.js', 'load', 'read');
    editor.edit('a.js', "rose'", "rose', 2").edit('a.js', "tulip'", "tulip', 2");
    expect(editor.lines).toEqual(["const c = read('daisy', 2);"]);
  });

  it('with a varying part: that part stays', () => {
    const text = `
def a(x: Optional[int]): pass
def b(x: Optional[str]): pass
def c(x: Optional[dict[str, int]]): pass
`;
    const editor = new Editor({ 'a.py': text });
    editor.edit('a.py', 'Optional[int]', 'int | None').edit('a.py', 'Optional[str]', 'str | None');
    expect(editor.lines).toEqual(['def c(x: dict[str, int] | None): pass']);
  });

  it('is not offered for a place that was skipped', () => {
    const text = 'a(old, 1)\nb(old, 2)\nc(old, 3)\nd(old, 4)\n';
    const editor = new Editor({ 'a.py': text }).edit('a.py', 'old', 'new').edit('a.py', 'old', 'new', 'c(');
    expect(editor.lines).toEqual([]);
  });

  it('of whole lines: wherever the same line occurs, with its indentation', () => {
    const text = `
if (user.isAllowed(action, target)) one();
if (x) {
    if (user.isAllowed(action, target)) one();
}
`;
    const editor = new Editor({ 'a.js': text }).edit('a.js', 'target))', 'target, now))');
    expect(editor.lines).toEqual(['if (user.isAllowed(action, target, now)) one();']);
    expect(editor.takeAll().text('a.js').split('\n')[3]).toMatch(/^ {4}if \(user/);
  });

  it('of a short line: not before it was changed twice', () => {
    const text = 'const first = readAll(data);\n\nend();\n\n'.repeat(3);
    const editor = new Editor({ 'a.js': text }).edit('a.js', '(data)', '(state)');
    expect(editor.lines).toEqual([]);
    expect(editor.edit('a.js', '(data)', '(state)').lines).toEqual(['const first = readAll(state);']);
  });

  it('of whole lines: not where such lines were skipped, nor where they are many', () => {
    const line = 'const first = readAll(data.values.all);\n\nend();\n\n';
    const change = (editor: Editor, after = '') => editor.edit('a.js', 'values', 'rows', after);
    const text = `${line.repeat(2)}middle();\n\n${line.repeat(2)}`;
    const editor = change(new Editor({ 'a.js': text }));
    expect(editor.lines).toHaveLength(3);
    expect(change(editor, 'middle').lines).toEqual([]);
    const many = change(new Editor({ 'a.js': line.repeat(6) }));
    expect(many.lines).toEqual([]);
    expect(change(many).lines).toHaveLength(4);
  });

  it('in files that were not edited: only what was changed in two others', () => {
    const line = 'this.server.listen(options.port, callback);\n';
    const pair = 'a(previous.value);\n\nif (c) b(1, previous.value, d);\n';
    const files = { 'a.js': line + pair, 'b.js': line + pair, 'c.js': line + pair };
    const editor = new Editor(files).edit('a.js', 'options.port', 'port');
    expect(editor.offers).toEqual([]);
    expect(editor.edit('b.js', 'options.port', 'port').offers.map(({ path }) => path)).toEqual(['c.js']);
    const twice = new Editor(files)
      .edit('a.js', 'previous.value', 'old')
      .edit('a.js', 'previous.value', 'old');
    expect(twice.offers).toEqual([]);
    expect(twice.edit('b.js', 'previous.value', 'old').offers.map(({ path }) => path)).toContain('c.js');
  });

  it('an insertion made twice: where the surroundings are alike, in edited files only', () => {
    const line = (name: string, end: string) => `expect(parse(${name}).value.kind).${end};\n`;
    const ends = ['toBe(1)', 'toBe(-2)', 'toBe([3])', 'length'];
    const text = ends.map((end, index) => line('abcd'[index]!, end)).join('\n');
    const editor = new Editor({ 'a.js': text, 'b.js': text });
    editor.edit('a.js', '.value', '.first.value', 'parse(a)');
    expect(editor.lines).toEqual([]);
    editor.edit('a.js', '.value', '.first.value', 'parse(b)');
    expect(editor.lines).toEqual(['expect(parse(c).first.value.kind).toBe([3]);']);
    expect(editor.takeAll().lines).toEqual([]);
  });

  it('in comments with few neighbours in common: only where more of them are alike', () => {
    const text = `
// One: the parser reads old tokens from a file.
one();

// Two: the parser reads old tokens of its own.
two();

// Three: the parser reads old tokens of its own side.
three();

// It never reads old tokens twice.
four();
`;
    const editor = new Editor({ 'a.js': text });
    editor
      .edit('a.js', 'reads old tokens', 'reads new tokens')
      .edit('a.js', 'reads old tokens', 'reads new tokens');
    expect(editor.lines).toEqual(['// Three: the parser reads new tokens of its own side.']);
  });

  it('in an edited file that the user has left: tentatively, but for renames', () => {
    const files = {
      'a.py': 'def load(old): pass\na(old, 1)\nb(old, 2)\n',
      'b.py': 'c = 1\na(old, 3)\nload(4)\n',
    };
    const tentative = (editor: Editor) => editor.offers.map(({ path, isTentative }) => [path, isTentative]);
    const editor = new Editor(files).edit('b.py', 'c = 1', 'c = 2');
    editor.edit('a.py', 'old', 'new', 'a(').edit('a.py', 'old', 'new', 'b(');
    expect(tentative(editor)).toEqual([['b.py', true]]);
    const renamed = new Editor(files).edit('b.py', 'c = 1', 'c = 2').edit('a.py', 'load', 'read');
    expect(tentative(renamed)).toEqual([['b.py', undefined]]);
  });

  it('in files that were not edited: an argument only where its name is known', () => {
    const files = {
      'a.js': 'const context = 1;\nsend(1, 2);\nsend(3, 4);\n',
      'b.js': 'const context = 2;\nsend(5, 6);\n',
      'c.js': 'send(7, 8);\n',
      'd.js': 'import { context } from "./e.js";\nsend(9, 0);\n',
    };
    const add = (editor: Editor, argument: string) =>
      editor.edit('a.js', '2);', `2, ${argument});`).edit('a.js', '4);', `4, ${argument});`);
    const editor = add(new Editor(files), 'context');
    expect(editor.lines).toEqual([]);
    editor.edit('b.js', '6);', '6, context);');
    expect(editor.offers.map(({ path }) => path)).toEqual(['d.js']);
    const word = add(new Editor(files), 'true').edit('b.js', '6);', '6, true);');
    expect(word.offers.map(({ path }) => path)).toEqual(['c.js', 'd.js']);
  });

  it('of an import: where the new name is used, or the old one is not', () => {
    const line = 'import { readSettings } from "../shared/settings.js";\n';
    const files = {
      'a.js': `${line}writeSettings(readSettings());\n`,
      'b.js': `${line}readSettings();\n`,
      'c.js': `${line}writeSettings(1);\n`,
      'd.js': line,
    };
    const wider = (path: string, editor: Editor) => editor.edit(path, '{ readS', '{ writeSettings, readS');
    const added = wider('d.js', wider('a.js', new Editor(files)));
    expect(added.offers.map(({ path }) => path)).toEqual(['c.js']);
  });

  it('of whole lines in a file with Windows line ends: they stay, and only the difference is shown', () => {
    const lines =
      '  const first = load(target, settings.all);\r\n  const other = read(target, settings.all);\r\n';
    const text = `${lines}end();\r\n${lines}`;
    const editor = new Editor({ 'a.js': text }).edit('a.js', 'first', 'early');
    const [offer] = editor.offers;
    expect(partsShown(editor.text('a.js'), offer!)).toMatchObject([{ text: 'early' }]);
    expect(editor.takeAll().text('a.js')).toBe(text.replaceAll('first', 'early'));
    const both = lines.trimEnd();
    const whole = new Editor({ 'a.js': text }).edit('a.js', both, both.replace(/load|read/g, 'fetch'));
    expect(whole.takeAll().text('a.js')).toBe(text.replace(/load|read/g, 'fetch'));
  });

  it('is shown in whole characters', () => {
    const shown = (was: string, text: string) =>
      partsShown(was, { why: 'same-lines', parts: [{ start: 0, end: was.length, text }] });
    expect(shown('a🙂b', 'a🙃b')).toEqual([{ start: 1, end: 3, text: '🙃' }]);
    expect(shown('a\u{1F642}b', 'a\u{20242}b')).toEqual([{ start: 1, end: 3, text: '\u{20242}' }]);
  });

  it('offers nothing once undone', () => {
    const text = 'def f(alpha):\n    return alpha\n';
    const editor = new Editor({ 'a.py': text }).edit('a.py', 'alpha', 'beta');
    expect(editor.lines).toEqual(['return beta']);
    expect(editor.edit('a.py', 'beta', 'alpha').edits).toEqual([]);
  });
});

describe('newly written text', () => {
  const written = 'def total(items, rate):\n    tax = rate * 2\n    return add(items, tax)\n';

  it('that is changed after a pause is an edit of its own', () => {
    for (const [text, place] of [
      ['x = 1\n', 6],
      ['x = 1', 5],
      ['', 0],
      ['\nx = 1\n', 0],
    ] as const) {
      const inserted = place === 5 ? `\n${written}` : written;
      const editor = new Editor({ 'a.py': text }).replace('a.py', place, 0, inserted);
      expect(editor.lines).toEqual([]);
      expect(editor.edit('a.py', 'items', 'prices').lines, text).toEqual(['return add(prices, tax)']);
    }
  });

  it('counts even if it replaces many other lines', () => {
    const old = 'print(1)\n'.repeat(14);
    const editor = new Editor({ 'a.py': old }).replace('a.py', 0, old.length, written);
    expect(editor.lines).toEqual([]);
    expect(editor.edit('a.py', 'items', 'prices').lines).toEqual(['return add(prices, tax)']);
  });

  it('with pauses: the line being written is no edit until another one is', () => {
    const editor = new Editor({ 'a.py': 'use(it)\n\n\n' }).replace('a.py', 9, 0, 'def f(rate):\n    it');
    expect(editor.edits).toMatchObject([{ before: '', after: '    it' }]);
    editor.edit('a.py', '    it', '    items');
    expect(editor.edits).toMatchObject([{ before: '', after: '    items' }]);
    expect(editor.edit('a.py', 'use(it)', 'use(them)').edits).toHaveLength(1);
    editor.edit('a.py', '    items', '    prices');
    expect(editor.edits.at(-1)).toMatchObject({ before: '    items', after: '    prices' });
  });

  it('offers nothing once undone', () => {
    const line = 'return response.json(items)\n';
    const editor = new Editor({ 'a.js': `${line}${line}\n` }).replace('a.js', 56, 0, `${line}one();\ntwo();`);
    expect(editor.edits).toMatchObject([{ before: '', after: 'two();' }]);
    // Step by step.
    editor.undo('a.js', 'two();', '').undo('a.js', 'one();', '');
    expect(editor.edits).toEqual([]);
    editor.undo('a.js', '(items)', '()').undo('a.js', 'return response.json()', '');
    expect([editor.edits, editor.lines]).toEqual([[], []]);
  });
});
