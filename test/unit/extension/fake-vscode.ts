/** A fake editor for tests of code that asks questions: `vi.mock('vscode', () => import('./fake-vscode.ts'))`. */
import { readFileSync } from 'node:fs';

/** What was shown, in order. */
export const shown: string[] = [];
/**
 * The user's answers to it: the beginning of a row or a button, a path, a text; undefined dismisses the question. If
 * several rows can be chosen, their beginnings separated by "|".
 */
export const answers: (string | undefined)[] = [];

/** What `inspect` returns for a setting, by its name; `update` writes the user's value. */
export const inspected: Record<string, Record<string, unknown>> = {};

/** What `get` returns for a setting, by its name; otherwise its default. */
export const configured: Record<string, unknown> = {};

const { properties } = (
  JSON.parse(readFileSync('package.json', 'utf8')) as {
    contributes: { configuration: { properties: Record<string, { default: unknown }> } };
  }
).contributes.configuration;
const defaultOf = (name: string): unknown => properties[`forgetMeNot.${name}`]?.default;

export function reset(): void {
  for (const name of Object.keys(configured)) delete configured[name];
  for (const name of Object.keys(inspected)) delete inspected[name];
  shown.length = 0;
  answers.length = 0;
  window.tabGroups.all = [];
}

function answer<T>(question: string, choices: readonly T[], labelOf: (item: T) => string): T | undefined {
  shown.push(question);
  const wanted = answers.shift();
  return wanted === undefined ? undefined : choices.find((choice) => labelOf(choice).startsWith(wanted));
}

interface Row {
  label: string;
}

class QuickPick {
  placeholder = '';
  canSelectMany = false;
  items: Row[] = [];
  activeItems: Row[] = [];
  selectedItems: Row[] = [];
  private accepted = () => {};
  private hidden = () => {};
  onDidTriggerButton(): void {}
  onDidAccept(listener: () => void): void {
    this.accepted = listener;
  }
  onDidHide(listener: () => void): void {
    this.hidden = listener;
  }
  private timer: NodeJS.Timeout | undefined;
  dispose(): void {
    clearTimeout(this.timer);
  }
  show(): void {
    // Rows that are looked up arrive after it is shown.
    this.timer = setTimeout(() => {
      const before = this.canSelectMany ? this.selectedItems : this.activeItems.slice(0, 1);
      const labels = before.map(({ label }) => label).join(', ');
      shown.push(`${this.placeholder}${labels && ` (${labels})`}`);
      const wanted = answers.shift()?.split('|');
      if (!wanted) return this.hidden();
      const rows = wanted.map((prefix) => this.items.find(({ label }) => label.startsWith(prefix)));
      this.selectedItems = rows.filter((row) => row !== undefined);
      if (this.selectedItems.length === 0 && !this.canSelectMany) return this.hidden();
      this.accepted();
      // Without an answer it stays open until the user dismisses it.
      if (this.selectedItems.length === 0) this.hidden();
    }, 5);
  }
}

/** Including its buttons: "It failed. [Try Again, Show Log]". */
function showMessage(message: string, ...rest: unknown[]): Promise<string | undefined> {
  const titles = rest.filter((argument): argument is string => typeof argument === 'string');
  return Promise.resolve(answer(`${message} [${titles.join(', ')}]`, titles, (title) => title));
}

export const window = {
  tabGroups: { activeTabGroup: { tabs: [] }, all: [] as { tabs: { input: unknown }[] }[] },
  onDidChangeActiveTextEditor: () => ({ dispose: () => undefined }),
  createQuickPick: () => new QuickPick(),
  showQuickPick: (rows: (string | Row)[], { placeHolder }: { placeHolder: string }) =>
    Promise.resolve(answer(placeHolder, rows, (row) => (typeof row === 'string' ? row : row.label))),
  showOpenDialog({ title, defaultUri }: { title: string; defaultUri?: { fsPath: string } }) {
    shown.push(`${title}${defaultUri ? ` (${defaultUri.fsPath})` : ''}`);
    const fsPath = answers.shift();
    return Promise.resolve(fsPath === undefined ? undefined : [{ fsPath }]);
  },
  showInputBox({ title }: { title: string }) {
    shown.push(title);
    return Promise.resolve(answers.shift());
  },
  setStatusBarMessage: (text: string) => shown.push(text),
  showErrorMessage: showMessage,
  showWarningMessage: showMessage,
  showInformationMessage: showMessage,
  withProgress: (_: unknown, work: (progress: object, token: object) => unknown) =>
    work({ report: () => undefined }, { onCancellationRequested: () => undefined }),
};

export const workspace = {
  isTrusted: true,
  workspaceFolders: undefined as { name: string; uri: { scheme: string; fsPath: string } }[] | undefined,
  getConfiguration: () => ({
    get: (name: string, fallback?: unknown) => configured[name] ?? defaultOf(name) ?? fallback,
    inspect: (name: string) => ({ defaultValue: defaultOf(name), ...inspected[name] }),
    update: (name: string, globalValue: unknown) => {
      inspected[name] = { ...inspected[name], globalValue };
      return Promise.resolve();
    },
  }),
};
/** As in VS Code 1.104 and later. */
export const lm = {
  registered: [] as string[],
  registerLanguageModelChatProvider(vendor: string) {
    this.registered.push(vendor);
    return { dispose: () => undefined };
  },
};
export const LanguageModelChatMessageRole = { User: 1, Assistant: 2 };
export const LanguageModelChatToolMode = { Auto: 1, Required: 2 };
export class LanguageModelToolResultPart {
  constructor(
    readonly callId: string,
    readonly content: unknown[],
  ) {}
}
export class LanguageModelTextPart {
  constructor(readonly value: string) {}
}
export const Disposable = {
  from: (...all: { dispose: () => void }[]) => ({
    dispose: () => all.forEach((disposable) => disposable.dispose()),
  }),
};
export const commands = {
  registered: new Map<string, (...rest: unknown[]) => unknown>(),
  registerCommand(name: string, run: (...rest: unknown[]) => unknown) {
    this.registered.set(name, run);
    return { dispose: () => this.registered.delete(name) };
  },
  executeCommand: () => Promise.resolve(),
};
export class TabInputText {
  constructor(readonly uri: object) {}
}
export class TabInputTextDiff {
  constructor(
    readonly original: object,
    readonly modified: object,
  ) {}
}
export const Uri = { file: (fsPath: string) => ({ fsPath }), parse: (text: string) => ({ text }) };
export const QuickInputButtons = { Back: {} };
export const ConfigurationTarget = { Global: 1, Workspace: 2, WorkspaceFolder: 3 };
export const ProgressLocation = { Notification: 15 };
export class EventEmitter {
  event = () => ({ dispose: () => undefined });
  fire(): void {}
  dispose(): void {}
}
