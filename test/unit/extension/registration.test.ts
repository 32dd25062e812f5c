/** VS Code's list may wait for an inline suggestion provider, so one is registered only where something completes. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Registration } from '../../../src/extension/completion/registration.ts';

const editor = vi.hoisted(() => ({
  open: [] as { languageId: string; uri: { scheme: string } }[],
  opened: (() => undefined) as (document: unknown) => void,
  /** The languages of each active registration. */
  registered: [] as string[],
}));

vi.mock('vscode', () => ({
  workspace: {
    get textDocuments() {
      return editor.open;
    },
    onDidOpenTextDocument: (listener: (document: unknown) => void) => {
      editor.opened = listener;
      return { dispose: () => undefined };
    },
  },
  languages: {
    registerInlineCompletionItemProvider: (selector: { language: string }[]) => {
      const languages = [...new Set(selector.map(({ language }) => language))].join();
      editor.registered.push(languages);
      return { dispose: () => editor.registered.splice(editor.registered.indexOf(languages), 1) };
    },
  },
}));

const open = (languageId: string, scheme = 'file') => {
  const document = { languageId, uri: { scheme } };
  editor.open.push(document);
  editor.opened(document);
};

let on: boolean;
let registration: Registration;
beforeEach(() => {
  vi.useFakeTimers();
  on = true;
  editor.open.length = 0;
  registration = new Registration({} as never, ({ languageId }) => on && languageId !== 'markdown');
});
afterEach(() => {
  registration.dispose();
  vi.useRealTimers();
});
const change = () => {
  registration.refreshSoon();
  vi.runAllTimers();
};

test('a language is registered when a document of it is opened, if something completes it', () => {
  expect(editor.registered).toEqual([]);
  open('python');
  open('markdown');
  open('python');
  open('log', 'output');
  expect(editor.registered).toEqual(['python']);
  open('go');
  expect(editor.registered).toEqual(['go,python']);
});

test('nothing is registered without a model; one chosen later takes effect at once', () => {
  on = false;
  open('python');
  expect(editor.registered).toEqual([]);
  on = true;
  change();
  expect(editor.registered).toEqual(['python']);
  on = false;
  change();
  expect(editor.registered).toEqual([]);
});

test('a change without effect leaves the registration alone', () => {
  open('python');
  const before = editor.registered.splice(0);
  change();
  expect(editor.registered).toEqual([]);
  editor.registered.push(...before);
});

test('nothing is left of it when it is disposed', () => {
  open('python');
  registration.dispose();
  expect(editor.registered).toEqual([]);
});
