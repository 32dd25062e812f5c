/** A run's owner and the process that trains for it: either may be killed, and the memory is given back. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunState } from '../../src/protocol/run.ts';
import { readState } from '../../src/runs/files.ts';
import { hasEnded } from '../../src/findings/run-status.ts';
import type { Workplace } from '../support/cli.ts';
import { processes } from '../support/processes.ts';
import { openTraining } from '../support/trainer.ts';
import { until } from '../support/until.ts';

let place: Workplace;
let base: string;
let code: string;
beforeAll(async () => void ({ place, base, code } = await openTraining()));
afterAll(() => place?.dispose());

const small =
  '--strength 1 --backend wasm --seq 64 --eval-every 4 --humaneval 0 --held-out-windows 2 --lr 3e-3 --eval-tasks none';
const start = (...args: string[]) =>
  place.json<{ run: string; dir: string }>(
    ...['train', code, '--base', base, ...small.split(' '), '--detach', ...args],
  );
/** The state of a run once it is as wanted. Throws if it has ended otherwise. */
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
const trainingOf = (dir: string) => processesWith('training-worker.mjs', dir);

describe.skipIf(process.platform !== 'linux')('the process that trains', () => {
  it('is gone when the result is measured, and its owner holds next to nothing', async () => {
    const { dir } = await start('--steps', '4', '--retention', '2');
    const { pid } = await untilState(dir, ({ status }) => status === 'evaluating');
    expect(await trainingOf(dir)).toEqual([]);
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    expect(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1])).toBeLessThan(120_000);
    await untilState(dir, (state) => state.status === 'done');
  });

  it('is missed when it is killed, and ends with its owner; the run goes on from its checkpoint', async () => {
    const { run, dir } = await start('--steps', '2000');
    await untilState(dir, ({ step }) => step >= 5);
    const [training] = await trainingOf(dir);
    process.kill(training!, 'SIGKILL');
    const { error } = await untilState(dir, ({ status }) => status === 'failed');
    expect(error).toMatchObject({ code: 'memory', next: expect.stringContaining(`resume ${run}`) });

    await place.json('resume', run, '--detach');
    const { pid, step } = await untilState(dir, (state) => state.status === 'running' && state.step >= 8);
    expect(step).toBeGreaterThanOrEqual(8);
    process.kill(pid!, 'SIGKILL');
    await until('the training process to end', async () => (await trainingOf(dir)).length === 0, {
      everyMs: 20,
    });

    await place.json('resume', run, '--detach');
    await untilState(dir, (state) => state.status === 'running' && state.pid !== pid && state.step >= 12);
    await place.json('cancel', run);
    await untilState(dir, ({ status }) => status === 'cancelled');
    expect(await trainingOf(dir)).toEqual([]);
  });
});
