/**
 * Finds the windows of other files that are most similar to the text around the cursor, by Jaccard similarity of words.
 */
import type { OtherFile } from '../types.ts';

/** Lines per window. */
const LINES = 60;
/** Steps per window; the next window begins one step later. */
const STEPS = 4;
/** Only this many characters of a long file are used. */
const MAX_CHARACTERS = 200_000;
/** Number of files whose words are cached. */
const REMEMBERED = 50;

export interface SimilarWindow {
  path: string;
  /** Range [from, to) in the file's text: complete lines. */
  from: number;
  to: number;
  /** 0 to 1. */
  similarity: number;
}

/** Words that occur in most files. */
const common = new Set(
  'the and for not with this that from import export const let var function return class def self new public private static void int string true false null none else while case'.split(
    ' ',
  ),
);

/** The distinct words of a text, without short and common ones. */
export function distinctWords(text: string): Set<string> {
  const words = new Set<string>();
  for (const [word] of text.matchAll(/[\p{L}_$][\p{L}\p{N}_$]{2,}/gu)) {
    const lower = word.toLowerCase();
    if (!common.has(lower)) words.add(lower);
  }
  return words;
}

/** |a and b| / |a or b|; 0 for two empty sets. */
export function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  let shared = 0;
  for (const word of small) if (large.has(word)) shared += 1;
  return shared === 0 ? 0 : shared / (a.size + b.size - shared);
}

interface FileWindow {
  from: number;
  to: number;
  words: ReadonlySet<string>;
}

export class SimilarWindows {
  private readonly files = new Map<string, { text: string; windows: readonly FileWindow[] }>();

  /** `lines`: per window, a multiple of STEPS. */
  constructor(private readonly lines = LINES) {}

  /** The most similar window of a file; undefined if no window shares a word. */
  best(file: OtherFile, words: ReadonlySet<string>): SimilarWindow | undefined {
    let best: SimilarWindow | undefined;
    for (const window of this.splitIntoWindows(file)) {
      const similarity = jaccard(words, window.words);
      if (similarity > (best?.similarity ?? 0)) {
        const { from, to } = window;
        best = { path: file.path, from, to, similarity };
      }
    }
    return best;
  }

  private splitIntoWindows({ path, text }: OtherFile): readonly FileWindow[] {
    let cached = this.files.get(path);
    if (cached?.text !== text)
      cached = { text, windows: splitIntoWindows(text.slice(0, MAX_CHARACTERS), this.lines) };
    // Newest last.
    this.files.delete(path);
    this.files.set(path, cached);
    if (this.files.size > REMEMBERED) this.files.delete(this.files.keys().next().value!);
    return cached.windows;
  }
}

function splitIntoWindows(text: string, lines: number): FileWindow[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  if (starts.at(-1) === text.length) starts.pop();
  const startOf = (line: number) => starts[line] ?? text.length;
  const stepLines = lines / STEPS;
  // Looking for words takes nearly all of the time, so each line is looked at once.
  const steps: Set<string>[] = [];
  for (let line = 0; line < starts.length; line += stepLines)
    steps.push(distinctWords(text.slice(startOf(line), startOf(line + stepLines))));
  const windows: FileWindow[] = [];
  for (let step = 0; step < steps.length; step += 1) {
    const line = step * stepLines;
    const [from, to] = [startOf(line), startOf(line + lines)];
    const words = new Set<string>();
    for (const some of steps.slice(step, step + STEPS)) for (const word of some) words.add(word);
    windows.push({ from, to, words });
    // The last window ends with the file.
    if (to === text.length) break;
  }
  return windows;
}
