/** A training that loses its GPU: how often it is restarted, and when it ends. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UserError } from '../../../src/text/errors.ts';
import type { NewRunEvent } from '../../../src/protocol/events.ts';
import { checkpointPath } from '../../../src/training/checkpoints/store.ts';
import { retryAfterGpuLoss } from '../../../src/training/process/through-losses.ts';

let dir: string;
let events: NewRunEvent[];
beforeEach(async () => {
  dir = await mkdtemp(`${tmpdir()}/fmn-losses-`);
  events = [];
});
afterEach(() => rm(dir, { recursive: true }));

const writer = { event: (event: NewRunEvent) => Promise.resolve(void events.push(event)) };
const lost = () =>
  new UserError('gpu-lost', 'The GPU was lost during the computation (reset).', 'Go on with {resume}.');

/** Each part of a training: the step of a checkpoint that it writes, if any, and the error that ends it. */
function training(...parts: [step: number | undefined, error?: Error][]) {
  const cancel = new AbortController();
  const train = async () => {
    const [step, error] = parts.shift()!;
    if (step) await mkdir(checkpointPath(dir, step), { recursive: true });
    if (error) throw error;
    return 'done';
  };
  return { cancel, result: () => retryAfterGpuLoss(dir, writer, cancel.signal, train) };
}

it('continues as long as each part gets further', async () => {
  expect(await training([4, lost()], [8, lost()], [undefined]).result()).toBe('done');
  expect(events.map((event) => 'message' in event && event.message)).toEqual([
    'The GPU was lost; training continues from step 4.',
    'The GPU was lost; training continues from step 8.',
  ]);
});

it('ends if it is lost twice at the same place, even before the first checkpoint', async () => {
  const twice = { code: 'gpu-lost', message: expect.stringContaining('twice') as string };
  await expect(training([4, lost()], [undefined, lost()]).result()).rejects.toMatchObject(twice);
  await rm(dir, { recursive: true });
  await mkdir(dir);
  await expect(training([undefined, lost()], [undefined, lost()]).result()).rejects.toMatchObject(twice);
});

it('does not handle other errors and cancelled runs', async () => {
  const full = new UserError('memory', 'The GPU does not have enough memory for this.', '');
  await expect(training([4, full]).result()).rejects.toBe(full);
  const cancelled = training([4, lost()]);
  cancelled.cancel.abort();
  await expect(cancelled.result()).rejects.toMatchObject({ code: 'gpu-lost' });
  expect(events).toEqual([]);
});
