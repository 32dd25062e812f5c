/** An owner that ends, or renews its heartbeat, just after its state was read was not interrupted. */
import { expect, it, vi } from 'vitest';
import type * as Status from '../../../src/runs/status.ts';
import { createRun, followRun, RunCache } from '../../../src/runs/index.ts';
import { deadPid, newRun, setState, useTemporaryHome } from './help.ts';

const before = vi.hoisted(() => ({ looking: (): void => undefined }));

/** What happens between reading a state and looking for its owner. */
vi.mock('../../../src/runs/status.ts', async (original) => {
  const status = await original<typeof Status>();
  return {
    ...status,
    isAlive(state: Parameters<typeof Status.isAlive>[0]) {
      before.looking();
      return status.isAlive(state);
    },
  };
});

useTemporaryHome();

async function runThatEndsMeanwhile() {
  const { dir } = await createRun(newRun());
  const heartbeat = new Date().toISOString();
  setState(dir, { status: 'evaluating', step: 30, steps: 30, pid: deadPid, heartbeat });
  before.looking = () => setState(dir, { status: 'done', step: 30, steps: 30 });
  return dir;
}

it('is followed to its end', async () => {
  const dir = await runThatEndsMeanwhile();
  const stop = new AbortController();
  const seen: unknown[] = [];
  await followRun(
    dir,
    ({ state }, alive) => {
      seen.push([state.status, alive]);
      stop.abort();
    },
    stop.signal,
  );
  expect(seen).toEqual([['done', false]]);
});

it('is listed with its end', async () => {
  await runThatEndsMeanwhile();
  const { runs } = await new RunCache().scan(() => true);
  expect(runs.map(({ snapshot, alive }) => [snapshot.state.status, alive])).toEqual([['done', false]]);
});

it('is alive if its heartbeat was too old only when it was read, as after a sleep', async () => {
  const { dir } = await createRun(newRun());
  const setBeat = (time: number, step: number) => {
    const heartbeat = new Date(time).toISOString();
    setState(dir, { status: 'running', step, steps: 30, pid: process.pid, heartbeat });
  };
  setBeat(Date.now() - 3600_000, 9);
  before.looking = () => setBeat(Date.now(), 10);
  const { runs } = await new RunCache().scan(() => true);
  expect(runs.map(({ alive }) => alive)).toEqual([true]);
});
