import { mkdtemp, rm, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Sweeps } from '../../../src/extension/panel/sweeps.ts';
import { UserError } from '../../../src/text/errors.ts';
import { makeSweep } from '../webview/fixtures.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'forget-me-not-sweeps-'));
  vi.stubEnv('FORGET_ME_NOT_HOME', home);
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

const later = () => vi.advanceTimersByTime(60_000);
const folder = join('sweeps', 'a');
const addTrial = async () => {
  await mkdir(join(home, folder), { recursive: true });
  await writeFile(join(home, folder, 'trials.jsonl'), '{}\n', { flag: 'a' });
};

function panelSweeps(answer: () => Promise<unknown>) {
  const asked = vi.fn(answer);
  const changed = vi.fn();
  const warn = vi.fn();
  const services = { children: { ask: asked }, log: { warn } } as never;
  return { sweeps: new Sweeps(services, changed), asked, changed, warn };
}

it('asks a child process only if a sweep has changed', async () => {
  const found = [makeSweep()];
  const { sweeps, asked, changed } = panelSweeps(() => Promise.resolve(found));
  await sweeps.refresh();
  expect(asked).not.toHaveBeenCalled();
  await addTrial();
  await sweeps.refresh();
  expect(asked).not.toHaveBeenCalled();
  later();
  await sweeps.refresh();
  expect(sweeps.all).toBe(found);
  expect(changed).toHaveBeenCalledOnce();
  later();
  await sweeps.refresh();
  expect(asked).toHaveBeenCalledOnce();
  await addTrial();
  later();
  await sweeps.refresh();
  expect(asked).toHaveBeenCalledTimes(2);
  await rm(join(home, folder), { recursive: true });
  later();
  await sweeps.refresh();
  expect(asked).toHaveBeenCalledTimes(2);
  expect(sweeps.all).toEqual([]);
});

it('asks again if the child process failed', async () => {
  await addTrial();
  const { sweeps, warn, asked } = panelSweeps(() =>
    Promise.reject(new UserError('internal', 'It broke.', 'Retry.')),
  );
  await sweeps.refresh();
  expect(sweeps.all).toEqual([]);
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('It broke.'));
  later();
  await sweeps.refresh();
  expect(asked).toHaveBeenCalledTimes(2);
});
