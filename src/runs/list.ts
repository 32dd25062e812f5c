import { distance } from 'fastest-levenshtein';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { msg, UserError } from '../text/errors.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import { runsDir } from '../platform/files/paths.ts';
import { specPath } from './files.ts';
import { folderNames } from './folders.ts';
import { RunCache, type FoundRuns } from './run-cache.ts';

/** All runs in the data directory, newest first. An unreadable run does not hide the others. */
export async function scanRuns(): Promise<FoundRuns> {
  const found = await new RunCache().scan(() => true);
  found.runs.sort((a, b) => Date.parse(b.snapshot.spec.createdAt) - Date.parse(a.snapshot.spec.createdAt));
  return found;
}

/** The readable runs, newest first; scanRuns also returns the others. */
export async function listRuns(): Promise<RunSnapshot[]> {
  return (await scanRuns()).runs.map(({ snapshot }) => snapshot);
}

/** The directory of a run, given by its id, a prefix of its id, `latest`, or a path. Errors: run-not-found. */
export async function findRun(ref: string): Promise<string> {
  if (ref === 'latest') return await latestRun();
  const ids = await folderNames(runsDir());
  if (ids.includes(ref)) return join(runsDir(), ref);
  if (ref && existsSync(specPath(resolve(ref)))) return resolve(ref);
  const matches = ref ? ids.filter((id) => id.startsWith(ref)) : [];
  if (matches.length === 1) return join(runsDir(), matches[0]!);
  if (matches.length > 1)
    throw new UserError(
      'run-not-found',
      msg`"${ref}" is the beginning of ${matches.length} run ids: ${some(matches)}.`,
      msg`Type more characters of the id.`,
    );
  throw new UserError(
    'run-not-found',
    msg`There is no run "${ref}".`,
    ids.length ? msg`Similar ids: ${some(nearest(ref, ids))}.` : NONE,
  );
}

const NONE = msg`There are no runs yet; start one with {train}.`;

async function latestRun(): Promise<string> {
  const newest = (await scanRuns()).runs[0];
  if (!newest)
    throw new UserError('run-not-found', msg`There are no runs yet.`, msg`Start one with {train}.`);
  return newest.dir;
}

function nearest(ref: string, ids: string[]): string[] {
  const far = (id: string) => (id.includes(ref) ? 0 : distance(ref, id));
  return [...ids].sort((a, b) => far(a) - far(b) || (a < b ? 1 : -1));
}

function some(ids: string[]): string {
  const shown = ids.slice(0, 3).join(', ');
  return ids.length > 3 ? `${shown} and ${ids.length - 3} more` : shown;
}
