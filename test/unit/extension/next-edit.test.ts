/** What next edit follows and shows, in an editor that is played. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type * as vscode from 'vscode';
import type { FoundOffer, FromFinder, ToFinder } from '../../../src/extension/next-edit/finder.ts';
import { EditWatch } from '../../../src/extension/next-edit/edit-watch.ts';
import { NextEdit } from '../../../src/extension/next-edit/next-edit.ts';
import { shownLines } from '../../../src/next-edit/index.ts';

const editor = vi.hoisted(() => {
  const listeners = new Map<string, ((event: unknown) => unknown)[]>();
  const event = (name: string) => (listener: (event: unknown) => unknown) => {
    listeners.set(name, [...(listeners.get(name) ?? []), listener]);
    return { dispose: () => undefined };
  };
  const state = {
    trusted: true,
    enabled: true,
    executed: [] as string[],
    commands: new Map<string, () => unknown>(),
    /** What the finder was asked and told, and how it answers. */
    asked: [] as { id: number; edits?: unknown[] }[],
    withdrawn: [] as number[],
    on: undefined as { answer: (answer: unknown) => void } | undefined,
  };
  const fire = (name: string, of?: unknown) => listeners.get(name)?.forEach((listener) => void listener(of));
  class EventEmitter {
    private readonly all: ((of: unknown) => void)[] = [];
    event = (listener: (of: unknown) => void) => this.all.push(listener);
    fire = (of: unknown) => this.all.forEach((listener) => listener(of));
    dispose = () => undefined;
  }
  const window = {
    visibleTextEditors: [] as unknown[],
    activeTextEditor: undefined as unknown,
    createStatusBarItem: () => ({ show: () => undefined, hide: () => undefined, dispose: () => undefined }),
    createTextEditorDecorationType: () => ({ dispose: () => undefined }),
    onDidChangeVisibleTextEditors: event('visible'),
    onDidChangeTextEditorSelection: event('selection'),
    onDidChangeActiveTextEditor: event('active'),
    showTextDocument: () => Promise.resolve(),
  };
  const workspace = {
    get isTrusted() {
      return state.trusted;
    },
    textDocuments: [] as unknown[],
    getConfiguration: () => ({ get: () => state.enabled }),
    onDidChangeTextDocument: event('change'),
    onDidOpenTextDocument: event('open'),
    onDidCloseTextDocument: event('close'),
    onDidGrantWorkspaceTrust: event('trust'),
    openTextDocument: () => Promise.resolve(workspace.textDocuments.at(-1)),
  };
  const commands = {
    registerCommand: (name: string, run: () => unknown) => {
      state.commands.set(name.split('.').at(-1)!, run);
      return { dispose: () => undefined };
    },
    executeCommand: (name: string, ...rest: unknown[]) => {
      state.executed.push([name, ...rest].join(' '));
      return Promise.resolve();
    },
  };
  class Range {
    constructor(
      readonly start: number,
      readonly end: number,
    ) {}
  }
  return {
    ...{ listeners, state, fire, window, workspace },
    vscode: {
      ...{ window, workspace, commands, EventEmitter, Range },
      Uri: { parse: (text: string) => ({ toString: () => text }) },
      Disposable: { from: () => ({ dispose: () => undefined }) },
      TextDocumentChangeReason: { Undo: 1 },
      ConfigurationTarget: {},
      StatusBarAlignment: { Right: 2 },
      ThemeColor: class {},
      DecorationRangeBehavior: {},
      OverviewRulerLane: {},
    },
  };
});
vi.mock('vscode', () => editor.vscode);
vi.mock('../../../src/extension/next-edit/finder-thread.ts', () => ({
  FinderThread: class {
    constructor(_: string, on: { answer: (answer: unknown) => void }) {
      editor.state.on = on;
    }
    ask = (asked: { id: number }) => editor.state.asked.push(asked);
    withdraw = ({ id }: { id: number }) => editor.state.withdrawn.push(id);
    dispose = () => undefined;
  },
}));

/** Positions are offsets. */
function openDocument(name: string, text: string) {
  const document = {
    uri: { scheme: 'file', toString: () => `file:///w/${name}` },
    ...{ languageId: 'typescript', lineCount: 3, version: 1 },
    getText: (range?: { start: number; end: number }) => (range ? text.slice(range.start, range.end) : text),
    positionAt: (offset: number) => offset,
    offsetAt: (position: number) => position,
  };
  const write = (was: string, now: string) => {
    const rangeOffset = text.indexOf(was);
    text = text.replace(was, now);
    document.version += 1;
    const contentChanges = [{ rangeOffset, rangeLength: was.length, text: now }];
    editor.fire('change', { document, contentChanges });
  };
  editor.workspace.textDocuments.push(document);
  editor.fire('open', document);
  return { document: document as unknown as vscode.TextDocument, write };
}

function show(document: vscode.TextDocument): void {
  const shown = { document, selection: { active: 0, isEmpty: true }, selections: [0] };
  Object.assign(shown, { setDecorations: () => undefined });
  editor.window.visibleTextEditors.push(shown);
  editor.window.activeTextEditor = shown;
  editor.fire('visible');
}

const close = (document: vscode.TextDocument) => {
  editor.workspace.textDocuments = editor.workspace.textDocuments.filter((one) => one !== document);
  editor.fire('close', document);
};

