// Waiting for a condition: never for a time that should be enough.
import { setTimeout as sleep } from 'node:timers/promises';

/** What a step may take on a slow machine beside other work, ms. */
export const PATIENCE_MS = 120_000;

/** The first true value of a condition. An error of the condition ends the wait. */
export async function until(what, condition, timeout = PATIENCE_MS) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`Waited ${timeout / 1000} s for ${what}.`);
    await sleep(100);
  }
}

/** Whether a condition comes true within some time: for what is tried again when it does not. */
export async function becomes(condition, timeout) {
  const end = Date.now() + timeout;
  while (Date.now() < end) {
    if (await condition()) return true;
    await sleep(50);
  }
  return false;
}
