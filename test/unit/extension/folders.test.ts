/** Which workspace folders a training learns, and where completion then looks for a document. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { globArguments } from '../../../src/extension/setting-rules.ts';
import type { Draft } from '../../../src/extension/draft.ts';
import { onlyFolder } from '../../../src/extension/wizard/folders.ts';
import { askFoldersAndBase, askPlan, trainArguments } from '../../../src/extension/wizard/wizard.ts';
import { answers, reset, shown, workspace } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

const folder = (name: string, scheme = 'file') => ({ name, uri: { scheme, fsPath: `/code/${name}` } });
const bases = () =>
  Promise.resolve({ models: [], default: { id: 'qwen2.5-coder-0.5b', why: 'it suits the machine' } });
const asked: (readonly string[])[] = [];
const ask = (kept: Draft = {}) =>
  askPlan(
    {
      bases,
      machine: () => Promise.resolve({ backend: 'wasm' }),
      continuing: (folders) => (asked.push(folders), Promise.resolve(undefined)),
      runs: () => [],
      eventsOf: () => Promise.resolve([]),
    },
    kept,
    () => undefined,
  );
const question = (names: string) => `Which folders should the model learn? (${names})`;

beforeEach(() => {
  reset();
  asked.length = 0;
  workspace.workspaceFolders = [folder('api'), folder('web'), folder('docs')];
});

describe('the folders of a training', () => {
  it('are all of the workspace, unless the user chooses some', async () => {
    answers.push('$(folder) api|$(folder) web|$(folder) docs', '$(rocket)');
    expect(trainArguments((await ask())!).slice(0, 5)).toEqual([
      'train',
      '/code/api',
      '/code/web',
      '/code/docs',
      '--base',
    ]);
    expect(shown[0]).toBe(question('$(folder) api, $(folder) web, $(folder) docs'));
    answers.push('$(folder) docs|$(folder) api', '$(rocket)');
    const plan = (await ask())!;
    // In workspace order, so that the same choice is the same corpus.
    expect(plan.folders).toEqual(['/code/api', '/code/docs']);
    expect(asked.at(-1)).toEqual(plan.folders);
  });

  it('are preselected as last time, as far as they still exist', async () => {
    answers.push(undefined, undefined);
    await ask({ folders: ['/code/web', '/code/gone'] });
    await ask({ folders: ['/code/gone'] });
    expect(shown).toEqual([
      question('$(folder) web'),
      question('$(folder) api, $(folder) web, $(folder) docs'),
    ]);
  });

  it('count once if one is a link to another, whatever globs it has', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'fmn-linked-'));
    mkdirSync(join(dir, 'api'));
    symlinkSync(join(dir, 'api'), join(dir, 'linked'), 'junction');
    const at = (name: string) => ({ name, uri: { scheme: 'file', fsPath: join(dir, name) } });
    workspace.workspaceFolders = [at('api'), at('linked'), folder('web')];
    answers.push('$(folder) api|$(folder) web', '$(rocket)');
    expect((await ask())!.folders).toEqual([join(dir, 'api'), '/code/web']);
    expect(shown[0]).toBe(question('$(folder) api, $(folder) web'));
    workspace.workspaceFolders = [at('linked'), at('api')];
    expect(onlyFolder()).toEqual({ folders: [join(dir, 'linked')] });
    rmSync(dir, { recursive: true });
  });

  it('are at least one', async () => {
    answers.push('nothing of that name');
    expect(await ask()).toBeUndefined();
    expect(shown).toHaveLength(1);
  });

  it('are not asked for if there is only one on this machine', async () => {
    workspace.workspaceFolders = [folder('far', 'vscode-vfs'), folder('web')];
    answers.push('$(rocket)');
    expect((await ask())!.folders).toEqual(['/code/web']);
    expect(shown).toHaveLength(1);
  });

  it('are asked for when searching for a learning rate, too', async () => {
    answers.push('$(folder) api|$(folder) web', 'SmolLM2-135M');
    const chosen = await askFoldersAndBase('Find Learning Rate', bases);
    expect(chosen).toEqual({ folders: ['/code/api', '/code/web'], base: 'smollm2-135m' });
  });
});

describe('the globs of the settings', () => {
  const of = (name: string, include: string[], exclude: string[] = []) => ({ name, include, exclude });
  it('are given once if they are the same for all folders', () => {
    expect(globArguments([of('api', ['src'], ['*.sql']), of('web', ['src'], ['*.sql'])])).toEqual([
      '--include=src',
      '--exclude=*.sql',
    ]);
    expect(globArguments([of('api', [])])).toEqual([]);
  });
  it('name their folders if they differ', () => {
    expect(globArguments([of('api', ['src'], ['*.sql']), of('web', [], ['*.sql'])])).toEqual([
      '--include=api:src',
      '--exclude=api:*.sql',
      '--exclude=web:*.sql',
    ]);
  });
});

describe('the path of a document', () => {
  const paths = Object.fromEntries(
    ['/mono', '/mono/api', '/mono/api/src/x.ts', '/mono/web/y.ts', '/else/z.ts'].map((path) => [
      path,
      resolve(path),
    ]),
  );
  const document = (path: string, lineCount = 1) => ({
    uri: { scheme: 'file', fsPath: paths[path]!, toString: () => path },
    lineCount,
    getText: () => `text of ${path}`,
  });
  const all = ['/mono/api/src/x.ts', '/mono/web/y.ts', '/else/z.ts'].map((path) => document(path));
  const [x, y, z] = all;
  Object.assign(workspace, {
    textDocuments: all,
    getWorkspaceFolder: ({ fsPath }: { fsPath: string }) =>
      fsPath.startsWith(paths['/mono']!)
        ? { name: 'A name of its own', uri: { fsPath: paths['/mono'] } }
        : undefined,
    asRelativePath: ({ fsPath }: { fsPath: string }) =>
      fsPath.slice(paths['/mono']!.length + 1).replaceAll('\\', '/'),
  });
  const learnedApi = [{ path: paths['/mono/api']!, name: '' }];

  it('is in the folder that the model has learned, else in the workspace folder', async () => {
    const { placeOf } = await import('../../../src/extension/completion/recent-files.ts');
    const at = (document: unknown, learned = learnedApi) => placeOf(document as never, learned);
    expect(at(x)).toEqual({ repository: 'api', path: 'src/x.ts' });
    expect(at(x, [])).toEqual({ repository: 'mono', path: 'api/src/x.ts' });
    expect(at(y)).toEqual({ repository: 'mono', path: 'web/y.ts' });
    expect(at(z)).toBeUndefined();
    expect(at(z, [{ path: resolve('/else'), name: 'else' }])).toEqual({ repository: 'else', path: 'z.ts' });
  });

  it('comes with the open files of that folder', async () => {
    const { RecentFiles } = await import('../../../src/extension/completion/recent-files.ts');
    const recent = new RecentFiles();
    const beside = (document: unknown, learned = learnedApi) =>
      recent.othersInFolder(document as never, learned).map(({ path }) => path);
    expect(beside(x)).toEqual([]);
    expect(beside(x, [])).toEqual(['web/y.ts']);
    expect(beside(y, [{ path: paths['/mono']!, name: '' }])).toEqual(['api/src/x.ts']);
  });

  it('comes with no more open files than are looked at, and copies no others', async () => {
    const { RecentFiles } = await import('../../../src/extension/completion/recent-files.ts');
    const { MAX_FILES } = await import('../../../src/completion/index.ts');
    let copied = 0;
    const more = { ...y, getText: () => String((copied += 1)) };
    Object.assign(workspace, {
      textDocuments: Array.from({ length: 2 * MAX_FILES }, () => ({ ...more })),
    });
    expect(new RecentFiles().othersInFolder(x as never, [])).toHaveLength(MAX_FILES);
    expect(copied).toBe(MAX_FILES);
    Object.assign(workspace, { textDocuments: all });
  });
});
