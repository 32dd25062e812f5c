/** In an untrusted workspace, nothing trains and nothing serves, whoever calls a command. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { registerCommands } from '../../../src/extension/commands/table.ts';
import type { Context } from '../../../src/extension/context.ts';
import { commands, workspace } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

const packageJSON = JSON.parse(readFileSync('package.json', 'utf8')) as unknown;
let refused: string[];
let ran: string[];
beforeEach(() => {
  workspace.isTrusted = false;
  refused = [];
  ran = [];
  registerCommands({
    extension: { extension: { packageJSON } },
    log: {
      showError: (error: Error) => refused.push(error.message),
      channel: { show: () => ran.push('log') },
    },
    panel: { show: () => ran.push('panel') },
  } as unknown as Context);
});
afterEach(() => {
  workspace.isTrusted = true;
});

it.each([
  'fineTune',
  'findLearningRate',
  'useForCompletion',
  'measureResult',
  'measureCommits',
  'resumeTraining',
  'importAdapter',
  'completeUntuned',
  'completionOn',
  'switchAdapter',
  'installRuntime',
  'installGpu',
  'fetchBase',
])('%s is refused', async (name) => {
  await commands.registered.get(`forgetMeNot.${name}`)!();
  expect(refused).toEqual(['This workspace is not trusted.']);
});

it('runs and logs can be viewed', async () => {
  await commands.registered.get('forgetMeNot.showResults')!();
  await commands.registered.get('forgetMeNot.showLog')!();
  expect([refused, ran]).toEqual([[], ['panel', 'log']]);
});
