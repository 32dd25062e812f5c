import { describe, expect, it, vi } from 'vitest';
import { RecentEdits } from '../../../src/extension/completion/recent-edits.ts';

const editor = vi.hoisted(() => {
  const listeners: ((event: unknown) => void)[] = [];
  class Range {
    constructor(
      readonly from: number,
      readonly column: number,
      readonly to: number,
      readonly end: number,
    ) {}
  }
  return {
    listeners,
    vscode: {
      Range,
      Disposable: { from: () => ({ dispose: () => undefined }) },
      workspace: {
        onDidChangeTextDocument: (listener: (event: unknown) => void) => listeners.push(listener),
        onDidCloseTextDocument: () => undefined,
      },
    },
  };
});
vi.mock('vscode', () => editor.vscode);

/** A document of a hundred lines. */
function openDocument(name: string) {
  let lines = Array.from({ length: 100 }, (_, at) => `${name} ${at}`);
  const document = {
    uri: { scheme: 'file' },
    get lineCount() {
      return lines.length;
    },
    lineAt: (at: number) => ({ text: lines[at]! }),
    getText: ({ from, to }: { from: number; to: number }) => lines.slice(from, to + 1).join('\n'),
  };
  /** Replaces the lines [from, to] with others. */
  const write = (from: number, to: number, ...others: string[]) => {
    lines = [...lines.slice(0, from), ...others, ...lines.slice(to + 1)];
    const range = { start: { line: from }, end: { line: to } };
    for (const listener of editor.listeners)
      listener({ document, contentChanges: [{ range, text: others.join('\n') }] });
  };
  return { document: document as never, write };
}

describe('recent edits', () => {
  it('are the changed lines and their neighbours, newest first', () => {
    const edits = new RecentEdits();
    const [a, b] = [openDocument('a'), openDocument('b')];
    a.write(10, 10, 'changed first');
    b.write(20, 20, 'changed second');
    expect(edits.elsewhere(openDocument('c').document, 0).map(({ text }) => text)).toEqual([
      'b 19\nchanged second\nb 21',
      'a 9\nchanged first\na 11',
    ]);
  });
  it('close to each other are merged, and move with the lines above them', () => {
    const edits = new RecentEdits();
    const { document, write } = openDocument('a');
    write(60, 60, 'one');
    write(62, 62, 'two');
    write(5, 5, 'new', 'lines', 'above');
    const [above, below] = edits.elsewhere(openDocument('c').document, 0).map(({ text }) => text);
    expect(below).toBe('a 59\none\na 61\ntwo\na 63');
    expect(above).toContain('new\nlines\nabove');
    expect(edits.elsewhere(document, 5).map(({ text }) => text)).toEqual([below]);
  });
  it("leave out pasted text, and the cursor's place", () => {
    const edits = new RecentEdits();
    const { document, write } = openDocument('a');
    write(10, 10, ...Array.from({ length: 40 }, () => 'pasted'));
    write(2, 2, 'typed');
    expect(edits.elsewhere(document, 10)).toEqual([]);
    expect(edits.elsewhere(openDocument('c').document, 0).map(({ text }) => text)).toEqual([
      'a 1\ntyped\na 3',
    ]);
  });
  it('move by all lines pasted above them', () => {
    const edits = new RecentEdits();
    const { write } = openDocument('a');
    write(60, 60, 'one');
    write(5, 5, ...Array.from({ length: 40 }, () => 'pasted'));
    expect(edits.elsewhere(openDocument('c').document, 0).map(({ text }) => text)).toEqual([
      'a 59\none\na 61',
    ]);
  });
});
