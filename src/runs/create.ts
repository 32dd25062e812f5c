import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { z } from 'zod';
import { runsDir } from '../platform/files/paths.ts';
import type { RunEvent } from '../protocol/events.ts';
import { foldersFormat } from '../protocol/folders.ts';
import { runSpecSchema, type RunSpec, type RunState } from '../protocol/run.ts';
import { eventsPath, specPath, statePath, writeJson } from './files.ts';
import { createFolder, timeStamp } from './folders.ts';

/** The content of a run that is created already finished. */
interface Finished {
  artefact: string;
  /** The step of its weights; by default the last one requested. */
  step?: number;
  /** The lines of events.jsonl; by default only a `done` event. */
  events?: string;
}

export type NewRun = Omit<z.input<typeof runSpecSchema>, 'format' | 'id' | 'createdAt'>;

/**
 * Creates a run directory atomically, with the status `queued`, or `done` if `finish` is given, which writes the result
 * into the folder and describes it.
 */
export async function createRun(
  asked: NewRun,
  finish?: (dir: string) => Promise<Finished>,
): Promise<{ dir: string; id: string; spec: RunSpec }> {
  const now = new Date();
  const specOf = (id: string): RunSpec =>
    runSpecSchema.parse({ format: foldersFormat(asked), id, createdAt: now.toISOString(), ...asked });
  const dir = await createFolder(
    runsDir(),
    () => newId(asked, now),
    async (temporary, id) => {
      const finished = await finish?.(temporary);
      const spec = specOf(id);
      const steps = finished?.step ?? spec.hyper.steps;
      const state: RunState = { status: finished ? 'done' : 'queued', step: finished ? steps : 0, steps };
      await writeJson(specPath(temporary), spec);
      await writeJson(statePath(temporary), state);
      const events = finished && (finished.events ?? doneEvent(finished.artefact, steps, now));
      await writeFile(eventsPath(temporary), events ?? '');
    },
  );
  const id = basename(dir);
  return { dir, id, spec: specOf(id) };
}

/** The `done` event of a training that took place elsewhere, without measurements. */
function doneEvent(artefact: string, step: number, now: Date): string {
  const done: RunEvent = {
    type: 'done',
    time: now.toISOString(),
    step,
    tokensPerSecond: 0,
    peakMemory: 0,
    seconds: 0,
    artefact,
  };
  return `${JSON.stringify(done)}\n`;
}

/** "20261125-011205-lora-smollm2-135m-ab12", in local time. */
function newId({ hyper, base }: NewRun, now: Date): string {
  const name = base.id
    .split(/[\\/]/)
    .at(-1)!
    .replace(/\.gguf$/i, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 32)
    .replace(/^-+|-+$/g, '');
  return [timeStamp(now), hyper.method, name || 'base', randomBytes(2).toString('hex')].join('-');
}
