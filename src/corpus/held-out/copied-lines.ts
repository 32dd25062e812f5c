/**
 * Detects lines that occur in several files. A file half of which occurs in another is not held out, because training
 * on the other would leak it. A renamed and edited file is also recognised by its lines.
 */
import { mixText } from '../../statistics/random.ts';

/** Minimum length of a distinctive line; shorter ones, such as "return None", occur everywhere. */
const MIN_LENGTH = 16;
/** A line in more files than this is a licence or an idiom, not a sign of copying. */
const MAX_FILES = 8;
/** A file must have at least this many distinctive lines. */
const MIN_LINES = 12;
/** A file is a copy if this fraction of its lines occurs in one other file. */
const COPIED_SHARE = 0.5;
/** Hashes in a sketch. The similarity of two sketches has a standard error of 0.1 at 0.5. */
const SKETCH = 24;

/** Hashes of a text's distinct lines, ascending as unsigned numbers. Short lines are skipped. */
export function lineHashes(text: string): Uint32Array {
  const hashes = new Set<number>();
  for (const line of text.split('\n')) {
    const words = line.trim();
    if (words.length >= MIN_LENGTH) hashes.add(mixText(words) >>> 0);
  }
  return Uint32Array.from(hashes).sort();
}

/** Whether most lines of a text are among `lines`. */
export function isMostlyOf(lines: ReadonlySet<number>, text: string): boolean {
  const own = lineHashes(text);
  return 2 * own.filter((line) => lines.has(line)).length > own.length;
}

export class CopiedLines {
  private readonly files: Uint32Array[] = [];

  /** Adds the next file; they are numbered from 0. */
  add(lines: Uint32Array): void {
    this.files.push(lines);
  }

  /** The files half of which occurs in one other file. */
  findCopied(): Set<number> {
    const sharedWith = new Map<number, Map<number, number>>();
    for (const files of this.sharedLines())
      for (const file of files) {
        const others = sharedWith.get(file) ?? new Map<number, number>();
        for (const other of files) if (other !== file) others.set(other, (others.get(other) ?? 0) + 1);
        sharedWith.set(file, others);
      }
    const isCopied = ([file, others]: [number, Map<number, number>]) =>
      Math.max(...others.values()) >= COPIED_SHARE * Math.max(MIN_LINES, this.files[file]!.length);
    return new Set([...sharedWith].filter(isCopied).map(([file]) => file));
  }

  /** For each line that occurs in several, but not too many, files: these files. */
  private *sharedLines(): Generator<number[]> {
    const size = this.files.reduce((sum, { length }) => sum + length, 0);
    // Sorting numbers that combine line and file makes shared lines adjacent, at a few bytes per line.
    const entries = new Float64Array(size);
    const count = this.files.length;
    let at = 0;
    for (const [file, lines] of this.files.entries())
      for (const line of lines) entries[at++] = line * count + file;
    entries.sort();
    for (let begin = 0, end = 0; begin < size; begin = end) {
      const line = Math.floor(entries[begin]! / count);
      while (end < size && Math.floor(entries[end]! / count) === line) end += 1;
      if (end - begin > 1 && end - begin <= MAX_FILES)
        yield Array.from(entries.subarray(begin, end), (entry) => entry % count);
    }
  }
}

/** A file's fingerprint: its lowest hashes in hexadecimal; undefined if it has too few lines. */
export const createSketch = (lines: Uint32Array): string | undefined =>
  lines.length < MIN_LINES
    ? undefined
    : Array.from(lines.subarray(0, SKETCH), (line) => line.toString(16).padStart(8, '0')).join('');

/** Finds the sketch of an earlier version of a file: the most similar one, with a similarity of at least a half. */
export class Sketches<T> {
  private readonly owners = new Map<string, { lines: string[]; owner: T }[]>();

  add(sketch: string, owner: T): void {
    const entry = { lines: parseSketch(sketch), owner };
    for (const line of entry.lines) {
      const all = this.owners.get(line);
      if (all) all.push(entry);
      else this.owners.set(line, [entry]);
    }
  }

  find(sketch: string): T | undefined {
    const lines = parseSketch(sketch);
    let [best, most]: [T | undefined, number] = [undefined, COPIED_SHARE];
    for (const entry of new Set(lines.flatMap((line) => this.owners.get(line) ?? []))) {
      const score = similarity(lines, entry.lines);
      if (score >= most) [best, most] = [entry.owner, score];
    }
    return best;
  }
}

const parseSketch = (sketch: string): string[] => sketch.match(/.{8}/g) ?? [];

/** Estimates the Jaccard similarity of the lines from the lowest hashes of the union (Broder 1997). */
function similarity(first: readonly string[], second: readonly string[]): number {
  const lowest = [...new Set([...first, ...second])].sort().slice(0, Math.min(first.length, second.length));
  return lowest.filter((line) => first.includes(line) && second.includes(line)).length / lowest.length;
}
