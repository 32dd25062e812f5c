/**
 * A fake editor in which the test types, undoes and moves: `vi.mock('vscode', () => import('./fake-editor.ts'))`. As
 * in VS Code, a change is reported before the resulting cursor, and undo restores the cursor from before the change.
 */

type Listener = (event: never) => unknown;
const listeners = new Map<string, Set<Listener>>();
const event = (name: string) => (listener: Listener) => {
  listeners.set(name, (listeners.get(name) ?? new Set()).add(listener));
  return { dispose: () => listeners.get(name)?.delete(listener) };
};
const fire = (name: string, of?: unknown) =>
  listeners.get(name)?.forEach((listener) => listener(of as never));

export class Position {
  constructor(
    readonly line: number,
    readonly character: number,
  ) {}
}
export class Range {
  constructor(
    readonly start: Position,
    readonly end: Position,
  ) {}
}
export class Selection extends Range {
  get active(): Position {
    return this.end;
  }
  get isEmpty(): boolean {
    return this.start.line === this.end.line && this.start.character === this.end.character;
  }
}

/** The workspace's only folder, and its address. */
const folders = [{ uri: { scheme: 'file', fsPath: '/w' } }];
const root = 'file:///w/';

interface Written {
  offset: number;
  old: string;
  text: string;
}
interface UndoStep {
  written: Written[];
  cursor: Selection;
}

export class Document {
  readonly uri: { scheme: string; toString: () => string };
  readonly languageId = 'typescript';
  version = 1;
  readonly done: UndoStep[] = [];
  readonly undone: UndoStep[] = [];
  constructor(
    name: string,
    private text: string,
  ) {
    const path = name.includes('://') ? name : `${root}${name}`;
    this.uri = { scheme: 'file', toString: () => path };
  }
  get lineCount(): number {
    return this.text.split('\n').length;
  }
  getText(range?: Range): string {
    return range ? this.text.slice(this.offsetAt(range.start), this.offsetAt(range.end)) : this.text;
  }
  offsetAt({ line, character }: Position): number {
    const lines = this.text.split('\n');
    return lines.slice(0, line).reduce((sum, text) => sum + text.length + 1, character);
  }
  positionAt(offset: number): Position {
    const lines = this.text.slice(0, offset).split('\n');
    return new Position(lines.length - 1, lines.at(-1)!.length);
  }
  validatePosition(position: Position): Position {
    return this.positionAt(this.offsetAt(position));
  }
  lineAt(line: number): { text: string; range: Range } {
    const text = this.text.split('\n')[line];
    if (text === undefined) throw new Error('Illegal value for `line`');
    return { text, range: new Range(new Position(line, 0), new Position(line, text.length)) };
  }
  /** Replaces parts of the previous text, in any order. */
  write(written: readonly Written[], reason?: number): void {
    for (const { offset, old, text } of [...written].sort((a, b) => b.offset - a.offset))
      this.text = this.text.slice(0, offset) + text + this.text.slice(offset + old.length);
    this.version += 1;
    const contentChanges = written.map(({ offset, old, text }) => ({
      rangeOffset: offset,
      rangeLength: old.length,
      text,
    }));
    fire('change', { document: this, contentChanges, reason });
  }
}

class Editor {
  private chosen = new Selection(new Position(0, 0), new Position(0, 0));
  readonly decorations = new Map<object, unknown[]>();
  visibleRanges = [new Range(new Position(0, 0), new Position(20, 0))];
  constructor(readonly document: Document) {}
  get selection(): Selection {
    return this.chosen;
  }
  set selection(selection: Selection) {
    this.chosen = selection;
    fire('selection');
  }
  get selections(): Selection[] {
    return [this.chosen];
  }
  setDecorations(type: object, decorations: unknown[]): void {
    this.decorations.set(type, decorations);
  }
  edit(make: (edit: { replace: (range: Range, text: string) => void }) => void): Promise<boolean> {
    const { document } = this;
    const written: Written[] = [];
    make({
      replace: (range, text) =>
        written.push({ offset: document.offsetAt(range.start), old: document.getText(range), text }),
    });
    this.change(written);
    return Promise.resolve(true);
  }
  /** One undo step. The cursor ends up after the last text written. */
  change(written: Written[]): void {
    const { document } = this;
    document.done.push({ written, cursor: this.chosen });
    document.undone.length = 0;
    document.write(written);
    const last = written.reduce((a, b) => (b.offset > a.offset ? b : a));
    const before = written.filter((document) => document !== last);
    const by = before.reduce((sum, { old, text }) => sum + text.length - old.length, 0);
    const at = document.positionAt(last.offset + by + last.text.length);
    this.selection = new Selection(at, at);
  }
}

