import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AcceptanceWatch } from '../../../src/extension/completion/acceptance.ts';

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
      EventEmitter: class {
        event = () => undefined;
        fire = () => undefined;
        dispose = () => undefined;
      },
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
function shown(isInvoked = false) {
  editor.begin('x =');
  const counts: Record<string, number> = {};
  const used: string[] = [];
  const add = (what: string, by = 1) => (counts[what] = (counts[what] ?? 0) + by);
  const watch = new AcceptanceWatch(
    (_, what, by) => add(what, by),
    (_, characters) => add('typed', characters),
    (_, what) => used.push(what),
  );
  watch.show({
    model: 'a-run',
    document: editor.document as never,
    offset: 3,
    text: ' sum(a);',
    selected: '',
    written: 0,
    isInvoked,
  });
  return { watch, counts, used };
}
const seconds = (count: number) => vi.advanceTimersByTime(count * 1000);

describe('what a completion counts as', () => {
  it('is shown once it was visible for half a second', () => {
    const { counts } = shown();
    seconds(0.3);
    expect(counts).toEqual({});
    seconds(0.3);
    expect(counts).toEqual({ shown: 1, shownCharacters: ' sum(a);'.length });
  });

  it('is nothing if it was typed over before anybody saw it', () => {
    const { counts } = shown();
    seconds(0.3);
    for (const key of ' max(b)') editor.write(key);
    seconds(600);
    expect(counts).toEqual({ typed: 7 });
  });

  it('is shown and accepted if it was accepted before that', () => {
    const { counts } = shown();
    editor.write(' sum(a);');
    expect(counts).toMatchObject({ shown: 1, accepted: 1, acceptedCharacters: 8 });
  });

  it('is seen once, and taken once, however it is taken', () => {
    const { used } = shown();
    seconds(1);
    expect(used).toEqual(['seen']);
    editor.write(' sum');
    editor.write('(a);');
    expect(used).toEqual(['seen', 'taken']);
  });

  it('is neither if it was asked for with a key, but counts as shown and accepted', () => {
    const { used, counts } = shown(true);
    editor.write(' sum(a);');
    expect(used).toEqual([]);
    expect(counts).toMatchObject({ shown: 1, accepted: 1 });
  });

  it('is dropped if it was accepted and replaced', () => {
    const { counts } = shown();
    editor.write(' sum(a);');
    seconds(60);
    editor.write('max(b); // of all', 'sum(a);'.length);
    seconds(300);
    expect(counts).toMatchObject({ accepted: 1, dropped: 1 });
  });

  it('is kept as it is now when VS Code is closed', () => {
    const { watch, counts } = shown();
    editor.write(' sum(a);');
    seconds(40);
    watch.dispose();
    expect(counts).toMatchObject({ kept: 1, keptCharacters: 'sum(a);'.length });
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