beforeEach(() => {
  vi.useFakeTimers();
  editor.listeners.clear();
  Object.assign(editor.state, { trusted: true, enabled: true, executed: [], asked: [], withdrawn: [] });
  editor.window.visibleTextEditors = [];
  editor.window.activeTextEditor = undefined;
  editor.workspace.textDocuments = [];
});
afterEach(() => vi.useRealTimers());

const text = 'const load = 1;\nuse(load);\n';

describe('what is followed', () => {
  it('a document of which the language was changed', () => {
    const { document, write } = openDocument('a.ts', text);
    show(document);
    const watch = new EditWatch();
    close(document);
    editor.workspace.textDocuments.push(document);
    editor.fire('open', document);
    write('load', 'read');
    expect(watch.recent()).toMatchObject([{ after: 'const read = 1;' }]);
  });

  it('documents that are shown, once the workspace is trusted or next edits are turned on', () => {
    const { document, write } = openDocument('a.ts', text);
    show(document);
    editor.state.trusted = false;
    const watch = new EditWatch();
    editor.state.trusted = true;
    editor.fire('trust');
    write('load', 'read');
    expect(watch.recent()).toHaveLength(1);
    editor.state.enabled = false;
    watch.look();
    expect(watch.recent()).toEqual([]);
    editor.state.enabled = true;
    watch.look();
    write('use', 'take');
    expect(watch.recent()).toHaveLength(1);
  });

  it('the text of a document that is opened again is sent again', () => {
    const first = openDocument('a.ts', text).document;
    const watch = new EditWatch();
    const other = openDocument('b.ts', 'before').document;
    expect(watch.texts(first).changed.map((one) => one.text)).toEqual([text, 'before']);
    close(other);
    openDocument('b.ts', 'after');
    expect(watch.texts(first).changed.map((one) => one.text)).toEqual(['after']);
  });

  it('of many open documents, those that are edited, those that are seen, and the newest are searched', () => {
    const all = Array.from({ length: 50 }, (_, at) => openDocument(`${at}.ts`, text));
    const watch = new EditWatch();
    for (const at of [3, 5]) show(all[at]!.document);
    all[5]!.write('load', 'read');
    const { open, searched } = watch.texts(all[0]!.document);
    expect(open).toHaveLength(50);
    expect(searched).toHaveLength(30);
    expect(searched.slice(0, 5).map((path) => path.replace(/\D/g, ''))).toEqual(['0', '5', '3', '49', '48']);
  });
});

describe('what is offered', () => {
  const warnings: string[] = [];
  let next: NextEdit;
  beforeEach(() => {
    warnings.length = 0;
    next = new NextEdit({
      bundle: (name: string) => name,
      log: { warn: (text: string) => warnings.push(text) },
      completion: { modelFor: () => undefined },
    } as never);
  });
  afterEach(() => next.dispose());

  const asked = () => editor.state.asked as ToFinder[];
  const answer = (offers: FoundOffer[], more: Partial<FromFinder> = {}) =>
    editor.state.on!.answer({ id: asked().at(-1)!.id, offers, ...more });
  const offer = (name: string, whole: string): FoundOffer => {
    const start = whole.lastIndexOf('load');
    const parts = [{ start, end: start + 4, text: 'read' }];
    const found = { line: 1, parts, why: 'rename' as const, pattern: 'p', shown: parts };
    return { ...found, path: `file:///w/${name}`, ...shownLines(whole, parts) };
  };
  /** The last thing that was said of the key. */
  const isThere = () => editor.state.executed.findLast((one) => one.includes('.there'))?.endsWith('true');

  /** The definition is renamed, and its use is offered. */
  function renamed() {
    const made = openDocument('a.ts', text);
    show(made.document);
    made.write('load', 'read');
    vi.runAllTimers();
    answer([offer('a.ts', made.document.getText())]);
    expect(isThere()).toBe(true);
    return made;
  }

  it('stays while a document in the background changes, and is withdrawn by the next key', () => {
    const log = openDocument('log.ts', 'one');
    show(log.document);
    const { write } = renamed();
    const [questions, withdrawn] = [asked().length, editor.state.withdrawn.length];
    log.write('one', 'two');
    vi.runAllTimers();
    expect([isThere(), asked().length, editor.state.withdrawn.length]).toEqual([true, questions, withdrawn]);
    write('use', 'take');
    expect(isThere()).toBe(false);
    expect(editor.state.withdrawn.at(-1)).toBeGreaterThan(asked().at(-1)!.id);
    vi.runAllTimers();
    expect(asked()).toHaveLength(questions + 1);
  });

  it('stays if the files could not be searched', () => {
    renamed();
    answer([], { error: 'no' });
    expect([isThere(), warnings.length]).toEqual([true, 1]);
  });

  it('only what is in the text of an open document', () => {
    renamed();
    const { document } = openDocument('b.ts', 'use(other);');
    answer([offer('b.ts', 'use(load);')]);
    expect(isThere()).toBe(false);
    close(document);
    answer([offer('b.ts', 'use(load);')]);
    expect(isThere()).toBe(true);
  });

  it('in a file that turns out to be another one once it is opened is looked for again', async () => {
    renamed();
    answer([offer('b.ts', 'use(load);')]);
    const questions = asked().length;
    const made = openDocument('b.ts', 'use(other);');
    await editor.state.commands.get('go')!();
    expect([isThere(), asked().length]).toEqual([false, questions + 1]);
    expect(asked().at(-1)!.open).toContain(made.document.uri.toString());
  });

  it('the key indents where nothing is offered any more', async () => {
    renamed();
    await editor.state.commands.get('accept')!();
    expect(editor.state.executed.at(-1)).toBe('tab');
  });
});
