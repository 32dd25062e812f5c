/**
 * Nothing blocks on ghost text: each key is answered at once, and the editor is triggered again when there is a
 * suggestion.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { PartsSource, RawAnswer } from '../../../src/completion/index.ts';
import {
  modelFromBase,
  modelFromServer,
  type CompletionModel,
} from '../../../src/extension/completion/completion-model.ts';
import type { Side, Turn } from '../../../src/findings/by-turns.ts';
import type { RunSnapshot } from '../../../src/protocol/panel.ts';
import { parseEndpoint } from '../../../src/serving/remote/address.ts';
import { configured, reset, TabInputText, TabInputTextDiff, window } from './fake-vscode.ts';
import type { ShownItem } from '../../../src/extension/completion/acceptance.ts';
import { GhostText, type CompletionHost } from '../../../src/extension/completion/ghost-text.ts';

type Listener = (event: unknown) => void;
const editor = vi.hoisted(() => ({
  commands: [] as string[],
  /** What it does when it is triggered again. */
  asksAgain: (): Promise<unknown> => Promise.resolve(),
  /** Of VS Code. */
  version: '',
  /** Providers beside the one that the editor knows. */
  registered: 0,
  moved: [] as Listener[],
  selection: { isEmpty: true, active: {}, start: {}, end: {} },
  document: undefined as unknown,
  /** The loaded documents. */
  documents: [] as object[],
  /** The workspace folder. */
  folder: undefined as object | undefined,
}));

vi.mock('vscode', async () => {
  class Position {
    constructor(
      readonly line: number,
      readonly character: number,
    ) {}
    isEqual = (other: Position) => other.line === this.line && other.character === this.character;
    isBefore = (other: Position) =>
      this.line < other.line || (this.line === other.line && this.character < other.character);
  }
  class Range {
    constructor(
      readonly start: Position,
      readonly end: Position,
    ) {}
  }
  const fake = await import('./fake-vscode.ts');
  const on = () => ({ dispose: () => undefined });
  return {
    ...fake,
    Position,
    Range,
    EndOfLine: { LF: 1, CRLF: 2 },
    InlineCompletionTriggerKind: { Invoke: 0, Automatic: 1 },
    InlineCompletionItem: class {
      constructor(
        readonly insertText: string,
        readonly range: Range,
      ) {}
    },
    get version() {
      return editor.version;
    },
    languages: {
      registerInlineCompletionItemProvider: () => {
        editor.registered += 1;
        return { dispose: () => (editor.registered -= 1) };
      },
    },
    commands: {
      executeCommand: async (name: string) => {
        if (name === 'setContext') return;
        editor.commands.push(name);
        await editor.asksAgain();
      },
    },
    window: {
      ...fake.window,
      onDidChangeTextEditorSelection: (listener: Listener) => (editor.moved.push(listener), on()),
      get activeTextEditor() {
        const { selection, document } = editor;
        return { document, selection, selections: [selection] };
      },
    },
    workspace: {
      ...fake.workspace,
      get textDocuments() {
        return editor.documents;
      },
      getWorkspaceFolder: () => editor.folder,
      asRelativePath: ({ fsPath }: { fsPath: string }) => fsPath.slice(1),
      onDidChangeTextDocument: on,
      onDidCloseTextDocument: on,
    },
  };
});
const { Position, Range } = (await import('vscode')) as unknown as {
  Position: new (line: number, character: number) => object;
  Range: new (start: object, end: object) => object;
};

/** A document of one line, with the cursor at its end. */
function open(text: string) {
  const at = (character: number) => new Position(0, character);
  const document = {
    uri: { toString: () => 'file:///a.ts', scheme: 'file', path: '/a.ts', fsPath: '/a.ts' },
    languageId: 'typescript',
    lineCount: 1,
    eol: 1,
    offsetAt: ({ character }: { character: number }) => character,
    lineAt: () => ({ range: { end: at(text.length) } }),
    getText: ({ start, end }: Record<'start' | 'end', { character: number }>) =>
      text.slice(start.character, end.character),
  };
  const position = at(text.length);
  editor.document = document;
  Object.assign(editor.selection, { active: position, start: position, end: position });
  return { document, position };
}

