/** Similar lines, and matches that are not intended. */
import { describe, expect, it } from 'vitest';
import { Editor } from './help.ts';

describe('lines of the same shape', () => {
  it('are offered the edit that two of them got, with their own names and indentation', () => {
    const text = `
row.alpha = parse_field(data, "alpha")
row.beta = parse_field(data, "beta")
if more:
    row.gamma = parse_field(data, "gamma")
    row.delta = parse_field(data, "epsilon")
    row.delta = parse_field(other, "delta")
`;
    const editor = new Editor({ 'a.py': text }).edit('a.py', '"alpha")', '"alpha", strict=row.alpha)');
    expect(editor.lines).toEqual([]);
    editor.edit('a.py', '"beta")', '"beta", strict=row.beta)');
    expect(editor.lines).toEqual(['row.gamma = parse_field(data, "gamma", strict=row.gamma)']);
    expect(editor.takeAll().text('a.py').split('\n')[4]).toMatch(/^ {4}row\.gamma/);
    expect(editor.lines).toEqual([]);
  });

  it('are not if the edits differ by more than the names', () => {
    const text = 'row.a = field(data, "a")\nrow.b = field(data, "b")\nrow.c = field(data, "c")\n';
    const editor = new Editor({ 'a.py': text })
      .edit('a.py', '"a")', '"a", 1)')
      .edit('a.py', '"b")', '"b", 2)');
    expect(editor.lines).toEqual([]);
  });

  it('are also found within one edit of several lines', () => {
    const text = 'p.x = load(first, "x")\np.y = load(first, "y")\n\np.z = load(first, "z")\n';
    const two = 'p.x = load(first, "x")\np.y = load(first, "y")';
    const editor = new Editor({ 'a.py': text }).edit('a.py', two, two.replaceAll('")', '", None)'));
    expect(editor.lines).toEqual(['p.z = load(first, "z", None)']);
  });
});

describe('leaves alone', () => {
  it('a name in its own definition', () => {
    const text = `
def read(value):
    if isinstance(value[0], str):
        if value[0] == 'Date':
            kind = value[0]
            return value[0]
`;
    const editor = new Editor({ 'a.py': text });
    editor.edit('a.py', 'value[0], str', 'kind, str').edit('a.py', "value[0] == 'Date'", "kind == 'Date'");
    expect(editor.lines).toEqual(['return kind']);
  });

  it('a variable or a parameter of another function', () => {
    const text = `
def one(item, strict):
    check_the_value(item, limits, options, "one")

def two(item):
    check_the_value(item, limits, options, "one")

def three(item, strict):
    check_the_value(item, limits, options, "one")
`;
    const editor = new Editor({ 'a.py': text }).edit('a.py', '"one")', '"one", strict)');
    expect(editor.offers.map(({ line }) => line)).toEqual([8]);
  });

  it('the definition of a method that got an argument in two calls', () => {
    const text = `
class A {
  run() {
    this.leave();
    this.leave();
    if (x) this.leave();
  }
  private leave(): void {}
  async leave() {
  }
}
`;
    const editor = new Editor({ 'a.ts': text }).edit('a.ts', 'leave()', 'leave(true)');
    editor.edit('a.ts', 'leave()', 'leave(true)');
    expect(editor.lines).toEqual(['if (x) this.leave(true);']);
  });

  it('a rename to a name that already existed', () => {
    const text = 'def f(data, videos):\n    first = videos[0]\n    return data[0]\n';
    expect(new Editor({ 'a.py': text }).edit('a.py', '(data, videos)', '(videos)').lines).toEqual([]);
    expect(new Editor({ 'a.py': text }).edit('a.py', 'data', 'items').lines).toEqual(['return items[0]']);
  });

  it('a keyword that was taken away twice', () => {
    const text = 'async send(one)\n\nx = async read(two)\n\nasync drop(three)\n';
    const editor = new Editor({ 'a.js': text }).edit('a.js', 'async ', '').edit('a.js', 'async ', '');
    expect(editor.lines).toEqual([]);
  });

  it('an import of something else', () => {
    const text = 'import { deepEquals } from "./a";\n\nexport const same = deepEquals(1, 2);\n';
    expect(new Editor({ 'a.ts': text }).edit('a.ts', 'deepEquals', 'isPromise').lines).toEqual([]);
    expect(new Editor({ 'a.ts': text }).edit('a.ts', 'deepEquals', 'deeplyEquals').lines).toEqual([
      'export const same = deeplyEquals(1, 2);',
    ]);
  });
});
