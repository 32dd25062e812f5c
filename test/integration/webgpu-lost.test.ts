/** A GPU that goes away in mid-run, once, twice, for good; through the real trainer. Needs dist/ (npm test builds it). */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunEvent } from '../../src/protocol/events.ts';
import { readState } from '../../src/runs/files.ts';
import type { Workplace } from '../support/cli.ts';
import {
  eventsOf,
  killedInTime,
  openTraining,
  untilFree,
  untilMade,
  warningsOf,
} from '../support/trainer.ts';
import { canTestWebgpu } from '../support/vulkan.ts';

interface Started {
  run: string;
  dir: string;
}

let place: Workplace;
let base: string;
let code: string;
const options =
  '--backend webgpu --steps 8 --seq 32 --eval-every 2 --strength 1 --humaneval 0 --retention 0 --held-out-windows 1 --lr 3e-3 --eval-tasks none';
const AT = 'step-000004';

const train = () => place.json<Started>('train', code, '--base', base, '--detach', ...options.split(' '));
const resume = (run: string) => place.json<Started>('resume', run, '--detach');
const warnedOf = async ({ dir }: Started) => warningsOf(await eventsOf(dir));
const adapterOf = ({ dir }: Started) => readFile(join(dir, 'adapter.gguf'));

async function made(run: Started): Promise<Buffer> {
  await untilMade(run.dir);
  return adapterOf(run);
}

/** The GPU of the trainings that are started from now on is lost so often, each time from that checkpoint on. */
function lose(times: number): void {
  vi.stubEnv('NODE_OPTIONS', `--import ${pathToFileURL(resolve('test/support/lose-gpu.mjs')).href}`);
  vi.stubEnv('LOSE_AT', AT);
  vi.stubEnv('LOSE_TIMES', String(times));
}

describe.skipIf(!(await canTestWebgpu()))('a GPU that goes away', () => {
  let whole: Buffer;
  beforeAll(async () => {
    ({ place, base, code } = await openTraining());
    whole = await made(await train());
  });
  afterEach(() => vi.unstubAllEnvs());
  afterAll(() => place?.dispose());

  it('once: training goes on from the last checkpoint, to the same bytes, and says so', async () => {
    lose(1);
    const run = await train();
    expect((await made(run)).equals(whole)).toBe(true);
    expect(await warnedOf(run)).toEqual(['The GPU went away; training goes on from step 4.']);
  });

  it('twice: the run ends in a sentence, keeps its checkpoint, and is resumed to the same bytes', async () => {
    lose(2);
    const run = await train();
    await untilFree(place.home);
    const { status, error } = await readState(run.dir);
    expect(status).toBe('failed');
    expect(error).toMatchObject({
      code: 'gpu-lost',
      message: 'The GPU went away twice while training went on from step 4.',
      next: `Look at its driver and its temperature, then go on with {resume ${run.run}}.`,
    });
    expect((await made(await resume(run.run))).equals(whole)).toBe(true);
  });

  it('kill -9 and the same adapter: the same bytes', async () => {
    const killed = await killed4();
    expect((await made(await resume(killed.run))).equals(whole)).toBe(true);
    expect(await warnedOf(killed)).toEqual([]);
  });

  // Vulkan's loader finds the drivers that this variable names.
  it.runIf(process.platform === 'linux')(
    'for good: it is resumed on another backend, and says so',
    async () => {
      const killed = await killed4();
      vi.stubEnv('VK_DRIVER_FILES', '/nowhere');
      const resumed = await resume(killed.run);
      await untilMade(resumed.dir);
      const [first, last] = (await eventsOf(resumed.dir)).filter((event) => event.type === 'start');
      expect(first).toMatchObject({ backend: 'webgpu', step: 0 });
      expect(last!.backend).not.toBe('webgpu');
      expect(last!.backendReason).toContain('No GPU was found');
      expect(await warnedOf(resumed)).toEqual([
        `Resumed on ${last!.backend} from a checkpoint made on webgpu: results will be close, but not identical.`,
      ]);
      const result = await adapterOf(resumed);
      expect(result.length).toBe(whole.length);
    },
  );

  const killed4 = () =>
    killedInTime(train, (event: RunEvent) => event.type === 'checkpoint' && event.step === 4);
});
