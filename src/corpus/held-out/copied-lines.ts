/**
 * Lines that stand in several files. A file of which half stands in another is not held out: learning the other would be
 * learning its answers. And a file that was renamed and edited is recognised by its lines.
 */
import { mixText } from '../../statistics/random.ts';

/** Characters of a line that says something; shorter ones, such as "return None", stand everywhere. */
const LEAST_LENGTH = 16;
/** A line in more files than this is a licence or an idiom, and no sign of copying. */
const MOST_FILES = 8;
/** Lines that a file must have to be judged by them. */
const LEAST_LINES = 12;
/** Share of a file's lines that stand in one other file. */
const HALF = 0.5;
/** Hashes in a sketch. The similarity of two sketches has a standard error of 0.1 at 0.5. */
const SKETCH = 24;

/** Hashes of a text's different lines, ascending as unsigned numbers. Short lines are left out. */
export function lineHashes(text: string): Uint32Array {
  const hashes = new Set<number>();
  for (const line of text.split('\n')) {
    const words = line.trim();
    if (words.length >= LEAST_LENGTH) hashes.add(mixText(words) >>> 0);
  }
  return Uint32Array.from(hashes).sort();
}

export class CopiedLines {
  private readonly files: Uint32Array[] = [];

  /** The next file, from 0. */
  add(lines: Uint32Array): void {
    this.files.push(lines);
  }

  /** The numbers of the files of which half stands in one other file. */
  copied(): Set<number> {
    const shared = new Map<number, Map<number, number>>();
    for (const together of this.sharing())
      for (const one of together) {
        const others = shared.get(one) ?? new Map<number, number>();
        for (const other of together) if (other !== one) others.set(other, (others.get(other) ?? 0) + 1);
        shared.set(one, others);
      }
    const isCopied = ([file, others]: [number, Map<number, number>]) =>
      Math.max(...others.values()) >= HALF * Math.max(LEAST_LINES, this.files[file]!.length);
    return new Set([...shared].filter(isCopied).map(([file]) => file));
  }

  /** For each line of several, but few, files: these files. */
  private *sharing(): Generator<number[]> {
    const size = this.files.reduce((sum, { length }) => sum + length, 0);
    // Sorted as numbers of line and file, lines of several files are neighbours: a few bytes a line.
    const entries = new Float64Array(size);
    const count = this.files.length;
    let at = 0;
    for (const [file, lines] of this.files.entries())
      for (const line of lines) entries[at++] = line * count + file;
    entries.sort();
    for (let begin = 0, end = 0; begin < size; begin = end) {
      const line = Math.floor(entries[begin]! / count);
      while (end < size && Math.floor(entries[end]! / count) === line) end += 1;
      if (end - begin > 1 && end - begin <= MOST_FILES)
        yield Array.from(entries.subarray(begin, end), (entry) => entry % count);
    }
  }
}

/** What is kept of a file to recognise it: its lowest hashes, in hexadecimal; undefined if it has too few lines. */
export const sketchOf = (lines: Uint32Array): string | undefined =>
  lines.length < LEAST_LINES
    ? undefined
    : Array.from(lines.subarray(0, SKETCH), (line) => line.toString(16).padStart(8, '0')).join('');

/** Finds among sketches the one of the same file, edited: most alike, and at least by half. */
export class Sketches<T> {
  private readonly owners = new Map<string, { lines: string[]; owner: T }[]>();

  add(sketch: string, owner: T): void {
    const known = { lines: linesOf(sketch), owner };
    for (const line of known.lines) {
      const all = this.owners.get(line);
      if (all) all.push(known);
      else this.owners.set(line, [known]);
    }
  }

  find(sketch: string): T | undefined {
    const lines = linesOf(sketch);
    let [found, most]: [T | undefined, number] = [undefined, HALF];
    for (const known of new Set(lines.flatMap((line) => this.owners.get(line) ?? []))) {
      const likeness = similarity(lines, known.lines);
      if (likeness >= most) [found, most] = [known.owner, likeness];
    }
    return found;
  }
}

const linesOf = (sketch: string): string[] => sketch.match(/.{8}/g) ?? [];

/** The Jaccard similarity of the lines, by the lowest hashes of both together (Broder 1997). */
function similarity(some: readonly string[], others: readonly string[]): number {
  const lowest = [...new Set([...some, ...others])].sort().slice(0, Math.min(some.length, others.length));
  return lowest.filter((line) => some.includes(line) && others.includes(line)).length / lowest.length;
}
