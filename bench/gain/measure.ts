/** Measures one repository: a default run through the command line, then more figures than a run measures by itself. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { readEvaluated } from '../../src/evaluation/figures/between-runs.ts';
import { writeByRename } from '../../src/protocol/write-file.ts';
import { folderNames } from '../../src/runs/folders.ts';
import { isAlive, readRun, readState } from '../../src/runs/index.ts';
import { makeOwnHome } from '../own-home.ts';
import { commandLine } from './command-line.ts';
import { outcomeOf, type Measured } from './figures.ts';
import { gainDir } from './place.ts';

export interface GainOptions {
  base: string;
  minutes: number;
  /** Number of lines, and of blocks, at which completions are compared with the actual text. */
  cursors: number;
  /** Number of HumanEval problems. */
  problems: number;
  /** Further options of `train`. */
  train: readonly string[];
}

/** A folder with code, and its names. */
export interface Subject {
  name: string;
  language: string;
  folder: string;
  /** Identifies the content: a checksum, or the folder's path. */
  id: string;
}

const POLL_MS = 2000;

const progressSchema = z.object({
  outcome: z
    .object({
      whyNot: z.string().optional(),
      strength: z.number().optional(),
      seconds: z.object({ training: z.number(), measuring: z.number() }),
    })
    .optional(),
  /** The run was stopped, perhaps while it measured its result: even if its status is done, figures may be missing. */
  stopped: z.boolean().default(false),
  /** The additional measurements that are complete: for each task, its limit of items. */
  evaluated: z.record(z.string(), z.number()).default({}),
});
type Progress = z.infer<typeof progressSchema>;

/** Continues where it stopped; if everything is measured, only reads it. Errors: crashed, cancelled, run-damaged. */
export async function measure(
  subject: Subject,
  options: GainOptions,
  { signal, tell }: { signal: AbortSignal; tell: (text: string) => void },
): Promise<Measured> {
  const { name, language } = subject;
  const { base, minutes, train } = options;
  const place = join(gainDir(), 'measured', `${name}-${await keyOf([subject.id, base, minutes, train])}`);
  const home = join(place, 'home');
  await mkdir(home, { recursive: true });
  await makeOwnHome(home);
  const progressPath = join(place, 'progress.json');
  const progress = await readProgress(progressPath);
  const keep = (news: Partial<Progress>) =>
    writeByRename(progressPath, JSON.stringify(Object.assign(progress, news)));

  const how = ['--base', base, '--minutes', String(minutes), ...train];
  const run = await trained(home, subject, how, { signal, tell }).catch(async (error: unknown) => {
    if (signal.aborted) await keep({ stopped: true });
    throw error;
  });
  if (progress.stopped && !progress.outcome) {
    tell(`${name}: continuing the run's own measurements`);
    await commandLine(home, ['evaluate', run], signal);
  }
  const snapshot = await readRun(run);
  // Before the additional measurements.
  if (!progress.outcome) await keep({ outcome: outcomeOf(snapshot) });
  const evaluate = async (task: string, limit?: number) => {
    tell(`${name}: measuring ${task}`);
    const items = limit === undefined ? [] : ['--limit', String(limit)];
    await commandLine(home, ['evaluate', run, '--tasks', task, ...items], signal);
  };
  for (const [task, limit] of [
    ['workspace', options.cursors],
    ['humaneval', options.problems],
  ] as const) {
    if (progress.evaluated[task] === limit) continue;
    await evaluate(task, limit);
    await keep({ evaluated: { ...progress.evaluated, [task]: limit } });
  }
  // A run measures its KL by itself, unless its options forbid it.
  if (!snapshot.summary?.comparisons.some(({ task }) => task === 'retention')) await evaluate('retention');
  const { rows } = await readEvaluated(run);
  return { name, language, rows, ...progress.outcome! };
}

/** Hash of `known` and of dist/: figures of another build of the product, or with other options, are not reused. */
export async function keyOf(known: readonly unknown[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(known));
  for (const file of (await readdir('dist')).filter((name) => name.endsWith('.mjs')).sort())
    hash.update(await readFile(join('dist', file)));
  return hash.digest('hex').slice(0, 12);
}

async function readProgress(path: string): Promise<Progress> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  return progressSchema.parse(JSON.parse(text));
}

/** The directory of the only run in `home`. Starts it with the options `how`, continues it, or finds it done. */
export async function trained(
  home: string,
  { name, folder }: Pick<Subject, 'name' | 'folder'>,
  how: readonly string[],
  { signal, tell }: { signal: AbortSignal; tell: (text: string) => void },
): Promise<string> {
  const runs = join(home, 'runs');
  const find = async () => (await folderNames(runs)).map((id) => join(runs, id))[0];
  let run = await find();
  if (!run) {
    tell(`${name}: training`);
    await commandLine(home, ['train', folder, '--yes', ...how], signal);
    run = (await find())!;
  }
  // After its command was killed, a run's processes may still be working: wait for them.
  while (isAlive(await readState(run))) await setTimeout(POLL_MS, undefined, { signal });
  if ((await readState(run)).status !== 'done') {
    tell(`${name}: continuing the training`);
    await commandLine(home, ['resume', run], signal);
  }
  return run;
}

/** A base file's full path, so that it is the same wherever the benchmark is called from; other names unchanged. */
export const fullBase = (base: string): string =>
  /\.gguf$/i.test(base) && !base.includes(':') ? resolve(base) : base;
