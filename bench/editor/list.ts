/** Measures how soon the suggestion list opens after a key. */
import type { Page } from 'playwright-core';
import { percentile } from '../../src/statistics/statistics.ts';
import { uniform } from '../../src/statistics/random.ts';
import type { Workbench } from './driver.ts';
import { countEntries, entriesFrom, isListOpen, type Entry } from './recorder.ts';

/** Which words are typed, and where. */
interface Column {
  name: string;
  file: string;
  /** The words are typed into a new line below this one (1-based). */
  line: number;
  words: readonly string[];
}

export const columns: readonly Column[] = [
  {
    name: 'TypeScript identifier',
    file: 'passage.ts',
    line: 13,
    words: ['harbour', 'before', 'depth', 'formatTime', 'heightAt', 'canPass', 'after', 'advise'],
  },
  {
    name: 'TypeScript foo.',
    file: 'passage.ts',
    line: 13,
    words: ['harbour.tides', 'boat.draught', 'time.getTime', 'before.height', 'next.kind', 'harbour.sill'],
  },
  {
    name: 'Python',
    file: 'reminders.py',
    line: 25,
    words: ['lines', 'total', 'member', 'loans', 'letter', 'today', 'found', 'overdue'],
  },
];

/** Milliseconds after which the list counts as not opening. */
const PATIENCE_MS = 3000;

/** Milliseconds between two keys. */
const pauseOf = (random: () => number): number => 120 + 80 * random();

/** @returns ms from the key to the open list for each trial; undefined if it did not open */
export async function measureList(
  workbench: Workbench,
  { file, line, words }: Column,
  { trials, seed }: { trials: number; seed: number },
): Promise<(number | undefined)[]> {
  const { page } = workbench;
  const random = uniform(seed);
  await workbench.openFile(file);
  await page.keyboard.press('Control+Home');
  for (let at = 1; at < line; at += 1) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('End');
  const waits: (number | undefined)[] = [];
  // Warm-up: in the first trials, the language server and the model are still starting.
  for (let trial = -WARM_UP; trial < trials; trial += 1) {
    const word = words[(trial + WARM_UP) % words.length]!;
    const wait = await tryWord(page, word, random);
    if (trial >= 0) waits.push(wait);
  }
  await page.keyboard.press('Control+S');
  return waits;
}

const WARM_UP = 4;

/**
 * Types a word into a separate line, then removes the line. The time is measured from the first key, or the full stop.
 */
async function tryWord(page: Page, word: string, random: () => number): Promise<number | undefined> {
  await page.keyboard.press('Enter');
  await page.waitForTimeout(300 + 300 * random());
  const [head, member] = word.split('.');
  if (member !== undefined) {
    await typeFrom(page, head!, random);
    await page.waitForTimeout(300);
    if (await isListOpen(page)) await page.keyboard.press('Escape');
    await page.waitForTimeout(pauseOf(random));
  }
  const from = await countEntries(page);
  const rest = member === undefined ? word : `.${member}`;
  await typeFrom(page, rest, random, from);
  await page
    .waitForFunction(isOpenedSince, from, { timeout: PATIENCE_MS, polling: 20 })
    .catch(() => undefined);
  const wait = waitForList(await entriesFrom(page, from), rest[0]!);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+Shift+K');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('End');
  await page.waitForTimeout(200);
  return wait;
}

/** Runs in the page. */
const isOpenedSince = (from: number) =>
  (window as unknown as { forgetMeNotEntries: Entry[] }).forgetMeNotEntries
    .slice(from)
    .some((entry) => entry.kind === 'list' && entry.open);

/** Types at a human pace. With `from`, stops when the list has opened since then, as a user would. */
async function typeFrom(page: Page, text: string, random: () => number, from?: number): Promise<void> {
  for (const character of text) {
    if (from !== undefined && (await page.evaluate(isOpenedSince, from))) return;
    const next = Date.now() + pauseOf(random);
    await page.keyboard.press(character);
    await page.waitForTimeout(Math.max(0, next - Date.now()));
  }
}

/** @returns ms from the first such key until the list next opens; undefined if it does not */
export function waitForList(entries: readonly Entry[], key: string): number | undefined {
  const start = entries.findIndex((entry) => entry.kind === 'key' && entry.key === key);
  const opened = entries.slice(start + 1).find((entry) => entry.kind === 'list' && entry.open);
  return start < 0 || !opened ? undefined : opened.at - entries[start]!.at;
}

export interface WaitSummary {
  /** ms; null if too many did not open. */
  median: number | null;
  p95: number | null;
  opened: number;
  trials: number;
}

const A_DAY = 86_400_000;
/** Large enough that any interpolation with it exceeds a day. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** A list that did not open counts as taking forever. */
export function summariseWaits(waits: readonly (number | undefined)[]): WaitSummary {
  const sorted = waits.map((wait) => wait ?? NEVER).sort((a, b) => a - b);
  const at = (share: number) => {
    const value = percentile(sorted, share);
    return value < A_DAY ? Math.round(value) : null;
  };
  const opened = waits.filter((wait) => wait !== undefined).length;
  return { median: at(0.5), p95: at(0.95), opened, trials: waits.length };
}
