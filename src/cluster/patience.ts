/** How long a cluster that can't be reached is waited for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError, type ErrorCode } from '../text/errors.ts';

/** Milliseconds between two looks, and the longest wait after failed ones. */
export const LOOK_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** Errors that pass: the cluster may be reached again, with the same token. */
const passing: ReadonlySet<ErrorCode> = new Set(['cluster-down', 'cluster-failed', 'cluster-unknown']);

/** Whether trying again later may help. */
export const mayPass = (error: unknown): error is UserError =>
  error instanceof UserError && passing.has(error.code);

/** Waits `lookMs` milliseconds, doubled with each of so many failures in a row, or until `signal` fires. */
export async function waitAfter(failures: number, lookMs: number, signal?: AbortSignal): Promise<void> {
  const wait = Math.min(lookMs * 2 ** failures, LONGEST_WAIT_MS);
  await sleep(wait, undefined, signal && { signal }).catch(() => undefined);
}
