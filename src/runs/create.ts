import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { runsDir } from '../protocol/paths.ts';
import type { RunEvent } from '../protocol/events.ts';
import { RUN_FORMAT, runSpecSchema, type RunSpec, type RunState } from '../protocol/run.ts';
import { eventsPath, specPath, statePath, writeJson } from './files.ts';
import { timeStamp } from './folders.ts';

export type NewRun = Omit<z.input<typeof runSpecSchema>, 'format' | 'id' | 'createdAt'>;

/**
 * Creates a run directory, complete from its first moment, with the status `queued`; or `done` if `finish` puts the
 * result into the folder and returns its name.
 */
export async function createRun(
  asked: NewRun,
  finish?: (dir: string) => Promise<{ artefact: string }>,
): Promise<{ dir: string; id: string; spec: RunSpec }> {
  const now = new Date();
  await mkdir(runsDir(), { recursive: true });
  const temporary = await mkdtemp(join(runsDir(), '.new-'));
  try {
    const finished = await finish?.(temporary);
    for (;;) {
      const id = newId(asked, now);
      const spec: RunSpec = runSpecSchema.parse({
        format: RUN_FORMAT,
        id,
        createdAt: now.toISOString(),
        ...asked,
      });
      const { steps } = spec.hyper;
      const state: RunState = { status: finished ? 'done' : 'queued', step: finished ? steps : 0, steps };
      await writeJson(specPath(temporary), spec);
      await writeJson(statePath(temporary), state);
      await writeFile(eventsPath(temporary), finished ? doneLine(finished.artefact, steps, now) : '');
      const dir = join(runsDir(), id);
      if (await renameNew(temporary, dir)) return { dir, id, spec };
    }
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** The `done` event of a training that took place elsewhere, so nothing was measured. */
function doneLine(artefact: string, step: number, now: Date): string {
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

/** Renames a folder unless the name is taken; the system refuses that, because a run's folder is never empty. */
async function renameNew(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** "20261125-0112-lora-smollm2-135m-ab12", in local time. */
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
