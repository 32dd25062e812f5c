/** "Fine-tune on Workspace" and "Install TensorFlow": what is downloaded, and which answers are used again. */
import { beforeEach, expect, it, vi } from 'vitest';
import type { Context } from '../../../src/extension/context.ts';
import type { Draft } from '../../../src/extension/draft.ts';
import { fineTune, installRuntime } from '../../../src/extension/wizard/fine-tune.ts';
import { answers, reset, shown, window, workspace } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
beforeEach(reset);

/** An extension on a machine without TensorFlow; `draft`: kept answers. */
function fakeContext(draft: Draft = {}) {
  const asked: string[] = [];
  const context = {
    store: { draft, saveDraft: () => Promise.resolve() },
    runs: { all: [] },
    children: {
      ask(_: unknown, args: string[]) {
        if (args[0] !== 'doctor') asked.push(args.join(' '));
        return Promise.resolve({ backends: [{ name: 'tensorflow', command: 'x', starts: false }] });
      },
    },
    log: { notify: (_: string, message: string) => Promise.resolve(shown.push(message)) },
  };
  return { context: context as unknown as Context, asked };
}

it.each([
  ['Download', ['runtime install --yes']],
  ['Without', []],
  [undefined, []],
])('TensorFlow is only installed if the user agrees: %s', async (answer, commands) => {
  const { context, asked } = fakeContext();
  answers.push(answer);
  await installRuntime(context);
  expect(shown[0]).toMatch(/ \[Download\]$/);
  expect(asked).toEqual(commands);
});

it('TensorFlow with CUDA is another download, which the user agrees to by its size', async () => {
  const { context, asked } = fakeContext();
  answers.push('Download');
  await installRuntime(context, 'gpu');
  expect(shown[0]).toContain('about 3.4 GB');
  expect(asked).toEqual(['runtime install --gpu --yes']);
});

const reuse = 'What you chose last time has not been started yet.';
const kept = { base: 'smollm2-135m', method: 'lora', budget: { minutes: 15 } } as const;
const inWorkspace = (...names: string[]) => {
  workspace.workspaceFolders = names.map((name) => ({
    name,
    uri: { scheme: 'file', fsPath: `/code/${name}` },
  }));
};

/** The first question with kept answers for these folders, and its first row. */
async function firstQuestion(...folders: string[]) {
  const showQuickPick = vi.spyOn(window, 'showQuickPick');
  await fineTune(fakeContext({ ...kept, folders: folders.map((name) => `/code/${name}`) }).context);
  const [row] = showQuickPick.mock.calls[0]?.[0] ?? [];
  showQuickPick.mockRestore();
  return { question: shown[0], row: typeof row === 'object' ? row.label : undefined };
}

it('kept answers are only offered while their folders are in the workspace', async () => {
  inWorkspace('api', 'web');
  expect((await firstQuestion('api', 'gone')).question).toMatch(/^Which folders should the model learn/);
  reset();
  expect((await firstQuestion('web')).question).toBe(reuse);
});

it.each([
  [['web'], ['web'], ''],
  [['api', 'web'], ['web'], ', web'],
  [['api', 'web'], ['web', 'api'], ', api, web'],
  [['a', 'b', 'c', 'd', 'e'], ['a', 'b', 'c', 'd'], ', 4 of 5 folders'],
])('of the workspace %j, kept answers for %j are offered with "%s"', async (open, folders, text) => {
  inWorkspace(...open);
  const { row } = await firstQuestion(...folders);
  expect(row).toMatch(new RegExp(`^Continue with .*, LoRA, 15 min${text}$`));
});
