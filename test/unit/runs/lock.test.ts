/** Which process takes over a lock, even if one of them is paused in the middle of it. */
import type * as fs from 'node:fs/promises';
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { lockOwner, readOwner, takeLock } from '../../../src/runs/lock.ts';
import { deadPid } from './help.ts';

const files = vi.hoisted(() => ({
  beforeRm: (() => Promise.resolve()) as (path: string) => Promise<void>,
}));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>();
  const rm: typeof real.rm = (path, options) =>
    files.beforeRm(String(path)).then(() => real.rm(path, options));
  return { ...real, rm };
});

let dir: string;
const path = () => join(dir, 'lock');
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fmn-lock-'));
  writeFileSync(path(), JSON.stringify({ pid: deadPid, token: 'old' }));
});
afterEach(() => {
  files.beforeRm = () => Promise.resolve();
  rmSync(dir, { recursive: true });
});
const take = () => takeLock(path(), (holder) => new Error(`held by ${holder?.pid}`));

it('one that is paused during a takeover takes nothing from its successor when it continues', async () => {
  let resume = () => {};
  const stopped = new Promise<void>((reached) => {
    files.beforeRm = async (removed) => {
      if (removed !== path()) return;
      files.beforeRm = () => Promise.resolve();
      reached();
      await new Promise<void>((resolve) => (resume = resolve));
    };
  });
  const first = take();
  await stopped;
  // It has been paused for a long time.
  const before = new Date(Date.now() - 3600_000);
  for (const name of readdirSync(dir)) utimesSync(join(dir, name), before, before);
  const second = await take().catch((error: Error) => error);
  resume();
  const results = [second, await first.catch((error: Error) => error)];
  const holders = results.flatMap((result) => (result instanceof Error ? [] : [result]));
  expect(holders).toHaveLength(1);
  expect((await readOwner(path()))?.token).toBe(holders[0]!.token);
});

it.each([
  ['long ago', -3600_000],
  ['by a clock that was ahead', 3600_000],
])('a takeover killed %s blocks nobody, and nothing of it is left', async (_, age) => {
  // As a process leaves it if it is killed where the first one above was paused.
  let reached = () => {};
  const killed = new Promise<void>((resolve) => (reached = resolve));
  files.beforeRm = (removed) => {
    if (removed !== path()) return Promise.resolve();
    reached();
    return new Promise(() => undefined);
  };
  void take();
  await killed;
  files.beforeRm = () => Promise.resolve();
  for (const name of readdirSync(dir)) {
    const text = JSON.stringify({ pid: deadPid, token: 'killed' });
    if (name !== 'lock') writeFileSync(join(dir, name), text);
    const time = new Date(Date.now() + age);
    utimesSync(join(dir, name), time, time);
  }
  const { token, release } = await take();
  expect((await readOwner(path()))?.token).toBe(token);
  expect(readdirSync(dir)).toEqual(['lock']);
  await release();
  expect(readdirSync(dir)).toEqual([]);
});

it("a lock that can't be read is taken over", async () => {
  writeFileSync(path(), '{"pid":');
  await (await take()).release();
  expect(readdirSync(dir)).toEqual([]);
});

it('a lock from before the last boot is taken over where the system does not report start times', async () => {
  const { platform } = process;
  Object.defineProperty(process, 'platform', { value: 'win32' });
  onTestFinished(() => void Object.defineProperty(process, 'platform', { value: platform }));
  writeFileSync(path(), JSON.stringify({ pid: process.ppid, token: 'old' }));
  expect(await lockOwner(path())).toMatchObject({ pid: process.ppid });
  utimesSync(path(), 1, 1);
  expect(await lockOwner(path())).toBeUndefined();
  await (await take()).release();
});

/** Makes the lock look as if nobody had renewed it for a minute. */
function makeOld(): void {
  const before = new Date(Date.now() - 60_000);
  utimesSync(path(), before, before);
}

it('a holder of another machine or container keeps its lock while it renews it', async () => {
  writeFileSync(path(), JSON.stringify({ pid: deadPid, machine: '0123456789ab', token: 'theirs' }));
  await expect(take()).rejects.toThrow(`held by ${deadPid}`);
  makeOld();
  await (await take()).release();
});

it('a holder renews its lock', async () => {
  const { release } = await take();
  makeOld();
  const ageNow = () => Date.now() - statSync(path()).mtimeMs;
  await expect.poll(ageNow, { timeout: 10_000 }).toBeLessThan(15_000);
  await release();
});
