import { describe, expect, it } from 'vitest';
import { partsShown } from '../../../src/next-edit/index.ts';
import { Editor } from './help.ts';

describe('a rename', () => {
  const python = `
def total(items, rate):
    """The sum of items."""
    # items may be empty
    tax = rate * sum(items)
    return Sum(items=items).add(self.items, f"{items} items")

def other(items):
    return items
`;
  it('of a parameter: its uses in the function, not strings, other objects or keywords', () => {
    const editor = new Editor({ 'a.py': python }).edit('a.py', 'items', 'prices');
    expect(editor.lines).toEqual([
      'tax = rate * sum(prices)',
      'return Sum(items=prices).add(self.items, f"{prices} items")',
    ]);
    expect(editor.takeAll().text('a.py')).toBe(
      python
        .replace('total(items', 'total(prices')
        .replace('sum(items)', 'sum(prices)')
        .replace('items=items', 'items=prices')
        .replace('{items}', '{prices}'),
    );
  });

  it('of a parameter in TypeScript: a shorthand property keeps its key', () => {
    const text = `
function show(name: string, { size }: Options): Box {
  const box = { name, size };
  return draw(box, name, { name: 1 });
}
const name = 2;
`;
    const editor = new Editor({ 'a.ts': text }).edit('a.ts', 'name', 'title');
    expect(editor.lines).toEqual([
      'const box = { name: title, size };',
      'return draw(box, title, { name: 1 });',
    ]);
  });

  it('of what a file exports: a shorthand property keeps its key, lists of names do not', () => {
    const files = {
      'a.ts': `const timeout = 5;
export function get(url: string) {
  return fetch(url, { timeout });
}
export { timeout };
`,
      'b.ts': "import {\n  get,\n  timeout,\n} from './a.ts';\n",
      'c.js': "const {\n  get,\n  timeout,\n} = require('./a.ts');\nget({ timeout });\n",
    };
    expect(new Editor(files).edit('a.ts', 'timeout', 'limit').lines).toEqual([
      'return fetch(url, { timeout: limit });',
      'export { limit };',
      'limit,',
      'limit,',
      'get({ timeout: limit });',
    ]);
  });

  it('beside regular expressions, which are no comments, strings or divisions', () => {
    const text = `
function link(name: string, url: string): string {
  if (/^https?:\\/\\/['"\`]/.test(url)) return use(name);
  const half = url.length / 2 + name.length / 2;
  return url.replace(/"/g, name) + <b a={url} /> + name + <b />;
}
`;
    expect(new Editor({ 'a.ts': text }).edit('a.ts', 'name', 'title').lines).toEqual([
      'if (/^https?:\\/\\/[\'"`]/.test(url)) return use(title);',
      'const half = url.length / 2 + title.length / 2;',
      'return url.replace(/"/g, title) + <b a={url} /> + title + <b />;',
    ]);
  });

  it('of a function: also in other files, except where it is still defined', () => {
    const files = {
      'a.ts': 'export function load(path: string) {\n  return path;\n}\nload("x");\n',
      'b.ts': 'import { load } from "./a.ts";\nconst x = load("load");\nthing.load();\n',
    };
    expect(new Editor(files).edit('a.ts', 'load', 'loadFile').lines).toEqual([
      'loadFile("x");',
      'import { loadFile } from "./a.ts";',
      'const x = loadFile("load");',
    ]);
    const twice = { ...files, 'a.ts': `${files['a.ts']}function load() {}\n` };
    expect(new Editor(twice).edit('a.ts', 'load', 'loadFile').lines).toEqual([]);
  });

  it('in other files: only where it is imported, and means the same', () => {
    const files = {
      'a.ts': 'export function load(path: string) {\n  return path;\n}\n',
      'b.js': `
import {
  other,
  load as read,
} from './a.ts';
const { load } = require('./a.ts');
export { load } from './a.ts';
function run(x, load) {
  load();
}
function walk({ path }) {
  const { load } = path;
  load();
}
load('b');
`,
      'c.ts': 'function load() {}\nload();\n',
      'd.ts': 'import { other } from "./a.ts";\nother(load);\n',
      'page.vue': '<script>\nimport { load } from "./a.ts";\n</script>\n',
      'README.md': 'You load from import { load }.\n',
      'settings.yaml': 'load: 8080\n',
      'e.py': 'from a import load\nload(1)\n',
    };
    expect(new Editor(files).edit('a.ts', 'load', 'loadFile').lines).toEqual([
      'loadFile as read,',
      "const { loadFile } = require('./a.ts');",
      "export { loadFile } from './a.ts';",
      "loadFile('b');",
      'import { loadFile } from "./a.ts";',
    ]);
  });

  it('in other files: also once their imports have the new name', () => {
    const files = {
      'a.ts': 'export const load = read;\n',
      'b.ts': 'import { load } from "./a.ts";\nload(1);\n',
    };
    const editor = new Editor(files).edit('a.ts', 'load', 'fetch').edit('b.ts', 'load', 'fetch');
    expect(editor.lines).toEqual(['fetch(1);']);
  });

  it('of what a script does not export: only there, and not where it is defined again', () => {
    const server = `
const port = 3000;
function run(name, port) {
  use(port);
}
const show = (port) => use(port);
listen(port);
`;
    const client = "import { port } from './server.js';\nuse(port);\n";
    const lines = (text: string) =>
      new Editor({ 'server.js': text, 'b.js': client }).edit('server.js', 'port', 'number', 'const ').lines;
    expect(lines(server)).toEqual(['listen(number);']);
    for (const exported of ['export { port };', 'module.exports = { run, port };', 'export default port;'])
      expect(lines(`${server}${exported}\n`)).toHaveLength(4);
    expect(lines(server.replace('const port', 'export const port'))).toHaveLength(3);
  });

  it('in Python: a local variable and a method of that name are others, a new value is not', () => {
    const files = {
      'a.py': `
def load(path):
    path = clean(path)
    call(
        path=path,
    )
    return path
`,
      'b.py': `
from a import load
class Store:
    def load(self):
        return load(self)
def other():
    load = 1
    return load
`,
    };
    expect(new Editor(files).edit('a.py', 'load', 'read').lines).toEqual([
      'from a import read',
      'return read(self)',
    ]);
    expect(new Editor(files).edit('a.py', 'path', 'place').lines).toEqual([
      'place = clean(place)',
      'path=place,',
      'return place',
    ]);
  });

  it('in Rust: a call before a block defines nothing', () => {
    const rust = 'fn f(page: u8) {\n    if is_open(page) {\n        use_it(page);\n    }\n}\n';
    expect(new Editor({ 'a.rs': rust }).edit('a.rs', 'page', 'sheet').lines).toEqual([
      'if is_open(sheet) {',
      'use_it(sheet);',
    ]);
  });

  it('of something that is not a definition: nothing, until it happens twice', () => {
    const text = 'use(first);\ncall(first, 1);\nshow(first);\n';
    const editor = new Editor({ 'a.ts': text }).edit('a.ts', 'first', 'second');
    expect(editor.lines).toEqual([]);
    expect(editor.edit('a.ts', 'first', 'second').lines).toEqual(['show(second);']);
  });
});

