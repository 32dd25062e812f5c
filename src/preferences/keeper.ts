/**
 * Entry: the thread `dist/preference-keeper.mjs` of the extension host, which looks for secrets and writes, so that typing
 * never waits for it. Told records one after the other, it tells only what went wrong.
 */
import { parentPort } from 'node:worker_threads';
import { findSecret } from '../corpus/secrets/find.ts';
import { reportError } from '../protocol/errors.ts';
import type { Preference } from '../protocol/preferences.ts';
import { addPreference } from './store.ts';

/** What the thread is told: a record, and the file that it belongs into. */
export interface ToKeep {
  file: string;
  preference: Preference;
}

/** Adds it unless it shows a secret, as a file with one is no part of a corpus. Returns whether it did. */
export async function keepPreference({ file, preference }: ToKeep): Promise<boolean> {
  const { path, prefix, suffix, shown, later } = preference;
  for (const middle of new Set([shown, later]))
    if (await findSecret(path, prefix + middle + suffix)) return false;
  await addPreference(file, preference);
  return true;
}

let turn: Promise<unknown> = Promise.resolve();
parentPort?.on('message', (message: ToKeep) => {
  turn = turn
    .then(() => keepPreference(message))
    .catch((error: unknown) => parentPort?.postMessage(reportError(error).message));
});
