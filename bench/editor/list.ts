/** How soon the list of suggestions opens after a key. */
import type { Page } from 'playwright-core';
import { percentile } from '../../src/statistics/statistics.ts';
import { uniform } from '../../src/statistics/random.ts';
import type { Workbench } from './driver.ts';
import { countEntries, entriesFrom, isListOpen, type Entry } from './recorder.ts';

/** Where words are typed, and which. */
export interface Column {
  name: string;
  file: string;
  /** The words are typed into a new line below this one, counted from 1. */
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

/** After so long the list is not coming, ms. */
const PATIENCE_MS = 3000;

/** ms between two keys of a person. */
const pauseOf = (random: () => number): number => 120 + 80 * random();

/** @returns ms from the key to the open list, for each trial; undefined where it did not open */
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
  // The first ones find the language's server and the model still starting.
  for (let trial = -WARM_UP; trial < trials; trial += 1) {
    const word = words[(trial + WARM_UP) % words.length]!;
    const wait = await tryWord(page, word, random);
    if (trial >= 0) waits.push(wait);
  }
  await page.keyboard.press('Control+S');
  return waits;
}

const WARM_UP = 4;

/** Types a word into a line of its own, and removes the line. The key that counts is the first one, or the full stop. */
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

/** Types at a person's pace. With `from`, only until the list has opened since then: nobody types on through the entry that they want. */
async function typeFrom(page: Page, text: string, random: () => number, from?: number): Promise<void> {
  for (const character of text) {
    if (from !== undefined && (await page.evaluate(isOpenedSince, from))) return;
    const next = Date.now() + pauseOf(random);
    await page.keyboard.press(character);
    await page.waitForTimeout(Math.max(0, next - Date.now()));
  }
}

/** @returns ms from the first such key to the list's next opening, undefined without one */
export function waitForList(entries: readonly Entry[], key: string): number | undefined {
  const start = entries.findIndex((entry) => entry.kind === 'key' && entry.key === key);
  const opened = entries.slice(start + 1).find((entry) => entry.kind === 'list' && entry.open);
  return start < 0 || !opened ? undefined : opened.at - entries[start]!.at;
}

export interface ListFigures {
  /** ms; null where so many did not open that it can't be said. */
  median: number | null;
  p95: number | null;
  opened: number;
  trials: number;
}

const A_DAY = 86_400_000;
/** So long that a day is exceeded by what is interpolated with it. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** A list that did not open counts as one that takes forever. */
export function listFigures(waits: readonly (number | undefined)[]): ListFigures {
  const sorted = waits.map((wait) => wait ?? NEVER).sort((a, b) => a - b);
  const at = (share: number) => {
    const value = percentile(sorted, share);
    return value < A_DAY ? Math.round(value) : null;
  };
  const opened = waits.filter((wait) => wait !== undefined).length;
  return { median: at(0.5), p95: at(0.95), opened, trials: waits.length };
}
