/** From what was drawn while a known text was typed: the suggestions, and what each was worth. */
import { leftOpen, placeAt, type Language } from './code-state.ts';
import type { Entry } from './recorder.ts';

/** Times in ms of the page's clock, places in characters of the text that is typed. */
export interface Suggestion {
  /** As far as it grew. */
  text: string;
  from: number;
  shownAt: number;
  endedAt: number;
  /** How often it went away and came back. */
  flickers: number;
  /** Was the list open for part of the time? */
  besideList: boolean;
}

/** Gone for so long, it is another one that comes back, ms. */
const BACK_MS = 1000;
/** What a person takes to read it, ms. */
export const READING_MS = 300;

/** White space is drawn with other characters than it is saved with. */
const squeeze = (text: string) => text.replace(/\s+/g, '');

/**
 * Ghost text that is the rest of the suggestion before, or that goes on with it, is the same suggestion.
 * @param entries of one typing, each key among them
 * @param offsets the place that each of these keys came to
 */
export function suggestionsIn(
  entries: readonly Entry[],
  offsets: readonly number[],
  text: string,
): Suggestion[] {
  const found: Suggestion[] = [];
  let [keys, open] = [0, false];
  let hidden: number | undefined;
  const end = (at: number) => {
    const last = found.at(-1);
    if (last && !Number.isFinite(last.endedAt)) last.endedAt = hidden ?? at;
  };
  for (const entry of entries) {
    const last = found.at(-1);
    if (entry.kind === 'key') keys += 1;
    else if (entry.kind === 'list') {
      open = entry.open;
      if (open && last && !Number.isFinite(last.endedAt) && hidden === undefined) last.besideList = true;
    } else if (squeeze(entry.text) === '') hidden ??= entry.at;
    else {
      const from = offsets[keys - 1] ?? 0;
      const isBack = hidden === undefined || entry.at - hidden < BACK_MS;
      const grown = last && isBack ? goesOn(last, entry.text, text.slice(last.from, from)) : undefined;
      if (last && grown !== undefined) {
        if (hidden !== undefined) last.flickers += 1;
        Object.assign(last, { text: grown, besideList: last.besideList || open });
      } else {
        end(entry.at);
        const times = { shownAt: entry.at, endedAt: Infinity };
        found.push({ text: entry.text, from, ...times, flickers: 0, besideList: open });
      }
      hidden = undefined;
    }
  }
  end(entries.at(-1)?.at ?? 0);
  return found;
}

/** The whole of a suggestion if `ghost` is what is left of it, or more, after this was typed; else undefined. */
function goesOn({ text }: Suggestion, ghost: string, typed: string): string | undefined {
  const [before, now] = [squeeze(text), squeeze(typed + ghost)];
  if (before.startsWith(now)) return text;
  return now.startsWith(before) ? typed + ghost : undefined;
}

export interface Judged extends Suggestion {
  lived: number;
  place: ReturnType<typeof placeAt>;
  /** Does the text go on with its first line? */
  right: boolean;
  /** Does it go on with all of it? */
  allRight: boolean;
  /** What it opens and leaves open. */
  leftOpen: string[];
}

export function judge(suggestion: Suggestion, text: string, language: Language): Judged {
  const { from, shownAt, endedAt } = suggestion;
  const isRight = (part: string) => squeeze(text.slice(from)).startsWith(squeeze(part));
  return {
    ...suggestion,
    lived: endedAt - shownAt,
    place: placeAt(text.slice(0, from), language),
    right: isRight(firstLine(suggestion.text)),
    allRight: isRight(suggestion.text),
    leftOpen: leftOpen(text.slice(0, from), suggestion.text, language),
  };
}

const firstLine = (text: string) => text.trimStart().split('\n')[0]!;

export interface Taken {
  /** How many a person takes who reads each for READING_MS and sees that its first line is right. */
  accepted: number;
  /** Of these, those that are right to their end. */
  kept: number;
  /** Keys that need not be pressed. */
  saved: number;
}

/**
 * What accepting would have saved. Of a suggestion that is right to its end all is taken, with one key; of others the
 * first line, with one key too; where the list is open, one more key closes it. What is suggested within a part that
 * was taken would not have been seen.
 * @param offsetAt the place that had been come to at a time
 */
export function take(judged: readonly Judged[], text: string, offsetAt: (at: number) => number): Taken {
  const taken = { accepted: 0, kept: 0, saved: 0 };
  let covered = 0;
  for (const one of judged) {
    if (!one.right || one.lived < READING_MS) continue;
    const at = offsetAt(one.shownAt + READING_MS);
    const end = placeAfter(text, one.from, one.allRight ? one.text : firstLine(one.text));
    const saved = keysOf(text.slice(at, end)) - (one.besideList ? 2 : 1);
    if (at < covered || saved <= 0) continue;
    covered = end;
    taken.accepted += 1;
    taken.kept += Number(one.allRight);
    taken.saved += saved;
  }
  return taken;
}

/** Where `part` ends in the text when it begins at `from`. */
function placeAfter(text: string, from: number, part: string): number {
  let left = squeeze(part).length;
  let at = from;
  while (left > 0) {
    if (/\S/.test(text[at]!)) left -= 1;
    at += 1;
  }
  return at;
}

/** Keys that typing a text takes: the editor indents. */
export const keysOf = (text: string): number => text.replace(/\n\s*/g, '\n').length;
