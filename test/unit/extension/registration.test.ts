/** VS Code's list may wait for an inline suggestion provider, so one is registered only where something completes. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Registration } from '../../../src/extension/completion/registration.ts';

const editor = vi.hoisted(() => ({
  open: [] as { languageId: string; uri: { scheme: string; folder: string } }[],
  opened: (() => undefined) as (document: unknown) => void,
  /** The languages of each active registration. */
  registered: [] as string[],
}));

vi.mock('vscode', () => ({
  workspace: {
    get textDocuments() {
      return editor.open;
    },
    getWorkspaceFolder: ({ folder }: { folder: string }) => ({ uri: folder }),
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

const openDocument = (languageId: string, { scheme = 'file', folder = 'here' } = {}) => {
  const document = { languageId, uri: { scheme, folder } };
  editor.open.push(document);
  editor.opened(document);
};
const open = (...given: Parameters<typeof openDocument>) => {
  openDocument(...given);
  vi.runAllTimers();
};

let on: boolean;
/** How often it was asked whether something completes a document. */
let asked: number;
let registration: Registration;
beforeEach(() => {
  vi.useFakeTimers();
  on = true;
  asked = 0;
  editor.open.length = 0;
  registration = new Registration({} as never, ({ languageId, uri }) => {
    asked += 1;
    return on && languageId !== 'markdown' && (uri as unknown as { folder: string }).folder !== 'off';
  });
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
  open('log', { scheme: 'output' });
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

test('of hundreds of documents that are opened, one of each language is looked at', () => {
  on = false;
  for (let file = 0; file < 300; file += 1) openDocument('python');
  openDocument('markdown');
  vi.runAllTimers();
  expect(asked).toBe(2);
  // Nothing completes them, which is known by now.
  for (let file = 0; file < 300; file += 1) open('python');
  for (let file = 0; file < 300; file += 1) open('go', { scheme: 'git' });
  expect(asked).toBe(2);
});

test('each folder of a workspace has settings of its own', () => {
  open('python', { folder: 'off' });
  expect(editor.registered).toEqual([]);
  open('python', { folder: 'on' });
  expect(editor.registered).toEqual(['python']);
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
