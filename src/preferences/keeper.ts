/**
 * Entry: the thread `dist/preference-keeper.mjs` of the extension host, which looks for secrets and writes, so that typing
 * never waits for it. Told records one after the other, it tells only what went wrong. Told to end, it does so when all is written.
 */
import { parentPort } from 'node:worker_threads';
import { findSecret } from '../corpus/secrets/find.ts';
import { reportError } from '../protocol/errors.ts';
import type { Preference } from '../protocol/preferences.ts';
import { addPreference } from './store.ts';

/** A record, and the file that it belongs into. */
export interface ToKeep {
  file: string;
  preference: Preference;
}
/** What the thread is told. */
export type ToKeeper = ToKeep | 'end';

/** Adds it unless it shows a secret, as a file with one is no part of a corpus. Returns whether it did. */
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
