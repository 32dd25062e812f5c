/** What was typed between two releases of a file. Pure. */
import { diffLines } from 'diff';

export interface Hunk {
  path: string;
  /** The file around the cursor, with earlier hunks applied and this hunk's removals made. */
  before: string;
  after: string;
  typed: string;
}

/** Minimum characters and maximum lines of a hunk; of a longer one, only the first lines are typed. */
const MIN_CHARACTERS = 20;
const MAX_LINES = 10;
/**
 * A hunk that removes more than this share of what it adds is an edit, whose keystrokes can't be derived from a diff.
 */
const MAX_REMOVED = 0.5;

/**
 * The hunks that mostly add text, in order. New lines are typed as a whole; in a changed line, only the differing
 * words.
 */
export function hunksOf(path: string, old: string, now: string): Hunk[] {
  const found: Hunk[] = [];
  let before = '';
  let rest = old;
  const parts = diffLines(old, now);
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at]!;
    if (!part.added && !part.removed) {
      before += part.value;
      rest = rest.slice(part.value.length);
      continue;
    }
    const next = parts[at + 1];
    const pair = part.removed && next?.added ? next : undefined;
    if (pair) at += 1;
    const removed = part.removed ? part.value : '';
    const added = part.removed ? (pair?.value ?? '') : part.value;
    rest = rest.slice(removed.length);
    const hunk = hunkOf(path, { before, removed, added, rest });
    if (hunk) found.push(hunk);
    before += added;
  }
  return found;
}

function hunkOf(
  path: string,
  { before, removed, added, rest }: { before: string; removed: string; added: string; rest: string },
): Hunk | undefined {
  const { head, tail } = sameEnds(removed, added);
  const end = added.length - tail;
  const whole = added.slice(head, end).replace(/\n$/, '');
  const typed = whole.split('\n').slice(0, MAX_LINES).join('\n').trimEnd();
  const gone = removed.length - head - tail;
  if (typed.trim().length < MIN_CHARACTERS || gone > MAX_REMOVED * whole.length) return undefined;
  return {
    path,
    // The editor adds the indentation of the first line.
    before: before + added.slice(0, head) + indentOf(typed),
    typed: typed.slice(indentOf(typed).length),
    after: added.slice(head + whole.length) + rest,
  };
}

const indentOf = (text: string) => /^[ \t]*/.exec(text)![0];

/** Lengths of the common prefix and suffix of two texts, in whole words and without overlap. */
function sameEnds(a: string, b: string): { head: number; tail: number } {
  const most = Math.min(a.length, b.length);
  let head = 0;
  while (head < most && a[head] === b[head]) head += 1;
  while (head > 0 && isWord(b[head - 1]) && (isWord(b[head]) || isWord(a[head]))) head -= 1;
  let tail = 0;
  while (tail < most - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  while (tail > 0 && isWord(b.at(-tail)) && (isWord(b.at(-tail - 1)) || isWord(a.at(-tail - 1)))) tail -= 1;
  return { head, tail };
}

const isWord = (character: string | undefined) => character !== undefined && /\w/.test(character);
