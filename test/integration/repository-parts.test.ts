/** The extension's side of the index with the real indexer, while documents are changed, saved and closed. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { IndexerClient } from '../../src/extension/completion/indexer-client.ts';

const editor = vi.hoisted(() => {
  type Listener = (event: unknown) => void;
  const listeners: Record<string, Listener[]> = {};
  const on = (name: string) => (listener: Listener) => {
    (listeners[name] ??= []).push(listener);
    return { dispose: () => undefined };
  };
  const setting = { repository: true };
  const folders: { uri: { scheme: string; fsPath: string } }[] = [];
  return {
    setting,
    folders,
    fire: (name: string, event: unknown) => listeners[name]?.forEach((listener) => listener(event)),
    vscode: {
      Disposable: { from: () => ({ dispose: () => undefined }) },
      ConfigurationTarget: {},
      workspace: {
        isTrusted: true,
        workspaceFolders: folders,
        textDocuments: [],
        getConfiguration: () => ({ get: () => setting.repository }),
        getWorkspaceFolder: () => folders[0],
        asRelativePath: ({ fsPath }: { fsPath: string }) => fsPath.slice(folders[0]!.uri.fsPath.length + 1),
        createFileSystemWatcher: () => ({
          onDidChange: on('disk'),
          onDidCreate: on('disk'),
          onDidDelete: on('disk'),
          dispose: () => undefined,
        }),
        onDidChangeTextDocument: on('change'),
        onDidSaveTextDocument: on('save'),
        onDidCloseTextDocument: on('close'),
        onDidChangeWorkspaceFolders: on('folders'),
      },
    },
  };
});
vi.mock('vscode', () => editor.vscode);

const home = process.env['FORGET_ME_NOT_HOME'];
let work: string;
let repository: IndexerClient;
const logged: string[] = [];
const announced: string[] = [];

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'fmn-repository-'));
  process.env['FORGET_ME_NOT_HOME'] = join(work, 'home');
  editor.folders.push({ uri: { scheme: 'file', fsPath: join(work, 'shop') } });
  const services = {
    bundle: (name: string) => join('dist', name),
    node: () => Promise.resolve({ command: process.execPath, env: {} }),
    log: { info: (line: string) => logged.push(line), warn: (line: string) => logged.push(line) },
  };
  repository = new IndexerClient(services as never, (files) => announced.push(...files));
});
afterAll(() => {
  repository.dispose();
  if (home === undefined) delete process.env['FORGET_ME_NOT_HOME'];
  else process.env['FORGET_ME_NOT_HOME'] = home;
  rmSync(work, { recursive: true, force: true, maxRetries: 5 });
});

const documentAt = (path: string, text = '', isDirty = false) => ({
  uri: { scheme: 'file', fsPath: join(work, 'shop', path) },
  lineCount: 10,
  isDirty,
  getText: () => text,
});

const ask = (name: string) =>
  repository.parts({
    document: documentAt('cart.py') as never,
    position: { line: 0 } as never,
    at: { path: '', languageId: 'python', before: `total = ${name}(`, after: '' },
    learned: [],
    budget: 1000,
  });
const namesOf = async (name: string) => (await ask(name)).map(({ filename }) => filename);
const definition = (name: string) => `def ${name}(price, country):\n    return price\n`;

it('gives parts of the workspace, follows disk and documents, and gives none when turned off', async () => {
  mkdirSync(join(work, 'shop'));
  writeFileSync(join(work, 'shop/tax.py'), definition('tax_of'));
  await vi.waitFor(async () => expect(await namesOf('tax_of')).toEqual(['tax.py']), 30_000);
  await vi.waitFor(() => expect(logged.some((line) => line.includes('has 1 files'))).toBe(true), 30_000);

  writeFileSync(join(work, 'shop/duty.py'), definition('duty_of'));
  editor.fire('disk', documentAt('duty.py').uri);
  await vi.waitFor(async () => expect(await namesOf('duty_of')).toEqual(['duty.py']), 30_000);

  const unsaved = documentAt('duty.py', definition('levy_of'), true);
  editor.fire('change', { document: unsaved, contentChanges: [] });
  await vi.waitFor(async () => expect(await namesOf('levy_of')).toEqual(['duty.py']), 30_000);
  editor.fire('close', unsaved);
  await vi.waitFor(async () => expect(await namesOf('levy_of')).toEqual([]), 30_000);

  announced.length = 0;
  writeFileSync(join(work, 'shop/tax.py'), definition('rate_of'));
  editor.fire('disk', documentAt('tax.py').uri);
  await vi.waitFor(() => expect(announced).toEqual([join(work, 'shop/tax.py')]), 30_000);
  expect(await namesOf('rate_of')).toEqual(['tax.py']);

  editor.setting.repository = false;
  expect(await ask('tax_of')).toEqual([]);
});