let answer: (text: string) => void;
let piece: (text: string) => void;
let stopped: boolean;
let asked: number;
/** The model of each request, and the token limit of the last. */
let models: unknown[];
let limit: number;
/** The files of which the last one had text. */
let filesSent: string[];
let model: CompletionModel;
let parts: PartsSource | undefined;
let isTabTaken: boolean;
/** The turn of the suggestion that is shown. */
let shownTurn: Turn | undefined;
/** The model and the turn that each suggestion counts for. */
let counted: unknown[];
let ghost: GhostText;
const never = {
  isCancellationRequested: false,
  onCancellationRequested: () => ({ dispose: () => undefined }),
};

const base = { id: 'base', path: '/base.gguf', sha256: 'ab'.repeat(32) };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  editor.commands.length = 0;
  editor.asksAgain = () => Promise.resolve();
  editor.moved.length = 0;
  editor.version = '1.139.0';
  editor.registered = 0;
  stopped = false;
  asked = 0;
  models = [];
  model = modelFromBase(base);
  parts = undefined;
  isTabTaken = false;
  shownTurn = undefined;
  editor.folder = undefined;
  editor.documents = [];
  reset();
  const service = {
    modelFor: (_: unknown, held?: Turn) => (held ? inTurn(held.number, held.side) : model),
    get isTabTaken() {
      return isTabTaken;
    },
    serving: () => ({
      fillInTheMiddle: () => Promise.resolve(true),
      stream: (
        request: { model: string; max_tokens: number; context?: { filename: string }[] },
        onText: (text: string) => void,
        signal: AbortSignal,
      ) =>
        new Promise<RawAnswer>((resolve) => {
          piece = onText;
          answer = (text) => resolve({ text, finishReason: 'stop' });
          models.push(request.model);
          limit = request.max_tokens;
          filesSent = request.context?.map(({ filename }) => filename).sort() ?? [];
          asked += 1;
          signal.addEventListener('abort', () => (stopped = true));
        }),
    }),
    partsAt: () => parts,
    trustIn: () => 1,
    trackRequest: (work: () => unknown) => work(),
    answered: () => undefined,
    failed: (error: unknown) => {
      throw error;
    },
  } as unknown as CompletionHost;
  counted = [];
  const acceptance = {
    selectionChanged: () => undefined,
    hide: () => (shownTurn = undefined),
    show({ model, turn }: ShownItem) {
      counted.push([model, turn?.number]);
      shownTurn = turn;
    },
    shownTurn: () => shownTurn,
  };
  ghost = new GhostText(service, acceptance as never, 'publisher.name');
});
afterEach(() => {
  ghost.dispose();
  vi.useRealTimers();
});

const AUTOMATIC = 1;
const INVOKE = 0;
const ask = ({ document, position }: ReturnType<typeof open>, kind = AUTOMATIC, selected?: object) =>
  ghost.provideInlineCompletionItems(
    document as never,
    position as never,
    { triggerKind: kind, selectedCompletionInfo: selected } as never,
    never as never,
  );
const texts = async (asked: ReturnType<typeof ask>) =>
  (await asked).map(({ insertText }) => String(insertText));
/** Lets promises and timers run for this many milliseconds. */
const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

test('a key is answered at once with nothing; the editor asks again, and gets the answer', async () => {
  const place = open('const a =');
  let shown: string[] = [];
  editor.asksAgain = async () => (shown = await texts(ask(place, INVOKE)));
  expect(await texts(ask(place))).toEqual([]);
  await pass(400);
  answer(' first;');
  await pass(600);
  expect(editor.commands).toEqual(['editor.action.inlineSuggest.trigger']);
  expect(shown).toEqual([' first;']);
});

test('if the cursor has moved, the model is stopped and the editor is not triggered', async () => {
  const place = open('const a =');
  await ask(place);
  await pass(400);
  editor.selection.active = new Position(0, 2);
  for (const notify of editor.moved) notify({ textEditor: place, selections: [editor.selection] });
  await pass(400);
  expect(stopped).toBe(true);
  answer(' first;');
  await pass(600);
  expect(editor.commands).toEqual([]);
});

test('an explicit request gets the answer directly', async () => {
  const asked = ask(open('const a ='), INVOKE);
  await pass(0);
  answer(' first;');
  expect(await texts(asked)).toEqual([' first;']);
  expect(editor.commands).toEqual([]);
});

test('an explicit request for what is shown shows it again, and asks for no other', async () => {
  const place = open('const a =');
  editor.asksAgain = () => ask(place, INVOKE);
  await ask(place);
  await pass(400);
  answer(' first;');
  await pass(600);
  const before = asked;
  expect(await texts(ask(place, INVOKE))).toEqual([' first;']);
  expect(asked).toBe(before);
});