describe('a definition', () => {
  it.each([
    ['a.cpp', 'class Widget : Base {};\n', 'Widget w;', 'Widget', 'Gadget'],
    ['a.c', 'struct page {\n  int id;\n};\n', 'use(struct page *p);', 'page', 'sheet'],
    ['a.go', 'type Page struct {\n\tid int\n}\n', 'var p *Page', 'Page', 'Sheet'],
    ['a.go', 'var page *Sheet\n', 'use(page)', 'page', 'sheet'],
    ['a.rs', 'pub struct Page(u32);\n', 'use_it(Page(1));', 'Page', 'Sheet'],
    ['a.rs', 'fn f() {\n    let mut page = 1;\n', '    use_it(page);\n}', 'page', 'sheet'],
    ['a.cs', 'enum Color\n{\n  Red\n}\n', 'Color c;', 'Color', 'Colour'],
    ['a.rb', 'module Shop\nend\n', 'Shop.open', 'Shop', 'Store'],
    ['a.ts', 'const fs = require("fs");\n', 'fs.open();', 'fs', 'files'],
    ['a.vue', '<script>\nconst page = 1;\n', 'use(page);\n</script>', 'page', 'sheet'],
  ])('in %s: %j', (path, definition, use, was, now) => {
    const editor = new Editor({ [path]: `${definition}${use}\n` }).edit(path, was, now);
    expect(editor.lines).toEqual([use.split('\n')[0]!.trim().replace(was, now)]);
  });

  it.each([
    ['a.cpp', 'const Widget& w = get();\n', 'Widget other;', 'Widget', 'Gadget'],
    ['a.c', 'struct page *p = get();\n', 'page other;', 'page', 'sheet'],
    ['a.rs', 'fn f(x: &mut Page) {}\n', 'fn g(x: Page) {}', 'Page', 'Sheet'],
    ['a.cs', 'const int max = 3;\n', 'int other = 4;', 'int', 'long'],
    ['a.ts', 'import { type LoadOptions } from "./a";\n', 'let x: LoadOptions;', 'LoadOptions', 'ReadConfig'],
    ['a.md', 'It is a module bundler (new).\n', 'The bundler is fast.', 'bundler', 'packer'],
    ['a.html', '<p>It is a module bundler (new).</p>\n', '<p>A bundler.</p>', 'bundler', 'packer'],
  ])('is not a use after such a keyword, in %s: %j', (path, first, use, was, now) => {
    expect(new Editor({ [path]: `${first}${use}\n` }).edit(path, was, now).lines).toEqual([]);
  });
});

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
