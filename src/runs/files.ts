/** Paths in a run directory, and functions that read and write its small files. See docs/file-formats.md. */
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';
import { RUN_FORMAT, runSpecSchema, runStateSchema, type RunSpec, type RunState } from '../protocol/run.ts';
import { runsDir } from '../platform/files/paths.ts';
import { writeByRename } from '../platform/files/write-file.ts';
import { whyNotAFile } from '../text/not-a-file.ts';
import { readText } from '../platform/files/regular-file.ts';
import { refuseNewer } from './folders.ts';

export const specPath = (dir: string) => join(dir, 'run.json');
export const statePath = (dir: string) => join(dir, 'state.json');
export const eventsPath = (dir: string) => join(dir, 'events.jsonl');
export const lockPath = (dir: string) => join(dir, 'lock');
/** The stop request, containing the token of the owner's lock. */
export const stopPath = (dir: string) => join(dir, 'stop');
export const evaluationSummaryPath = (dir: string) => join(dir, 'evaluation', 'summary.json');
/** One line per export, including its check. */
export const exportsPath = (dir: string) => join(dir, 'exports.jsonl');
/** The comparison by turns with the untrained model. */
export const byTurnsPath = (dir: string) => join(dir, 'by-turns.jsonl');
export const corpusSummaryPath = (dir: string) => join(dir, 'corpus', 'summary.json');

export const writeJson = (path: string, value: unknown) =>
  writeByRename(path, `${JSON.stringify(value, null, 2)}\n`);

/**
 * The run's spec. Among the runs, its id is the folder's name, since a folder may have been copied or renamed; elsewhere,
 * such as in a publication or on a cluster, it is the one in the file. Errors: run-not-found, run-newer, run-damaged.
 */
export async function readSpec(dir: string): Promise<RunSpec> {
  const json = await readJsonFile(dir, specPath(dir));
  refuseNewer(dir, json, RUN_FORMAT);
  const parsed = runSpecSchema.safeParse(json);
  if (!parsed.success) throw damaged(dir, 'run.json', why(parsed.error));
  const isAmongRuns = dirname(resolve(dir)) === resolve(runsDir());
  return isAmongRuns ? { ...parsed.data, id: basename(resolve(dir)) } : parsed.data;
}

/** The run's progress. Errors: run-not-found, run-damaged. */
export async function readState(dir: string): Promise<RunState> {
  return parseState(dir, await readJsonFile(dir, statePath(dir)));
}

function parseState(dir: string, json: unknown): RunState {
  const parsed = runStateSchema.safeParse(json);
  if (!parsed.success) throw damaged(dir, 'state.json', why(parsed.error));
  return parsed.data;
}

async function readJsonFile(dir: string, path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readText(path);
  } catch (error) {
    const reason = whyNotAFile(error);
    if (reason) throw damaged(dir, basename(path), reason);
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw new UserError(
      'run-not-found',
      msg`${dir} is not a run: it has no ${basename(path)}.`,
      msg`List the runs with {runs}.`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(dir, basename(path), (error as Error).message);
  }
}

function damaged(dir: string, file: string, reason: Text): UserError {
  return new UserError(
    'run-damaged',
    msg`${file} of run ${basename(dir)} can't be read (${reason}).`,
    msg`Restore the file from a backup, or delete the folder ${dir}.`,
  );
}

function why(error: { issues: { path: PropertyKey[]; message: string }[] }): string {
  const issue = error.issues[0];
  return issue ? `${issue.path.map(String).join('.') || 'whole file'}: ${issue.message}` : 'unexpected shape';
}
