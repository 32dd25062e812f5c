import { beforeEach, expect, test, vi } from 'vitest';
import { deleteRun } from '../../../src/extension/commands/delete-run.ts';
import type { ServicesWithCompletion } from '../../../src/extension/completion/completion-service.ts';
import { UserError } from '../../../src/text/errors.ts';
import { makeRun } from '../webview/fixtures.ts';
import { answers, reset, shown } from './fake-vscode.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));
beforeEach(reset);

const run = makeRun({ id: 'garden' });
const QUESTION = `Delete the run ${run.spec.name}? That frees 1.2 GB. [Delete]`;
const DELETED = `The run ${run.spec.name} is deleted.`;

/** `inUse`: what completes here; `chosen`: what would, if no remote server did; `refusal`: of the command line. */
function fakeServices({ inUse = '', chosen = '', refusal = undefined as Error | undefined } = {}) {
  const asked: string[] = [];
  const errors: string[] = [];
  const refresh = vi.fn(() => Promise.resolve());
  const services = {
    runs: { all: [run], get: () => run, statusOf: () => 'done', refresh },
    store: { inUse: chosen },
    completion: { inUse: { id: inUse } },
    children: {
      ask(_: unknown, args: string[]) {
        asked.push(args.join(' '));
        return refusal ? Promise.reject(refusal) : Promise.resolve({ bytes: 1.2e9 });
      },
    },
    log: { showError: (error: Error) => errors.push(error.message) },
  };
  return { services: services as unknown as ServicesWithCompletion, asked, errors, refresh };
}

test('asks with the size that is freed, deletes, and reads the runs again', async () => {
  answers.push('Delete');
  const { services, asked, refresh } = fakeServices();
  await deleteRun(services, 'garden');
  expect(shown).toEqual([QUESTION, DELETED]);
  expect(asked).toEqual(['runs delete garden --dry-run', 'runs delete garden --yes']);
  // Once to find the run, once after it is gone.
  expect(refresh).toHaveBeenCalledTimes(2);
});

test('deletes nothing without a yes', async () => {
  answers.push(undefined);
  const { services, asked } = fakeServices();
  await deleteRun(services, 'garden');
  expect(shown).toEqual([QUESTION]);
  expect(asked).toEqual(['runs delete garden --dry-run']);
});

test.each([
  ['in use', 'garden', ''],
  ['chosen, though a server elsewhere completes now', 'elsewhere', 'garden'],
])('refuses a run that is %s without asking', async (_, inUse, chosen) => {
  const { services, asked, errors } = fakeServices({ inUse, chosen });
  await deleteRun(services, 'garden');
  expect(errors).toEqual([`${run.spec.name} is in use for completion.`]);
  expect([asked, shown]).toEqual([[], []]);
});

test('a run in progress is refused by the command line before anything is asked', async () => {
  const refusal = new UserError('run-locked', 'It is still in progress.', 'Wait.');
  const { services } = fakeServices({ refusal });
  await expect(deleteRun(services, 'garden')).rejects.toBe(refusal);
  expect(shown).toEqual([]);
});
