/** Default runs through the command line, each with a separate data folder, as if it were the first on this machine. */
import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { z } from 'zod';
import { addOptions } from '../../src/cli/options/add-options.ts';
import { trainOptions } from '../../src/training/options/index.ts';
import { evaluateRun } from '../../src/evaluation/evaluate-run.ts';
import { writeByRename } from '../../src/platform/files/write-file.ts';
import { folderNames } from '../../src/runs/folders.ts';
import { isAlive, readRun, readState } from '../../src/runs/index.ts';
import { makeOwnHome } from '../own-home.ts';
import { commandLine } from './command-line.ts';
import { outcomeOf, type Outcome } from './metrics.ts';
import { measuringKey, trainingKey } from './keys.ts';
import { gainDir } from './place.ts';

/** A folder with code, and its names. */
export interface Subject {
  name: string;
  language: string;
  folder: string;
  /** Identifies the content: a checksum, or the folder's path. */
  id: string;
}

export interface Training {
  base: string;
  minutes: number;
  train: readonly string[];
}

export interface Working {
  signal: AbortSignal;
  tell: (text: string) => void;
}

const progressSchema = z.object({
  /** Key of the programs that made the existing measurements. */
  measuredBy: z.string().optional(),
  outcome: z
    .object({
      whyNot: z.string().optional(),
      strength: z.number().optional(),
      steps: z.number(),
      seconds: z.object({ training: z.number(), measuring: z.number() }),
    })
    .optional(),
  /** Whether metrics of the run may be missing although its status is done. */
  incomplete: z.boolean().default(false),
  /** Completed additional measurements: the limit of items for each task. */
  evaluated: z.record(z.string(), z.number()).default({}),
});
type Progress = z.infer<typeof progressSchema>;

export interface DefaultRun {
  /** The benchmark's folder for it, which contains the run's data folder. */
  place: string;
  home: string;
  dir: string;
  outcome: Outcome;
  progress: Progress;
  keep(news: Partial<Progress>): Promise<void>;
}

const POLL_MS = 2000;

/**
 * A finished run and what it decided about its result. Starts or resumes the run if needed. If the programs that
 * measure have changed since, the result is measured again, as by a run. Errors: crashed, cancelled, run-damaged.
 */
export async function defaultRun(
  subject: Subject,
  { base, minutes, train }: Training,
  working: Working,
): Promise<DefaultRun> {
  const { name, id } = subject;
  const place = join(gainDir(), 'runs', `${name}-${await runKey([id, base, minutes, train])}`);
  const home = join(place, 'home');
  await makeOwnHome(home);
  const path = join(place, 'progress.json');
  const progress = await readProgress(path);
  const keep = (news: Partial<Progress>) =>
    writeByRename(path, JSON.stringify(Object.assign(progress, news)));

  const measuredBy = await measuringKey();
  if (progress.measuredBy !== measuredBy) {
    const before = await runIn(home);
    if (before) await rm(join(before, 'evaluation'), { recursive: true, force: true });
    await keep({ measuredBy, outcome: undefined, evaluated: {}, incomplete: before !== undefined });
  }
  const how = ['--base', base, '--minutes', String(minutes), ...train];
  const dir = await trained(home, subject, how, working).catch(async (error: unknown) => {
    // It may have been measuring its result.
    if (working.signal.aborted) await keep({ incomplete: true });
    throw error;
  });
  if (!progress.outcome) {
    if (progress.incomplete) {
      working.tell(`${name}: measuring the result`);
      await evaluateRun(dir, { timed: true, signal: working.signal });
    }
    // Recorded before any additional measurements.
    await keep({ outcome: outcomeOf(await readRun(dir)), incomplete: false });
  }
  return { place, home, dir, outcome: progress.outcome!, progress, keep };
}

/** The key of a run that depends on `known`, the defaults, and the program that trains. */
export const runKey = (known: readonly unknown[]): Promise<string> =>
  trainingKey([known, addOptions(new Command(), trainOptions).opts()]);

async function readProgress(path: string): Promise<Progress> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  return progressSchema.parse(JSON.parse(text));
}

/** The directory of a run in `home`, counted from the oldest; undefined if there is none yet. */
const runIn = async (home: string, index = 0): Promise<string | undefined> =>
  (await folderNames(join(home, 'runs'))).sort().map((id) => join(home, 'runs', id))[index];

/** The directory of that run, which is started with the options `how` or resumed if needed. */
export async function trained(
  home: string,
  { name, folder }: Pick<Subject, 'name' | 'folder'>,
  how: readonly string[],
  { signal, tell }: Working,
  index = 0,
): Promise<string> {
  let run = await runIn(home, index);
  if (!run) {
    tell(`${name}: training`);
    await commandLine(home, ['train', folder, '--yes', ...how], signal);
    run = (await runIn(home, index))!;
  }
  // If its command was killed, the run's processes may still be working: wait for them.
  while (isAlive(await readState(run))) await setTimeout(POLL_MS, undefined, { signal });
  if ((await readState(run)).status !== 'done') {
    tell(`${name}: continuing the training`);
    await commandLine(home, ['resume', run], signal);
  }
  return run;
}

/** The absolute path of a base file, independent of the current folder; other names stay unchanged. */
export const fullBase = (base: string): string =>
  /\.gguf$/i.test(base) && !base.includes(':') ? resolve(base) : base;
