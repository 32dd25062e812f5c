/** Waits for what another process does asynchronously. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Below the time limit of an integration test, so that a failed wait says what it waited for. */
const PATIENCE_MS = 240_000;

/** The first true value of `ready`, whose errors end the wait. `what` is waited for, for the error. */
export async function until<T>(
  what: string,
  ready: () => T | Promise<T>,
  { everyMs = 5, patienceMs = PATIENCE_MS } = {},
): Promise<NonNullable<T>> {
  for (const last = Date.now() + patienceMs; ; await sleep(everyMs)) {
    const value = await ready();
    if (value) return value;
    if (Date.now() > last) throw new Error(`Timed out waiting for ${what}.`);
  }
}
