import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { survivingEvents } from '../../../src/protocol/events.ts';
import { createRun, openRunWriter, readRun } from '../../../src/runs/index.ts';
import { EVALUATING, trainedBefore } from '../../../src/training/process/trained-before.ts';
import { newRun, startEvent, stepEvent, useTemporaryHome } from '../runs/help.ts';

useTemporaryHome();

it('is the result of a run that was interrupted while it was measured, and only of such a run', async () => {
  const { dir } = await createRun(newRun());
  const writer = await openRunWriter(dir);
  const resumed = async () => {
    // As queueRun leaves it.
    await writer.state({ status: 'queued', phase: undefined });
    return trainedBefore(dir, writer);
  };
  await writer.event(startEvent(0));
  await writer.event({ type: 'phase', phase: 'Training' });
  for (const step of [29, 30]) await writer.event(stepEvent(step));
  await writer.state({ step: 30 });
  writeFileSync(join(dir, 'adapter.gguf'), '');
  expect(await resumed()).toBeUndefined();
  await writer.event({ type: 'phase', phase: EVALUATING });
  const trained = { step: 30, tokensPerSecond: 100, peakMemory: 1e9, artefact: 'adapter.gguf' };
  expect(await resumed()).toEqual(trained);
  // Interrupted again.
  expect(await resumed()).toEqual(trained);
  const { events } = await readRun(dir);
  const timeOf = (type: string) => events.findLast((event) => event.type === type)!.time;
  expect(timeOf('start') > timeOf('step')).toBe(true);
  expect(survivingEvents(events).flatMap((event) => (event.type === 'step' ? event.step : []))).toEqual([
    29, 30,
  ]);
  await writer.event({ type: 'phase', phase: 'Training, resumed at step 20' });
  expect(await resumed()).toBeUndefined();
  await writer.close();
});

it('is none if its file is gone', async () => {
  const { dir } = await createRun(newRun());
  const writer = await openRunWriter(dir);
  await writer.event(startEvent(0));
  await writer.event({ type: 'phase', phase: EVALUATING });
  expect(await trainedBefore(dir, writer)).toBeUndefined();
  await writer.close();
});
