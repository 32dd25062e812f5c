/** The workspace's index as a process: what happens to requests if it does not start, or ends. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { IndexerClient } from '../../../src/extension/completion/indexer-client.ts';

const editor = vi.hoisted(() => {
  const on = () => ({ dispose: () => undefined });
  const onDisk: ((uri: object) => void)[] = [];
  const folder = { uri: { scheme: 'file', fsPath: '' } };
  return {
    folder,
    onDisk,
    vscode: {
      Disposable: { from: on },
      ConfigurationTarget: {},
      workspace: {
        isTrusted: true,
        workspaceFolders: [folder],
        textDocuments: [],
        getConfiguration: () => ({ get: () => true }),
        getWorkspaceFolder: () => folder,
        asRelativePath: () => 'cart.py',
        createFileSystemWatcher: () => ({
          onDidChange: (listener: (uri: object) => void) => (onDisk.push(listener), on()),
          onDidCreate: on,
          onDidDelete: on,
        }),
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
let warnings: string[];
const open: IndexerClient[] = [];
beforeEach(() => {
  work = editor.folder.uri.fsPath = mkdtempSync(join(tmpdir(), 'fmn-child-'));
  warnings = [];
});
afterEach(() => {
  for (const disposable of open.splice(0)) disposable.dispose();
  rmSync(work, { recursive: true });
});

/** An index whose process is `command`, and a request to it. */
function indexOf(
  command: string | (() => Promise<string>),
  program = '',
  onChanged: (files: readonly string[]) => void = () => {},
) {
  writeFileSync(join(work, 'indexer.mjs'), program);
  const services = {
    bundle: (name: string) => join(work, name),
    node: async () => ({ command: typeof command === 'string' ? command : await command(), env: {} }),
    log: { info: () => undefined, warn: (line: string) => warnings.push(line) },
  };
  const repository = new IndexerClient(services as never, onChanged);
  open.push(repository);
  const ask = () =>
    repository.parts({
      document: { uri: { scheme: 'file', fsPath: join(work, 'cart.py') } } as never,
      position: { line: 0 } as never,
      at: { path: '', languageId: 'python', before: 'total(', after: '' },
      learned: [],
      budget: 1000,
    });
  return { repository, ask };
}

it("a process that can't be started leaves no request pending", async () => {
  const { ask } = indexOf(join(work, 'missing'));
  expect(await ask()).toEqual([]);
  expect(warnings).toEqual([expect.stringMatching(/^The index could not be started: .*ENOENT/)]);
});

it('an unexpected end of the process is logged', async () => {
  const { ask } = indexOf(process.execPath, 'process.exit(3);');
  expect(await ask()).toEqual([]);
  expect(warnings).toEqual(['The index has ended (3)']);
});

it('an intended one is not', async () => {
  const { repository, ask } = indexOf(process.execPath, 'process.on("message", () => undefined);');
  const answer = ask();
  await vi.waitFor(() => expect(repository).toHaveProperty('waiting', 1));
  const gone = once((repository as unknown as { child: ChildProcess }).child, 'exit');
  repository.stop();
  expect(await answer).toEqual([]);
  await gone;
  expect(warnings).toEqual([]);
});

it('a stopped process leaves no request pending, and gets no more of them', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { ask } = indexOf(process.execPath, 'process.kill(process.pid, "SIGSTOP");');
  const [first, second] = [ask(), ask()];
  await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0));
  await vi.advanceTimersByTimeAsync(120_000);
  expect(await Promise.all([first, second])).toEqual([[], []]);
  expect(warnings).toEqual(['The index does not answer, and was ended.']);
});

it('a failed look-up of Node is tried again', async () => {
  const lookUp = vi.fn(() => Promise.reject(new Error('There is no Node.')));
  const { ask } = indexOf(lookUp);
  expect([await ask(), await ask()]).toEqual([[], []]);
  expect(lookUp).toHaveBeenCalledTimes(2);
});

it('an index that kept ending is started again after it was turned off and on', async () => {
  const { repository, ask } = indexOf(process.execPath, 'process.exit(3);');
  for (let asked = 0; asked < 5; asked += 1) await ask();
  expect(warnings).toEqual([
    ...Array<string>(3).fill('The index has ended (3)'),
    expect.stringMatching(/^The index keeps ending and is not started again: /),
  ]);
  repository.stop();
  await ask();
  expect(warnings).toHaveLength(5);
});

it('an index that ran for long before it ended is started again, however often', async () => {
  let time = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => (time += 11 * 60_000));
  onTestFinished(() => clock.mockRestore());
  const { ask } = indexOf(process.execPath, 'process.exit(3);');
  for (let asked = 0; asked < 5; asked += 1) await ask();
  expect(warnings).toEqual(Array<string>(5).fill('The index has ended (3)'));
});

it('a stop during the look-up of Node leads to one process', async () => {
  let found: (command: string) => void = () => {};
  const command = new Promise<string>((resolve) => (found = resolve));
  const { repository, ask } = indexOf(() => command, 'process.on("message", () => undefined);');
  const first = ask();
  repository.stop();
  const second = ask();
  found(process.execPath);
  await vi.waitFor(() => expect(repository).toHaveProperty('waiting', 2));
  expect(repository).toHaveProperty('starts', 1);
  repository.stop();
  expect(await Promise.all([first, second])).toEqual([[], []]);
});

/** It answers each call, with the named files once they are read. */
const READS = `
  import { writeFileSync } from 'node:fs';
  process.on('message', ({ m, a: [files], i }) => {
    const answer = (r) => process.send({ t: 's', i, r });
    if (m !== 'changed') return answer([]);
    setTimeout(() => {
      for (const file of files) writeFileSync(file, 'read');
      answer();
    }, 100);
  });`;

it('changed files are announced once the index has read them', async () => {
  const announced: string[] = [];
  const { ask } = indexOf(process.execPath, READS, (files) =>
    announced.push(...files.map((file) => `${file} ${readFileSync(file, 'utf8')}`)),
  );
  await ask();
  const file = join(work, 'tax.py');
  writeFileSync(file, 'written');
  for (const notify of editor.onDisk) notify({ scheme: 'file', fsPath: file });
  await vi.waitFor(() => expect(announced).toEqual([`${file} read`]), 30_000);
});