test('next to the list, it is shown if it begins with the selected entry', async () => {
  const place = open('const a = fi');
  await ask(place);
  await pass(400);
  answer('rst.second;');
  await pass(600);
  const range = new Range(new Position(0, 10), place.position);
  expect(await texts(ask(place, AUTOMATIC, { text: 'find', range }))).toEqual([]);
  expect(await texts(ask(place, AUTOMATIC, { text: 'first', range }))).toEqual(['first.second;']);
});

test('with the setting off, nothing stays next to the list', async () => {
  configured['completion.besideSuggestList'] = false;
  const place = open('const a = fi');
  const range = new Range(new Position(0, 10), place.position);
  expect(await texts(ask(place, AUTOMATIC, { text: 'first', range }))).toEqual([]);
  expect(editor.commands).toEqual(['editor.action.inlineSuggest.hide']);
});

test("if the editor's inline suggestions are off, only an explicit request is sent", async () => {
  configured['inlineSuggest.enabled'] = false;
  const place = open('const a =');
  expect(await texts(ask(place))).toEqual([]);
  await pass(400);
  expect(asked).toBe(0);
  const invoked = ask(place, INVOKE);
  await pass(0);
  answer(' first;');
  expect(await texts(invoked)).toEqual([' first;']);
});

test("if the editor's inline suggestions are off, what was asked for by key still grows", async () => {
  configured['inlineSuggest.enabled'] = false;
  const place = open('function f() {');
  let shown: string[] = [];
  editor.asksAgain = async () => (shown = await texts(ask(place, INVOKE)));
  const invoked = ask(place, INVOKE);
  await pass(0);
  const [grow, end] = [piece, answer];
  grow('\n  first();\n');
  expect(await texts(invoked)).toEqual(['\n  first();']);
  end('\n  first();\n  second();\n}');
  await pass(600);
  expect(shown).toEqual(['\n  first();\n  second();\n}']);
});

test('while a next edit owns Tab, only explicit requests are answered, not others already in flight', async () => {
  const place = open('const a =');
  let shown: string[] | undefined;
  editor.asksAgain = async () => (shown = await texts(ask(place, INVOKE)));
  expect(await texts(ask(place))).toEqual([]);
  await pass(400);
  isTabTaken = true;
  answer(' first;');
  await pass(600);
  expect(shown).toEqual([]);
  expect(await texts(ask(place))).toEqual([]);
  const invoked = ask(open('const b ='), INVOKE);
  await pass(0);
  answer(' second;');
  expect(await texts(invoked)).toEqual([' second;']);
});

test('a shown suggestion keeps growing after a next edit takes over Tab', async () => {
  const place = open('function f() {');
  let shown: string[] = [];
  editor.asksAgain = async () => (shown = await texts(ask(place, INVOKE)));
  await ask(place);
  await pass(400);
  const [grow, end] = [piece, answer];
  grow('\n  first();\n');
  await pass(600);
  expect(shown).toEqual(['\n  first();']);
  isTabTaken = true;
  grow('  second();\n}');
  end('\n  first();\n  second();\n}');
  await pass(600);
  expect(shown).toEqual(['\n  first();\n  second();\n}']);
});

test.each([
  ['1.139.0', 'editor.action.inlineSuggest.trigger'],
  // Older ones keep their answer for a place until it is hidden.
  ['1.100.3', 'runCommands'],
])('in VS Code %s, what is shown grows by %s', async (version, command) => {
  editor.version = version;
  const place = open('function f() {');
  const registered: number[] = [];
  editor.asksAgain = async () => {
    registered.push(editor.registered);
    await ask(place, AUTOMATIC);
  };
  await ask(place);
  await pass(400);
  const [grow, end] = [piece, answer];
  grow('\n  first();\n');
  await pass(600);
  end('\n  first();\n  second();\n}');
  await pass(600);
  expect(editor.commands).toEqual(['editor.action.inlineSuggest.trigger', command]);
  expect(registered).toEqual([0, command === 'runCommands' ? 0 : 1]);
  expect(editor.registered).toBe(0);
});

