/** A GPU that is lost during training once, twice or for good. Needs dist/. */
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readState } from '../../src/runs/files.ts';
import type { Workplace } from '../support/cli.ts';
import {
  createSmallRun,
  eventsOf,
  killInTime,
  openTraining,
  startTrainer,
  untilIdle,
  untilTrained,
  warningsOf,
} from '../support/trainer.ts';
import { canTestWebgpu } from '../support/vulkan.ts';

let place: Workplace;
let base: string;
let code: string;
const AT = 'step-000004';

/** Starts a training and returns the run's directory. */
async function train(): Promise<string> {
  const hyper = { steps: 8, sequenceLength: 32, evalEvery: 2 };
  const dir = await createSmallRun({ base, code, hyper, backend: 'webgpu' });
  await startTrainer(dir);
  return dir;
}
const warnings = async (dir: string) => warningsOf(await eventsOf(dir));
const resultOf = (dir: string) => readFile(join(dir, 'adapter.gguf'));

/** The result of a run in training. */
async function trained(dir: string): Promise<Buffer> {
  await untilTrained(dir);
  return resultOf(dir);
}

async function resumed(dir: string): Promise<Buffer> {
  await startTrainer(dir);
  return trained(dir);
}

/** Trainings that start from now on lose their GPU this often, each time after checkpoint AT. */
function lose(times: number): void {
  vi.stubEnv('NODE_OPTIONS', `--import ${pathToFileURL(resolve('test/support/lose-gpu.mjs')).href}`);
  vi.stubEnv('LOSE_AT', AT);
  vi.stubEnv('LOSE_TIMES', String(times));
}

describe.skipIf(!(await canTestWebgpu()))('a GPU that is lost', () => {
  let whole: Buffer;
  beforeAll(async () => {
    ({ place, base, code } = await openTraining());
    vi.stubEnv('FORGET_ME_NOT_HOME', place.home);
    whole = await trained(await train());
  });
  beforeEach(() => void vi.stubEnv('FORGET_ME_NOT_HOME', place.home));
  afterEach(() => vi.unstubAllEnvs());
  afterAll(() => place?.dispose());

  it('once: training continues from the last checkpoint to the same bytes, with a warning', async () => {
    lose(1);
    const dir = await train();
    expect((await trained(dir)).equals(whole)).toBe(true);
    expect(await warnings(dir)).toEqual(['The GPU was lost; training continues from step 4.']);
  });

  it('twice: the run fails with its next step, keeps its checkpoint, and resumes to the same bytes', async () => {
    lose(2);
    const dir = await train();
    await untilIdle(place.home);
    const { status, error } = await readState(dir);
    expect(status).toBe('failed');
    expect(error).toMatchObject({
      code: 'gpu-lost',
      message: 'The GPU was lost twice while training continued from step 4.',
      next: `Check its driver and its temperature, then continue with {resume ${basename(dir)}}.`,
    });
    expect((await resumed(dir)).equals(whole)).toBe(true);
  });

  it('kill -9: the run resumes on the same adapter to the same bytes', async () => {
    const killed = await killedAtStep4();
    expect((await resumed(killed)).equals(whole)).toBe(true);
    expect(await warnings(killed)).toEqual([]);
  });

  // Vulkan's loader only finds the drivers in this variable.
  it.runIf(process.platform === 'linux')(
    'for good: the run resumes on another backend, with a warning',
    async () => {
      const killed = await killedAtStep4();
      vi.stubEnv('VK_DRIVER_FILES', '/nowhere');
      const result = await resumed(killed);
      const [first, last] = (await eventsOf(killed)).filter((event) => event.type === 'start');
      expect(first).toMatchObject({ backend: 'webgpu', step: 0 });
      expect(last!.backend).not.toBe('webgpu');
      expect(last!.backendReason).toContain('No GPU was found');
      expect(await warnings(killed)).toEqual([
        `Resumed on ${last!.backend} from a checkpoint made on webgpu: results will be close, but not identical.`,
      ]);
      expect(result.length).toBe(whole.length);
    },
  );

  /** A run whose trainer was killed at the checkpoint of step 4. */
  const killedAtStep4 = () => killInTime(train, (event) => event.type === 'checkpoint' && event.step === 4);
});
