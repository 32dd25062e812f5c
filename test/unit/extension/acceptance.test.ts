import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AcceptanceWatch, type Outcome } from '../../../src/extension/completion/acceptance.ts';

/** An editor with one document, whose cursor is at the end of its last change. */
const editor = vi.hoisted(() => {
  type Listener = (event: unknown) => void;
  const listeners = { change: [] as Listener[], close: [] as Listener[] };
  const on = (list: Listener[]) => (listener: Listener) => {
    list.push(listener);
    return { dispose: () => undefined };
  };
  const document = { text: '', getText: () => document.text, offsetAt: (at: number) => at };
  const selection = { isEmpty: true, active: 0 };
  return {
    document,
    selection,
    listeners,
    begin(text: string) {
      document.text = text;
      selection.active = text.length;
      listeners.change.length = listeners.close.length = 0;
    },
    write(inserted: string, removed = 0, more: object = {}) {
      const rangeOffset = selection.active - removed;
      document.text = document.text.slice(0, rangeOffset) + inserted + document.text.slice(selection.active);
      selection.active = rangeOffset + inserted.length;
      const contentChanges = [{ rangeOffset, rangeLength: removed, text: inserted }];
      for (const listener of listeners.change) listener({ document, contentChanges, ...more });
    },
    close: () => listeners.close.forEach((listener) => listener(document)),
    vscode: {
      Disposable: { from: () => ({ dispose: () => undefined }) },
      workspace: {
        onDidChangeTextDocument: on(listeners.change),
        onDidCloseTextDocument: on(listeners.close),
      },
      window: {
        state: { focused: true },
        get activeTextEditor() {
          return { document, selections: [selection], selection };
        },
      },
    },
  };
});
vi.mock('vscode', () => editor.vscode);

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** ` sum(a);` is shown at the end of `x =`. */
function shown() {
  editor.begin('x =');
  const outcomes: Outcome[] = [];
  const counts: Record<string, number> = {};
  const add = (what: string, by = 1) => (counts[what] = (counts[what] ?? 0) + by);
  const watch = new AcceptanceWatch(
    (_, what, by) => add(what, by),
    (_, characters) => add('typed', characters),
  );
  watch.show({
    model: 'a-run',
    document: editor.document as never,
    offset: 3,
    text: ' sum(a);',
    selected: '',
    written: 0,
    listener: { end: 3, line: 'x =', report: (outcome) => outcomes.push(outcome) },
  });
  return { watch, outcomes, counts };
}
const seconds = (count: number) => vi.advanceTimersByTime(count * 1000);

describe('the outcome of a completion', () => {
  it('is reported after five minutes, with the accepted part', () => {
    const { outcomes } = shown();
    seconds(1);
    editor.write(' sum(a);');
    editor.write('\n');
    seconds(298);
    expect(outcomes).toEqual([]);
    seconds(2);
    expect(outcomes).toEqual([{ shown: ' sum(a);', accepted: 8, later: ' sum(a);\n', seconds: 300 }]);
  });

  it('is reported if it was accepted and replaced', () => {
    const { outcomes, counts } = shown();
    editor.write(' sum(a);');
    seconds(60);
    editor.write('max(b);', 'sum(a);'.length);
    seconds(300);
    expect(outcomes).toMatchObject([{ accepted: 8, later: ' max(b);' }]);
    expect(counts['dropped']).toBe(1);
  });

  it('is reported if it was seen and something else typed', () => {
    const { outcomes } = shown();
    seconds(1);
    for (const key of ' max(b)') editor.write(key);
    seconds(300);
    expect(outcomes).toMatchObject([{ shown: ' sum(a);', accepted: 0, later: ' max(b)' }]);
  });

  it('is reported if its first word was accepted', () => {
    const { outcomes } = shown();
    editor.write(' sum');
    editor.write('med(');
    seconds(300);
    expect(outcomes).toMatchObject([{ accepted: 4, later: ' summed(' }]);
  });

  it('is reported when the file is closed', () => {
    const { outcomes } = shown();
    seconds(10);
    editor.close();
    expect(outcomes).toMatchObject([{ accepted: 0, later: '', seconds: 10 }]);
  });

  it('is reported once when VS Code is closed', () => {
    const { watch, outcomes } = shown();
    editor.write(' sum(a);');
    seconds(40);
    editor.write('\nx');
    watch.dispose();
    seconds(600);
    expect(outcomes).toEqual([{ shown: ' sum(a);', accepted: 8, later: ' sum(a);\nx', seconds: 40 }]);
  });

  it('is what is left of the accepted text five minutes later, or when its file is closed', () => {
    const { counts } = shown();
    editor.write(' sum(a);');
    editor.write(' // all', 0);
    seconds(299);
    expect(counts['kept']).toBeUndefined();
    seconds(1);
    expect(counts).toMatchObject({ kept: 1, keptCharacters: 'sum(a);'.length });
  });

  it('is fewer characters if some were changed', () => {
    const { counts } = shown();
    editor.write(' sum(a);');
    editor.write('b);', 'a);'.length);
    editor.close();
    expect(counts).toMatchObject({ kept: 1, keptCharacters: 'sum(a);'.length - 1 });
  });

  it('is not reported then if nobody has seen it yet', () => {
    const { watch, outcomes } = shown();
    seconds(0.3);
    watch.dispose();
    seconds(600);
    expect(outcomes).toEqual([]);
  });

  it('is not reported if it was typed over before anybody saw it', () => {
    const { outcomes } = shown();
    seconds(0.3);
    for (const key of ' max(b)') editor.write(key);
    seconds(600);
    expect(outcomes).toEqual([]);
  });
});

describe('what is written', () => {
  it('is what was typed, and what was accepted apart from that', () => {
    const { counts } = shown();
    for (const key of ' su') editor.write(key);
    editor.write('m(a);');
    editor.write('\n  ');
    expect(counts).toMatchObject({ typed: 6, acceptedCharacters: 5 });
  });

  it('is neither pasted lines, nor undone, nor in a document that nobody looks at', () => {
    const { counts } = shown();
    editor.write('\nconst a = 1;\nconst b = 2;\n');
    editor.write('undone', 0, { reason: 1 });
    editor.write('elsewhere', 0, { document: { ...editor.document } });
    expect(counts['typed'] ?? 0).toBe(0);
  });
});
