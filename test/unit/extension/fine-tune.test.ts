/** "Fine-tune on Workspace" and "Install TensorFlow": what is downloaded, and which answers are used again. */
import { beforeEach, expect, it, vi } from 'vitest';
import type { Context } from '../../../src/extension/context.ts';
import { installRuntime } from '../../../src/extension/wizard/fine-tune.ts';
import { answers, reset, shown } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
beforeEach(reset);

/** An extension on a machine without TensorFlow. */
function fakeContext() {
  const asked: string[] = [];
  const context = {
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
