/** Retrying with back-off while a cluster can't be reached. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError, type ErrorCode } from '../text/errors.ts';

/** Polling interval in milliseconds, and the longest wait after failures. */
export const POLL_MS = 1000;
const MAX_WAIT_MS = 30_000;
/** Transient errors: the cluster may become reachable again, with the same token. */
const transient: ReadonlySet<ErrorCode> = new Set(['cluster-down', 'cluster-failed', 'cluster-unknown']);

/** Whether a retry may help. */
export const isTransient = (error: unknown): error is UserError =>
  error instanceof UserError && transient.has(error.code);

/** Waits `pollMs` milliseconds, doubled with each consecutive failure, or until `signal` fires. */
export async function backOff(failures: number, pollMs: number, signal?: AbortSignal): Promise<void> {
  const wait = Math.min(pollMs * 2 ** failures, MAX_WAIT_MS);
  await sleep(wait, undefined, signal && { signal }).catch(() => undefined);
}
