// Waiting for a condition: never for a fixed time.
import { setTimeout as sleep } from 'node:timers/promises';

/** The longest that a step may take on a slow, busy machine, ms. */
export const PATIENCE_MS = 120_000;

/**
 * The first true value of a condition. If the condition throws, the wait ends. `what`: what is waited for, for the error;
 * a function is called only then.
 */
export async function until(what, condition, timeout = PATIENCE_MS) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end)
      throw new Error(`Waited ${timeout / 1000} s for ${typeof what === 'function' ? what() : what}.`);
    await sleep(100);
  }
}

/** Whether a condition becomes true within some time: for what is retried if it does not. */
export async function becomes(condition, timeout) {
  const end = Date.now() + timeout;
  while (Date.now() < end) {
    if (await condition()) return true;
    await sleep(50);
  }
  return false;
}
