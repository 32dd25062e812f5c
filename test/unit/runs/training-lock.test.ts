import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { processStart } from '../../../src/runs/processes.ts';
import { joinTraining, trainingNow, trainingRun, withTraining } from '../../../src/runs/training-lock.ts';
import { deadPid, useTemporaryHome } from './help.ts';

const home = useTemporaryHome();
const file = () => join(home.path(), 'training.lock');

const children: ChildProcess[] = [];
afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));

/** A living process that is not ours. */
function stranger(): number {
  const script = join(home.path(), 'wait.mjs');
  writeFileSync(script, 'setInterval(() => {}, 1000);');
  const child = fork(script, { execArgv: [] });
  children.push(child);
  return child.pid!;
}

const never = () => {
  throw new Error('it has a parent, or needs none');
};
const forever = () => new Promise<void>(() => undefined);

it('if many start at once, one trains and the others are told which', async () => {
  let end = () => {};
  const ends = new Promise<void>((resolve) => (end = resolve));
  // Not before all have tried: one that came after the end would train as well.
  let asked = 0;
  const answered = () => void ((asked += 1) === 8 && end());
  const outcomes = Array.from({ length: 8 }, (_, index) =>
    withTraining(`The training of garden${index}`, () => (answered(), ends)).then(
      () => 'trained',
      (error: { code: string; message: string }) => {
        answered();
        expect(error.message).toMatch(/^The training of garden\d is in progress on this machine/);
        return error.code;
      },
    ),
  );
  expect((await Promise.all(outcomes)).sort()).toEqual([...Array(7).fill('training-busy'), 'trained'].sort());
  expect(existsSync(file())).toBe(false);
});

it('is handed over to a trainer; a second one is told how to stop it', async () => {
  const pid = stranger();
  await withTraining('The training of garden', (lock) => lock.handOver(pid, '2026-lora-ab12'));
  expect(await trainingNow()).toBe('Run 2026-lora-ab12');
  await expect(withTraining('The training of shed', forever)).rejects.toMatchObject({
    code: 'training-busy',
    message: expect.stringContaining('Run 2026-lora-ab12 is in progress'),
    next: expect.stringContaining('{cancel 2026-lora-ab12}'),
  });
  // A trainer started by hand is rejected as well.
  await expect(joinTraining('2026-lora-cd34', never)).rejects.toMatchObject({ code: 'training-busy' });
});

it('a trainer runs under the lock of the command that started it, and leaves it in place', async () => {
  writeFileSync(
    file(),
    JSON.stringify({
      pid: process.ppid,
      started: processStart(process.ppid),
      token: 'a',
      what: 'A reproduction',
    }),
  );
  await (await joinTraining('2026-lora-ab12', never)).release();
  expect(await trainingNow()).toBe('A reproduction');
});

it("a trainer of another container does not run under the lock, though its parent's pid is the same", async () => {
  const owner = { pid: process.ppid, machine: '0123456789ab', token: 'a', what: 'A reproduction' };
  writeFileSync(file(), JSON.stringify(owner));
  await expect(joinTraining('2026-lora-ab12', never)).rejects.toMatchObject({ code: 'training-busy' });
});

it('a trainer releases a lock that was handed over', async () => {
  await withTraining('The training of garden', (lock) => lock.handOver(process.pid, '2026-lora-ab12'));
  expect(await trainingNow()).toBe('Run 2026-lora-ab12');
  await (await joinTraining('2026-lora-ab12', never)).release();
  expect(await trainingNow()).toBeUndefined();
});

it('is taken over from a killed trainer', async () => {
  writeFileSync(file(), JSON.stringify({ pid: deadPid, token: 'a', what: 'Run 2026-lora-ab12' }));
  expect(await trainingNow()).toBeUndefined();
  expect(await withTraining('The training of garden', async () => trainingNow())).toBe(
    'The training of garden',
  );
});

it('is kept for a trainer whose command was killed, and named after its run', async () => {
  const trainer = stranger();
  await withTraining('A reproduction', async (lock) => {
    await lock.share(trainer, '2026-lora-ab12');
    expect(await trainingNow()).toBe('A reproduction');
    expect(await trainingRun()).toEqual({ run: '2026-lora-ab12' });
    // As it is after this process has been killed.
    const text = readFileSync(file(), 'utf8').replace(`"pid":${process.pid}`, `"pid":${deadPid}`);
    writeFileSync(file(), text);
    expect(await trainingNow()).toBe('Run 2026-lora-ab12');
    await expect(withTraining('The training of shed', forever)).rejects.toMatchObject({
      code: 'training-busy',
      next: expect.stringContaining('{cancel 2026-lora-ab12}'),
    });
    process.kill(trainer, 'SIGKILL');
    await expect.poll(() => trainingNow()).toBeUndefined();
    expect(await withTraining('The training of shed', () => trainingNow())).toBe('The training of shed');
  });
});

it('is released by the command that shared it', async () => {
  await withTraining('A reproduction', (lock) => lock.share(stranger(), '2026-lora-ab12'));
  expect(existsSync(file())).toBe(false);
});

it('a trainer is told at once if its command was killed before it began', async () => {
  const heir = { pid: process.pid, started: processStart(process.pid), what: 'Run 2026-lora-ab12' };
  writeFileSync(file(), JSON.stringify({ pid: deadPid, token: 'a', what: 'A reproduction', heir }));
  const orphaned = vi.fn();
  const joined = await joinTraining('2026-lora-ab12', orphaned);
  expect(orphaned).toHaveBeenCalledOnce();
  await joined.release();
  expect(existsSync(file())).toBe(false);
});
