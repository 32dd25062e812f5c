/** The workspace's index as a process: what becomes of questions when it does not start, or ends. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { Repository } from '../../../src/extension/completion/repository.ts';

const editor = vi.hoisted(() => {
  const on = () => ({ dispose: () => undefined });
  const folder = { uri: { scheme: 'file', fsPath: '' } };
  return {
    folder,
    vscode: {
      Disposable: { from: on },
      ConfigurationTarget: {},
      languages: { getDiagnostics: () => [] },
      workspace: {
        isTrusted: true,
        workspaceFolders: [folder],
        textDocuments: [],
        getConfiguration: () => ({ get: () => true }),
        getWorkspaceFolder: () => folder,
        asRelativePath: () => 'cart.py',
        createFileSystemWatcher: () => ({ onDidChange: on, onDidCreate: on, onDidDelete: on }),
        onDidChangeTextDocument: on,
        onDidSaveTextDocument: on,
        onDidCloseTextDocument: on,
        onDidChangeWorkspaceFolders: on,
      },
    },
  };
});
vi.mock('vscode', () => editor.vscode);

let work: string;
let told: string[];
const open: Repository[] = [];
beforeEach(() => {
  work = editor.folder.uri.fsPath = mkdtempSync(join(tmpdir(), 'fmn-child-'));
  told = [];
});
afterEach(() => {
  for (const one of open.splice(0)) one.dispose();
  rmSync(work, { recursive: true });
});

/** An index whose process is `command`, and a question to it. */
function indexOf(command: string, program = '') {
  writeFileSync(join(work, 'indexer.mjs'), program);
  const repository = new Repository({
    bundle: (name: string) => join(work, name),
    node: () => Promise.resolve({ command, env: {} }),
    log: { info: () => undefined, warn: (line: string) => told.push(line) },
  } as never);
  open.push(repository);
  const ask = () =>
    repository.parts({
      document: { uri: { scheme: 'file', fsPath: join(work, 'cart.py') } } as never,
      position: { line: 0 } as never,
      at: { path: '', languageId: 'python', before: 'total(', after: '' },
      learned: [],
      shown: { before: 2400, after: 600 },
      budget: 1000,
    });
  return { repository, ask };
}

it('a process that can not be started leaves no question waiting', async () => {
  const { ask } = indexOf(join(work, 'missing'));
  expect(await ask()).toEqual([]);
  expect(told).toEqual([expect.stringMatching(/^The index could not be started: .*ENOENT/)]);
});

it('how a process ended that nobody stopped is in the log', async () => {
  const { ask } = indexOf(process.execPath, 'process.exit(3);');
  expect(await ask()).toEqual([]);
  expect(told).toEqual(['The index has ended (3)']);
});

it('one that was stopped is no news', async () => {
  const { repository, ask } = indexOf(process.execPath, 'process.on("message", () => undefined);');
  const answer = ask();
  await vi.waitFor(() => expect(repository).toHaveProperty('waiting', 1));
  const gone = once((repository as unknown as { child: ChildProcess }).child, 'exit');
  repository.stop();
  expect(await answer).toEqual([]);
  await gone;
  expect(told).toEqual([]);
});

it('a process that is stopped leaves no question waiting, and gets no more of them', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { ask } = indexOf(process.execPath, 'process.kill(process.pid, "SIGSTOP");');
  const [first, second] = [ask(), ask()];
  await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0));
  await vi.advanceTimersByTimeAsync(120_000);
  expect(await Promise.all([first, second])).toEqual([[], []]);
  expect(told).toEqual(['The index does not answer, and was ended.']);
});
