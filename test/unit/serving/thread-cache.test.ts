import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withTraining } from '../../../src/runs/training-lock.ts';
import { cachedThreads } from '../../../src/serving/threads/thread-cache.ts';
import { watchLoad } from '../../../src/platform/machine/machine-load.ts';
import { useTemporaryHome } from '../runs/help.ts';

const home = useTemporaryHome();
const base = () => join(home.path(), 'base.gguf');
const file = () => join(home.path(), 'cache', 'threads.json');
const kept = () =>
  Object.entries(existsSync(file()) ? (JSON.parse(readFileSync(file(), 'utf8')) as object) : {});
const cores = cpus().length;

/** Measures `threads` while other programs keep `others` processors busy. */
async function measured(threads: number, { others = 0, of = cores, gpuLayers = 0 } = {}): Promise<number> {
  if (!existsSync(base())) writeFileSync(base(), 'weights');
  const trials = { 1: 20, [threads]: 10 };
  const kept = await cachedThreads(
    { path: base(), gpuLayers },
    of,
    async () => ({ threads, trials }),
    () => () => others,
  );
  return kept.threads;
}

it('what was measured on an idle machine is kept, with its date and what it depends on', async () => {
  expect(await measured(1)).toBe(1);
  expect(await measured(cores + 1)).toBe(1);
  const [[key, value]] = kept() as [[string, object]];
  expect(value).toMatchObject({ measured: expect.stringMatching(/^\d{4}-\d\d-\d\dT/), threads: 1 });
  expect(key).toContain(`${cpus()[0]!.model} ${cores} `);
  expect(key).toContain(' 7 ');
});

it('next to busy programs, a measurement is good for one start and repeated on an idle machine', async () => {
  expect(await measured(1, { others: 0.9 })).toBe(1);
  expect(kept()).toEqual([]);
  expect(await measured(2)).toBe(2);
  expect(kept()).toHaveLength(1);
});

it('says whether the machine was idle', async () => {
  writeFileSync(base(), 'weights');
  const measure = async () => ({ threads: 1, trials: {} });
  const quiet = async (others: number) =>
    (await cachedThreads({ path: base() }, cores, measure, () => () => others)).isQuiet;
  expect(await quiet(0.9)).toBe(false);
  expect(await quiet(0)).toBe(true);
  expect(await quiet(0.9)).toBe(true);
});

it('is not kept if measured during a training', async () => {
  await withTraining('The training of garden', async () => expect(await measured(1)).toBe(1));
  expect(kept()).toEqual([]);
});

it('other programs may use the remaining processors', async () => {
  if (cores === 1) return;
  await measured(1, { others: cores - 1, of: 1 });
  expect(kept()).toHaveLength(1);
});

it('a base that is partly on a GPU is measured separately', async () => {
  await measured(2);
  expect(await measured(1, { gpuLayers: 7 })).toBe(1);
  expect(await measured(3)).toBe(Math.min(2, cores));
});

it('another file, another number of cores and a damaged cache are measured again', async () => {
  await measured(1);
  utimesSync(base(), new Date(1e12), new Date(1e12));
  expect(await measured(2)).toBe(2);
  expect(await measured(1, { of: cores + 1 })).toBe(1);
  expect(kept()).toHaveLength(3);
  writeFileSync(file(), '{"threads":1,"trials":{}}');
  expect(await measured(2)).toBe(2);
});

it('the load of others is the total without this process', () => {
  const readings = [
    { at: 1000, all: 5000, own: 100 },
    { at: 3000, all: 8500, own: 1600 },
  ];
  expect(watchLoad(() => readings.shift()!)()).toBe(1);
  const load = watchLoad();
  for (const end = performance.now() + 60; performance.now() < end;);
  expect(load()).toBeLessThan(cores + 0.5);
});