test('a model that has changed under its id is asked again, as it is now', async () => {
  /** The model that is asked, unless the cache answers. */
  const askedModel = async () => {
    const before = models.length;
    await ask(open('const a ='));
    await pass(400);
    const [first] = models.slice(before);
    if (first) answer(' first;');
    await pass(600);
    return first;
  };
  expect(await askedModel()).toBe('base');
  expect(await askedModel()).toBeUndefined();
  // Its reference adapter was checked.
  model = modelFromBase(base, '/reference.gguf');
  expect(await askedModel()).toBe('reference');
  model = { ...model };
  expect(await askedModel()).toBeUndefined();
  model = { ...model, run: { summary: { givenStrength: 0.5 } } as RunSnapshot };
  expect(await askedModel()).toBe('reference');
  model = { ...model, calibration: { bias: 0, slope: 1 } };
  expect(await askedModel()).toBe('reference');
});

const inTurn = (number: number, side: Side) => ({
  ...(side === 'result'
    ? { ...modelFromBase(base), id: 'garden', requested: 'garden' }
    : modelFromBase(base)),
  turn: { run: 'garden', seed: 7, number, side },
});

test('an answer that arrives in the turn of the other model is shown, and counts for its own', async () => {
  model = inTurn(1, 'result');
  const place = open('const a =');
  let shown: string[] = [];
  editor.asksAgain = async () => (shown = await texts(ask(place, INVOKE)));
  await ask(place);
  await pass(400);
  model = inTurn(2, 'untrained');
  answer(' first;');
  await pass(600);
  expect([shown, counted]).toEqual([[' first;'], [['garden', 1]]]);
  // The next key goes on with it.
  expect(await texts(ask(open('const a = f')))).toEqual(['irst;']);
  expect(new Set(models)).toEqual(new Set(['garden']));
});

test('nothing that one model has written is shown in the turn of the other, but what is on the screen stays', async () => {
  model = inTurn(1, 'result');
  const asked = ask(open('const a ='), INVOKE);
  await pass(0);
  answer(' first;');
  await asked;
  model = inTurn(2, 'untrained');
  expect(await texts(ask(open('const a = f'), INVOKE))).toEqual(['irst;']);
  shownTurn = undefined;
  const other = ask(open('const a = f'), INVOKE);
  await pass(0);
  answer('ive;');
  expect(await texts(other)).toEqual(['ive;']);
  expect(models).toEqual(['garden', 'base']);
  expect(counted).toEqual([
    ['garden', 1],
    ['garden', 1],
    ['base:base', 2],
  ]);
});

test('a changed setting of completion applies to the next request', async () => {
  const limitAt = async (text: string) => {
    const asked = ask(open(text), INVOKE);
    await pass(0);
    answer(' 1;');
    await asked;
    return limit;
  };
  expect(await limitAt('function first() {')).toBe(64);
  configured['completion.maxTokens'] = 16;
  expect(await limitAt('function second() {')).toBe(16);
});

test('snippets are requested again once one of their files has changed', async () => {
  editor.folder = { uri: { fsPath: '/' } };
  let chosen = 0;
  parts = () => {
    chosen += 1;
    return Promise.resolve([{ filename: 'lib/tax.ts', text: 'export function taxOf(): number;\n' }]);
  };
  for (const [files, times] of [
    [[], 1],
    [['/a.ts', '/lib/other.ts'], 1],
    [['/lib/tax.ts'], 2],
  ] as const) {
    ghost.filesChanged(files);
    await ask(open(`const a${files.length} =`));
    await pass(400);
    expect(chosen).toBe(times);
  }
});

test('a server elsewhere gets text only of files that have a tab, not of those that were peeked at', async () => {
  editor.folder = { uri: { fsPath: '/' } };
  const file = (name: string) => ({
    uri: { scheme: 'file', path: `/${name}`, fsPath: `/${name}`, toString: () => `file:///${name}` },
    lineCount: 5,
    getText: () => `const ${name}Total = taxOf(price, country, ${name}Rate);\n`.repeat(4),
  });
  const [tab, compared, peeked] = [file('tab'), file('compared'), file('peeked')];
  editor.documents = [tab, compared, peeked];
  const inputs = [new TabInputText(tab.uri), new TabInputTextDiff(compared.uri, {}), undefined];
  window.tabGroups.all = [{ tabs: inputs.map((input) => ({ input })) }];
  const askIn = async (by: CompletionModel) => {
    model = by;
    const asked = ask(open('const sum = taxOf(price, country'), INVOKE);
    await pass(0);
    answer(' 1;');
    await asked;
    return filesSent;
  };
  expect(await askIn(modelFromBase(base))).toEqual(['compared', 'peeked', 'tab']);
  expect(await askIn(modelFromServer(parseEndpoint('http://127.0.0.1:9/v1'), ''))).toEqual([
    'compared',
    'tab',
  ]);
});
