/** What "Doctor" offers to install after its report. */
import { beforeEach, expect, it, vi } from 'vitest';
import { showDoctor } from '../../../src/extension/doctor.ts';
import { commands, reset } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
beforeEach(reset);

const tensorflow = {
  name: 'tensorflow',
  starts: false,
  reason: 'TensorFlow is not installed.',
  command: 'forget-me-not runtime install',
};
const withoutCuda = {
  area: 'gpu',
  title: 'GPU',
  status: 'missing',
  text: 'TensorFlow has no CUDA.',
  command: 'forget-me-not runtime install --gpu',
};

/** The messages after a report, and the commands behind their buttons. */
async function offered(report: { chosenBackend: string; checks?: object[] }) {
  const messages: string[] = [];
  const buttons: { run: () => unknown }[] = [];
  const notify = async (_: string, message: string, button: { run: () => unknown }) =>
    void (messages.push(message), buttons.push(button));
  const answer = { summary: '', version: '', checks: [], backends: [tensorflow], ...report };
  const context = { children: { ask: async () => answer }, log: { notify } };
  await showDoctor(context as never);
  const executeCommand = vi.spyOn(commands, 'executeCommand');
  for (const { run } of buttons) await run();
  const run = [...executeCommand.mock.calls] as unknown[][];
  executeCommand.mockRestore();
  return { messages, run };
}

it('offers TensorFlow where training would otherwise run on wasm', async () => {
  expect(await offered({ chosenBackend: 'wasm' })).toEqual({
    messages: ['TensorFlow is not installed.'],
    run: [['forgetMeNot.installRuntime']],
  });
});

it('offers the one with CUDA if that is what the GPU lacks', async () => {
  expect(await offered({ chosenBackend: 'tensorflow', checks: [withoutCuda] })).toEqual({
    messages: ['TensorFlow has no CUDA.'],
    run: [['forgetMeNot.installRuntime', 'gpu']],
  });
});

it('offers nothing where a GPU trains', async () => {
  expect(await offered({ chosenBackend: 'webgpu' })).toEqual({ messages: [], run: [] });
});