/** What the user does, and sees. */
export const fake = {
  /** The value of every setting, except in the language `off`. */
  enabled: true,
  off: '',
  keys: new Map<string, boolean>(),
  commands: new Map<string, (...rest: unknown[]) => unknown>(),
  /** The editor commands that were executed. */
  ran: [] as string[],
  /** What the language's extension reports about every document, and its quick fixes. */
  diagnostics: [] as { severity: number; range: Range; message: string; tags?: number[] }[],
  fixes: [] as unknown[] | Promise<unknown[]>,
  /** How often fixes were asked for. */
  fixesAsked: 0,
  report(document: Document): void {
    fire('diagnostics', { uris: [document.uri] });
  },
  open(name: string, text: string): Document {
    const document = new Document(name, text);
    fake.openAgain(document);
    return document;
  },
  openAgain(document: Document): void {
    workspace.textDocuments.push(document);
    fire('open', document);
  },
  close(document: Document): void {
    workspace.textDocuments = workspace.textDocuments.filter((one) => one !== document);
    fire('close', document);
  },
  trust(): void {
    workspace.isTrusted = true;
    fire('trust');
  },
  /** Next to the visible ones, if `beside`. */
  show(document: Document, beside = false): Editor {
    const editor = new Editor(document);
    window.visibleTextEditors = beside ? [...window.visibleTextEditors, editor] : [editor];
    window.activeTextEditor = editor;
    fire('visible');
    fire('active', editor);
    return editor;
  },
  editor: (): Editor => window.activeTextEditor!,
  /** Puts the cursor before the n-th occurrence of a text in the visible document. */
  moveTo(text: string, nth = 0, by = 0): void {
    const { document } = fake.editor();
    let at = -1;
    for (let count = 0; count <= nth; count += 1) at = document.getText().indexOf(text, at + 1);
    const position = document.positionAt(at + by);
    fake.editor().selection = new Selection(position, position);
  },
  /** Replaces the first occurrence of a text, like selecting it and typing. */
  replace(old: string, text: string): void {
    const editor = fake.editor();
    const offset = editor.document.getText().indexOf(old);
    const [start, end] = [
      editor.document.positionAt(offset),
      editor.document.positionAt(offset + old.length),
    ];
    editor.selection = new Selection(start, end);
    editor.change([{ offset, old, text }]);
  },
  type(text: string): void {
    const editor = fake.editor();
    const offset = editor.document.offsetAt(editor.selection.active);
    editor.change([{ offset, old: '', text }]);
  },
  undo: (): void => back('done', 'undone', 1),
  redo: (): void => back('undone', 'done', 2),
  /** Tab according to the key bindings in package.json. */
  async tab(): Promise<void> {
    if (fake.keys.get('forgetMeNot.nextEdit.tab')) await fake.run('next', 'tab');
    else await commands.executeCommand('tab');
  },
  run: async (name: string, ...rest: unknown[]): Promise<void> =>
    void (await fake.commands.get(`forgetMeNot.nextEdit.${name}`)!(...rest)),
  /** The texts that decorations show in the active editor. */
  shown: (): string[] => attached().map(({ text }) => text),
  /**
   * A line of the active editor with these texts. Of several at one place, VS Code draws those `before` it first; others
   * in an order of its own, here the last one first.
   */
  drawn(line: number): string {
    const { text } = fake.editor().document.lineAt(line);
    return attached()
      .filter(({ at }) => at.line === line)
      .reverse()
      .sort((a, b) => a.at.character - b.at.character || Number(b.isBefore) - Number(a.isBefore))
      .reduceRight(
        (all, { at, text }) => all.slice(0, at.character) + `<${text}>` + all.slice(at.character),
        text,
      );
  },
  reset(): void {
    listeners.clear();
    fake.enabled = true;
    fake.off = '';
    workspace.isTrusted = true;
    workspace.workspaceFolders = folders;
    for (const map of [fake.keys, fake.commands]) map.clear();
    fake.ran.length = 0;
    fake.diagnostics = [];
    fake.fixes = [];
    fake.fixesAsked = 0;
    workspace.textDocuments = [];
    window.visibleTextEditors = [];
    window.activeTextEditor = undefined;
  },
};

interface Decoration {
  range: Range;
  renderOptions?: Partial<Record<'before' | 'after', { contentText: string }>>;
}

