import { expect, it, vi } from 'vitest';
import { guessThreads } from '../../../src/serving/threads/threads.ts';
import { IdleMeasuring } from '../../../src/serving/threads/idle-measuring.ts';

/** A host with `requests` requests before each poll, next to other programs that keep `others` processors busy. */
function idleHost(outcomes: (boolean | Error)[], gpuMayBeFree = () => Promise.resolve(false)) {
  const statistics = { requests: 0, active: 0 };
  const state = { others: 0, measured: 0 };
  const host = {
    statistics: statistics as never,
    gpuMayBeFree,
    async measureThreads() {
      state.measured += 1;
      const outcome = outcomes.shift() ?? true;
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  };
  const onGpuFree = vi.fn();
  const measuring = new IdleMeasuring(host, onGpuFree, () => () => state.others);
  return {
    state,
    onGpuFree,
    /** The number of measurements after `count` polls. */
    async looks(count: number, requests = 0): Promise<number> {
      for (let look = 0; look < count; look += 1) {
        statistics.requests += requests;
        await measuring.check();
      }
      return state.measured;
    },
  };
}

it('the number of threads is measured after some polls without requests', async () => {
  const { looks } = idleHost([]);
  expect(await looks(10, 1)).toBe(0);
  expect(await looks(3)).toBe(0);
  expect(await looks(1)).toBe(1);
});

it('not while other programs are busy', async () => {
  const { looks, state } = idleHost([]);
  state.others = 0.5;
  expect(await looks(20)).toBe(0);
  state.others = 0;
  expect(await looks(5)).toBe(1);
});

it('a measurement that was interrupted, or disturbed by other programs, is repeated', async () => {
  const { looks } = idleHost([new DOMException('Asked.', 'AbortError'), false]);
  expect(await looks(5)).toBe(1);
  expect(await looks(4)).toBe(2);
  expect(await looks(4)).toBe(3);
});

it('a server that was kept from the GPU makes way once that is over and it is idle', async () => {
  let isFree = false;
  const { looks, onGpuFree } = idleHost([], () => Promise.resolve(isFree));
  expect(await looks(20)).toBe(1);
  isFree = true;
  await looks(10, 1);
  expect(onGpuFree).not.toHaveBeenCalled();
  await looks(4);
  expect(onGpuFree).toHaveBeenCalledOnce();
});

it('any other server stays', async () => {
  const { looks, onGpuFree } = idleHost([]);
  expect(await looks(20)).toBe(1);
  expect(onGpuFree).not.toHaveBeenCalled();
});

it.each([
  ['two quiet cores', { cores: 2, all: 2, others: 0.2 }, 2],
  ['a core of two is busy', { cores: 2, all: 2, others: 1 }, 1],
  ['both are', { cores: 2, all: 2, others: 1.9 }, 1],
  ['one core', { cores: 1, all: 1, others: 0 }, 1],
  ['eight quiet ones', { cores: 8, all: 8, others: 0.3 }, 4],
  ['eight, six busy', { cores: 8, all: 8, others: 6 }, 2],
  ['two of eight are allowed', { cores: 2, all: 8, others: 4 }, 2],
])('guesses the number of threads: %s', (_, machine, threads) => {
  expect(guessThreads(machine)).toBe(threads);
});
