import { describe, expect, it } from 'vitest';
import { familyOf } from '../../../src/next-edit/rename.ts';
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

  it.each([
    [
      'query -> term',
      "const [query, setQuery] = useState('');\n<Input query={query} />;\n<b>{query}</b>;\n<b>For: {query}</b>;\nsend({ query });\n",
      ['<Input query={term} />;', '<b>{term}</b>;', '<b>For: {term}</b>;', 'send({ query: term });'],
    ],
    [
      'load -> loadFile',
      `
export function load(path: string) {
  return path;
}
class Store {
  load() {
    return load(this);
  }
}
const store = { load() { return 1; }, now: load(2) };
if (kind === 'class') {
  load(3);
}
`,
      ['return loadFile(this);', 'const store = { load() { return 1; }, now: loadFile(2) };', 'loadFile(3);'],
    ],
    [
      'timeout -> limit',
      `
const timeout = 5;
class Client {
  private timeout: number = timeout;
  static timeout = 5;
  #timeout = timeout;
  timeout = 3;
}
interface Options {
  name: string
  timeout: number
  more?: { timeout?: number };
}
const limits = isSlow ?
  timeout : 2;
`,
      ['private timeout: number = limit;', '#timeout = limit;', 'limit : 2;'],
    ],
    ['Item -> Product', 'type Item = string;\nlet all: readonly Item[];\n', ['let all: readonly Product[];']],
  ])('of a name that members and attributes also have: not those: %s', (rename, text, lines) => {
    const [was, now] = rename.split(' -> ') as [string, string];
    expect(new Editor({ 'a.tsx': text }).edit('a.tsx', was, now).lines).toEqual(lines);
  });

  it('in TypeScript without tags: objects and values that look like those of attributes', () => {
    const text = `
function find(query: string) {
  send(<Options>{ query });
  send({ ...{ query } });
  state={ query };
  query="x";
  run(() => { query });
}
`;
    expect(new Editor({ 'a.ts': text }).edit('a.ts', 'query', 'term').lines).toEqual([
      'send(<Options>{ query: term });',
      'send({ ...{ query: term } });',
      'state={ query: term };',
      'term="x";',
      'run(() => { term });',
    ]);
  });

  it('does not change an attribute in the markup around a script', () => {
    const page = '<script>\nconst query = 1;\n</script>\n<Input :query="query" />\n';
    expect(new Editor({ 'a.vue': page }).edit('a.vue', 'query', 'term').lines).toEqual([]);
  });

  it.each([
    ['a.kt', 'fun make(name: String) = User(name = name, age = 1)\n', 'User(name = title, age = 1)'],
    ['a.swift', 'func make(name: String) { send(name: name, to: name) }\n', 'send(name: title, to: title) }'],
    ['a.rb', 'def make(name)\n  send(name: name)\nend\n', 'send(name: title)'],
    [
      'a.lua',
      'function greet(name)\n  print(name:upper(), name:len())\nend\n',
      'print(title:upper(), title:len())',
    ],
    ['a.cs', 'var name = Read();\nSend(name: name);\n', 'Send(name: title);'],
    ['a.rs', 'fn make(name: String) -> Self { Self { name } }\n', 'Self { name: title } }'],
    ['a.rs', 'fn make(name: String) -> String { name }\n', '-> String { title }'],
  ])('in %s: the labels of arguments and the fields of structs stay: %j', (path, text, end) => {
    const { lines } = new Editor({ [path]: text }).edit(path, 'name', 'title');
    expect(lines.map((line) => line.slice(-end.length))).toEqual([end]);
  });

  it('next to regular expressions, which are not comments, strings or divisions', () => {
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

  it.each([
    ['widget.h', 'view.mm'],
    ['widget.hpp', 'kernel.cu'],
    ['Model.cs', 'Page.razor'],
    ['user.rb', 'user.html.erb'],
  ])('%s may be used by %s', (one, other) => expect(familyOf(other)).toBe(familyOf(one)));
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

  it.each(['shop', 'file:///c%3A/my%20work/shop'])(
    'in %s: not where a file of another name is imported',
    (folder) => {
      const modules = [
        './price.js',
        '../shop/price',
        './index',
        '.',
        '../shop',
        '@shop/core',
        '../[all]',
        './long.js',
        '../toy',
      ];
      const files = Object.fromEntries(
        modules.map((module, at) => [`${folder}/b${at}.ts`, `import { costOf } from '${module}';\n`]),
      );
      const price = { [`${folder}/price.ts`]: 'export const costOf = read;\n' };
      const { lines } = new Editor({ ...price, ...files }).edit(`${folder}/price.ts`, 'costOf', 'worthOf');
      const renamed = modules.map((module) => `import { worthOf } from '${module}';`);
      expect(lines).toEqual(renamed.slice(0, -2));
    },
  );

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
    ['a.cpp', 'class Widget {};\n', 'Widget::open();', 'Widget', 'Gadget'],
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