/** The texts of decorations in the active editor, with their places. */
const attached = () =>
  ([...fake.editor().decorations.values()].flat() as Decoration[]).flatMap(({ range, renderOptions }) =>
    Object.entries(renderOptions ?? {}).map(([side, { contentText }]) => {
      const isBefore = side === 'before';
      return { text: contentText, isBefore, at: isBefore ? range.start : range.end };
    }),
  );

/** The changes that revert an undo step. */
function inverse(written: readonly Written[]): Written[] {
  let by = 0;
  return [...written]
    .sort((a, b) => a.offset - b.offset)
    .map(({ offset, old, text }) => {
      const edit = { offset: offset + by, old: text, text: old };
      by += text.length - old.length;
      return edit;
    });
}

function back(from: 'done' | 'undone', to: 'done' | 'undone', reason: number): void {
  const editor = fake.editor();
  const step = editor.document[from].pop()!;
  const { selection } = editor;
  const written = inverse(step.written);
  editor.document[to].push({ written, cursor: selection });
  editor.document.write(written, reason);
  editor.selection = step.cursor;
}

export const window = {
  visibleTextEditors: [] as Editor[],
  activeTextEditor: undefined as Editor | undefined,
  createStatusBarItem: () => ({ show: () => undefined, hide: () => undefined, dispose: () => undefined }),
  createTextEditorDecorationType: () => ({ dispose: () => undefined }),
  onDidChangeVisibleTextEditors: event('visible'),
  onDidChangeTextEditorSelection: event('selection'),
  onDidChangeTextEditorVisibleRanges: event('ranges'),
  onDidChangeActiveTextEditor: event('active'),
  showTextDocument: (document: Document, { selection }: { selection: Range }) => {
    const editor = window.activeTextEditor?.document === document ? fake.editor() : fake.show(document);
    editor.selection = new Selection(selection.start, selection.end);
    return Promise.resolve(editor);
  },
};
export const workspace = {
  isTrusted: true,
  workspaceFolders: folders as typeof folders | undefined,
  getWorkspaceFolder: (uri: { toString: () => string }) =>
    uri.toString().startsWith(root) ? folders[0] : undefined,
  textDocuments: [] as Document[],
  getConfiguration: (_: string, scope?: { languageId: string }) => ({
    get: () => fake.enabled && scope?.languageId !== fake.off,
  }),
  onDidChangeTextDocument: event('change'),
  onDidOpenTextDocument: event('open'),
  onDidCloseTextDocument: event('close'),
  onDidGrantWorkspaceTrust: event('trust'),
  asRelativePath: (uri: { toString: () => string }) => uri.toString().replace(root, ''),
  openTextDocument: (uri: { toString: () => string }) =>
    Promise.resolve(workspace.textDocuments.find((document) => document.uri.toString() === uri.toString())),
};
export const commands = {
  registerCommand: (name: string, run: (...rest: unknown[]) => unknown) => {
    fake.commands.set(name, run);
    return { dispose: () => undefined };
  },
  executeCommand: (name: string, ...rest: unknown[]) => {
    if (name === 'vscode.executeCodeActionProvider') {
      fake.fixesAsked += 1;
      return Promise.resolve(fake.fixes);
    }
    if (name === 'setContext') fake.keys.set(rest[0] as string, rest[1] as boolean);
    else fake.ran.push(name);
    if (name === 'tab') fake.type('  ');
    return Promise.resolve();
  },
};
export class EventEmitter {
  private readonly all: ((of: unknown) => void)[] = [];
  event = (listener: (of: unknown) => void) => this.all.push(listener);
  fire = (of: unknown) => this.all.forEach((listener) => listener(of));
  dispose = () => undefined;
}
export const languages = {
  getDiagnostics: () => fake.diagnostics,
  onDidChangeDiagnostics: event('diagnostics'),
};
export const DiagnosticSeverity = { Error: 0, Warning: 1, Hint: 3 };
export const DiagnosticTag = { Unnecessary: 1 };
export const CodeActionKind = { QuickFix: { value: 'quickfix' } };
export const extensions = { getExtension: (): { isActive: boolean } | undefined => undefined };
export const Uri = { parse: (text: string) => ({ toString: () => text }) };
export const Disposable = { from: () => ({ dispose: () => undefined }) };
export const TextDocumentChangeReason = { Undo: 1, Redo: 2 };
export const StatusBarAlignment = { Right: 2 };
export class ThemeColor {}
export const [ConfigurationTarget, DecorationRangeBehavior, OverviewRulerLane] = [{}, {}, {}];
