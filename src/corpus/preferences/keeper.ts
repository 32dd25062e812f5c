/**
 * Entry point of the thread `dist/preference-keeper.mjs` of the extension host. It scans records for secrets and writes
 * them, so that typing never waits for that. It reports only errors. On `end`, it first writes all pending records.
 */
import { parentPort } from 'node:worker_threads';
import { findSecret } from '../secrets/find.ts';
import { reportError } from '../../text/errors.ts';
import type { Preference } from '../../protocol/preferences.ts';
import { addPreference } from './store.ts';

/** A record and the file to write it to. */
export interface KeepRequest {
  file: string;
  preference: Preference;
}
/** Messages to the thread. */
export type KeeperMessage = KeepRequest | 'end';

/** Adds a record unless it contains a secret, just as a corpus leaves out such files. Returns whether it was added. */
export async function keepPreference({ file, preference }: KeepRequest): Promise<boolean> {
  const { path, prefix, suffix, shown, later } = preference;
  for (const middle of new Set([shown, later]))
    if (await findSecret(path, prefix + middle + suffix)) return false;
  await addPreference(file, preference);
  return true;
}

async function handleMessage(message: KeeperMessage): Promise<void> {
  if (message === 'end') parentPort?.close();
  else await keepPreference(message);
}

let queue = Promise.resolve();
parentPort?.on('message', (message: KeeperMessage) => {
  queue = queue
    .then(() => handleMessage(message))
    .catch((error: unknown) => parentPort?.postMessage(reportError(error).message));
});
