/** Cuts files to the lines that are worth their tokens, and joins excerpts of the same file. */
import { uses } from './names.ts';
import { definitionsOf, type Definition, type FileSymbols } from './symbols.ts';
import type { Part, PartSource } from '../protocol/repository.ts';

/** Lines of a file: [from, to), from 0. */
export type LineRange = readonly [from: number, to: number];

export interface Excerpt {
  path: string;
  ranges: readonly LineRange[];
  source: PartSource;
  /** Compared with other excerpts' scores; higher is better. */
  score: number;
}

/** A function of at most this many lines is shown completely; of a longer one, its signature and this many lines. */
const MAX_WHOLE_LINES = 8;
const FIRST_LINES = 1;
const MAX_SIGNATURE_LINES = 8;
const MAX_MEMBERS = 12;
/** With less room than this, no file is read. */
const MIN_ROOM = 20;

/**
 * The lines of a definition: the signature and beginning of a function; a class with the signatures of its members,
 * those whose names (see namesUsed) are among `usedNames` first.
 */
export function linesOf(definition: Definition, symbols: FileSymbols, usedNames: Uint32Array): LineRange[] {
  const { kind, line, signatureEnd, end } = definition;
  if (end - line < MAX_WHOLE_LINES) return [[line, end + 1]];
  const head = signatureLines(definition);
  if (kind !== 'class') return [[line, Math.min(head[1] + FIRST_LINES, end + 1)]];
  const members = definitionsOf(symbols).filter(
    (definition) => definition.line > signatureEnd && definition.end <= end,
  );
  const known = members.filter(({ name }) => uses(usedNames, name));
  return [head, ...(known.length > 0 ? known : members).slice(0, MAX_MEMBERS).map(signatureLines)];
}

/** The signatures of a file's definitions that a text with the names `usedNames` uses. */
export const outlineOf = (symbols: FileSymbols, usedNames: Uint32Array): LineRange[] =>
  definitionsOf(symbols)
    .filter(({ name }) => uses(usedNames, name))
    .map(signatureLines);

const signatureLines = ({ line, signatureEnd }: Definition): LineRange => [
  line,
  Math.min(signatureEnd, line + MAX_SIGNATURE_LINES - 1) + 1,
];

/** Sorts ranges and merges overlapping ones. */
export function mergeRanges(ranges: readonly LineRange[]): LineRange[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const found: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = found.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else found.push([from, to]);
  }
  return found;
}

/**
 * Selects the best excerpts that fit: at most `budget` characters in total, and at most its share from each source.
 * Returns one part for each file, the file with the best excerpt last. `lines`: those of a file; undefined if it can't
 * be read.
 */
export function selectBest(
  excerpts: readonly Excerpt[],
  lines: (path: string) => readonly string[] | undefined,
  budget: number,
  shares: Readonly<Record<PartSource, number>>,
): Part[] {
  const selected = new Map<string, { ranges: LineRange[]; sources: Set<PartSource>; score: number }>();
  const spent = new Map<PartSource, number>();
  let room = budget;
  for (const { path, ranges, source, score } of [...excerpts].sort((a, b) => b.score - a.score)) {
    const known = selected.get(path);
    const name = known ? 0 : path.length;
    const own = Math.min(room, budget * shares[source] - (spent.get(source) ?? 0)) - name;
    const file = own < MIN_ROOM ? undefined : lines(path);
    if (!file) continue;
    const before = lengthOf(file, known?.ranges ?? []);
    const more = fitting(file, known?.ranges ?? [], ranges, own);
    if (!more) continue;
    const cost = lengthOf(file, more) - before + name;
    if (cost <= name) continue;
    room -= cost;
    spent.set(source, (spent.get(source) ?? 0) + cost);
    selected.set(path, {
      ranges: more,
      sources: (known?.sources ?? new Set<PartSource>()).add(source),
      score: Math.max(known?.score ?? 0, score),
    });
  }
  return [...selected]
    .sort(([, a], [, b]) => a.score - b.score)
    .map(([filename, { ranges, sources }]) => ({
      filename,
      text: textOf(lines(filename)!, ranges),
      sources: [...sources],
    }));
}

/** The previous ranges with as many of the new ones as fit in `room` characters; undefined if none fits. */
function fitting(
  file: readonly string[],
  had: readonly LineRange[],
  wanted: readonly LineRange[],
  room: number,
): LineRange[] | undefined {
  const before = lengthOf(file, had);
  let kept: LineRange[] | undefined;
  for (let count = 1; count <= wanted.length; count += 1) {
    const next = mergeRanges([...had, ...wanted.slice(0, count)]);
    if (lengthOf(file, next) - before > room) break;
    kept = next;
  }
  return kept;
}

const textOf = (file: readonly string[], ranges: readonly LineRange[]): string =>
  ranges.map(([from, to]) => `${file.slice(from, to).join('\n')}\n`).join('');

function lengthOf(file: readonly string[], ranges: readonly LineRange[]): number {
  let length = 0;
  for (const [from, to] of ranges)
    for (let at = from; at < Math.min(to, file.length); at += 1) length += file[at]!.length + 1;
  return length;
}
