/**
 * Entry: the thread `dist/preference-keeper.mjs` of the extension host. It searches records for secrets and writes
 * them, so that typing never waits for that. It reports only errors. Told to end, it first writes everything.
 */
import { parentPort } from 'node:worker_threads';
import { findSecret } from '../secrets/find.ts';
import { reportError } from '../../text/errors.ts';
import type { Preference } from '../../protocol/preferences.ts';
import { addPreference } from './store.ts';

/** A record, and the file to write it to. */
export interface ToKeep {
  file: string;
  preference: Preference;
}
/** Messages to the thread. */
export type ToKeeper = ToKeep | 'end';

/** Adds a record unless it contains a secret, as a corpus leaves out such files. Returns whether it was added. */
export async function keepPreference({ file, preference }: ToKeep): Promise<boolean> {
  const { path, prefix, suffix, shown, later } = preference;
  for (const middle of new Set([shown, later]))
    if (await findSecret(path, prefix + middle + suffix)) return false;
  await addPreference(file, preference);
  return true;
}

async function take(message: ToKeeper): Promise<void> {
  if (message === 'end') parentPort?.close();
  else await keepPreference(message);
}

let turn = Promise.resolve();
parentPort?.on('message', (message: ToKeeper) => {
  turn = turn
    .then(() => take(message))
    .catch((error: unknown) => parentPort?.postMessage(reportError(error).message));
});
