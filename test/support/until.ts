/** Waits for what another process does in its own time. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Below the limit of an integration test, so that a wait ends with its reason. */
const PATIENCE_MS = 240_000;

/** The first true value of `ready`. What it throws ends the wait; `what` was waited for, for the error. */
export async function until<T>(
  what: string,
  ready: () => T | Promise<T>,
  { everyMs = 5, patienceMs = PATIENCE_MS } = {},
): Promise<NonNullable<T>> {
  for (const last = Date.now() + patienceMs; ; await sleep(everyMs)) {
    const value = await ready();
    if (value) return value;
    if (Date.now() > last) throw new Error(`Waited in vain for ${what}.`);
  }
}
