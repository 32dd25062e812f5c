/** A run's owner and its training process: either may be killed, and the memory is freed. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunState } from '../../src/protocol/run.ts';
import { cancelRun } from '../../src/runs/index.ts';
import { readState } from '../../src/runs/files.ts';
import { hasEnded } from '../../src/findings/run-status.ts';
import type { Workplace } from '../support/cli.ts';
import { processes } from '../support/processes.ts';
import { createSmallRun, openTraining, startTrainer } from '../support/trainer.ts';
import { until } from '../support/until.ts';

let place: Workplace;
let base: string;
let code: string;
beforeAll(async () => {
  ({ place, base, code } = await openTraining());
  vi.stubEnv('FORGET_ME_NOT_HOME', place.home);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await place?.dispose();
});

async function start(steps: number): Promise<string> {
  const evaluation = { heldOutWindows: 2, retentionTexts: 2 };
  const dir = await createSmallRun({ base, code, hyper: { steps }, evaluation });
  await startTrainer(dir);
  return dir;
}
/** Waits for a state of a run. Throws if the run ends otherwise. */
const untilState = (dir: string, wanted: (state: RunState) => boolean): Promise<RunState> =>
  until(`a state of the run: ${wanted.toString()}`, async () => {
    const state = await readState(dir);
    if (wanted(state)) return state;
    if (hasEnded(state)) throw new Error(`The run ended otherwise: ${JSON.stringify(state)}`);
    return undefined;
  });

/** Processes that have all of `words` among their arguments. */
async function processesWith(...words: string[]): Promise<number[]> {
  const found = (await processes()).filter(({ args }) =>
    words.every((word) => args.some((one) => one.endsWith(word))),
  );
  return found.map(({ pid }) => pid);
}
const workersOf = (dir: string) => processesWith('training-worker.mjs', dir);

describe.skipIf(process.platform !== 'linux')('the training process', () => {
  it('is gone while the result is measured, and its owner uses little memory', async () => {
    const dir = await start(4);
    const { pid } = await untilState(dir, ({ status }) => status === 'evaluating');
    expect(await workersOf(dir)).toEqual([]);
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    expect(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1])).toBeLessThan(120_000);
    await untilState(dir, (state) => state.status === 'done');
  });

  it('is missed when killed, and ends with its owner; the run resumes from its checkpoint', async () => {
    const dir = await start(2000);
    await untilState(dir, ({ step }) => step >= 5);
    const [training] = await workersOf(dir);
    process.kill(training!, 'SIGKILL');
    const { error } = await untilState(dir, ({ status }) => status === 'failed');
    expect(error).toMatchObject({ code: 'memory', next: expect.stringContaining(`resume ${basename(dir)}`) });

    await startTrainer(dir);
    const { pid, step } = await untilState(dir, (state) => state.status === 'running' && state.step >= 8);
    expect(step).toBeGreaterThanOrEqual(8);
    process.kill(pid!, 'SIGKILL');
    await until('the training process to end', async () => (await workersOf(dir)).length === 0, {
      everyMs: 20,
    });

    await startTrainer(dir);
    await untilState(dir, (state) => state.status === 'running' && state.pid !== pid && state.step >= 12);
    await cancelRun(dir);
    await untilState(dir, ({ status }) => status === 'cancelled');
    expect(await workersOf(dir)).toEqual([]);
  });
});
