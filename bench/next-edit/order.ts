/**
 * The order in which a person would make the changes of a commit: first the one that most others depend on, such as a
 * signature, then the rest of its file, then file by file what depends on the changes made so far. Pure.
 */
import type { FileStep, Hunk } from './file-text.ts';

/** A change by the indices of its file and of its hunk there. */
export interface Place {
  file: number;
  hunk: number;
}

interface Named extends Place {
  names: ReadonlySet<string>;
}

/** Changes depend on each other if both write or remove the same name. */
export function orderOf(files: readonly Pick<FileStep, 'hunks'>[]): Place[] {
  const all: Named[] = files.flatMap(({ hunks }, file) =>
    hunks.map((one, hunk) => ({ file, hunk, names: changedNames(one) })),
  );
  const shares = (a: Named, b: Named) => [...a.names].some((name) => b.names.has(name));
  const dependents = (one: Named, among: readonly Named[]) =>
    among.filter((other) => other !== one && shares(one, other)).length;
  const first = highest(all, (one) => dependents(one, all));
  const ordered: Named[] = [];
  const addFile = (from: Named) => {
    const own = all.filter(({ file }) => file === from.file);
    ordered.push(...own.slice(from.hunk), ...own.slice(0, from.hunk));
  };
  if (first) addFile(first);
  for (;;) {
    const done = new Set(ordered.map(({ file }) => file));
    const left = files.flatMap((_, file) => (done.has(file) ? [] : [all.filter((one) => one.file === file)]));
    const next = highest(left, (own) => own.filter((one) => dependents(one, ordered) > 0).length);
    if (!next) return ordered.map(({ file, hunk }) => ({ file, hunk }));
    addFile(next[0]!);
  }
}

/** The first with the highest value. */
const highest = <T>(items: readonly T[], valueOf: (item: T) => number): T | undefined =>
  items.reduce<{ item: T; value: number } | undefined>((best, item) => {
    const value = valueOf(item);
    return best && best.value >= value ? best : { item, value };
  }, undefined)?.item;

/** The names that a change writes more often or less often than before. */
function changedNames({ old, now }: Hunk): Set<string> {
  const counts = new Map<string, number>();
  const count = (lines: readonly string[], step: number) => {
    for (const [name] of lines.join('\n').matchAll(/[\p{L}_$][\p{L}\p{N}_$]*/gu))
      counts.set(name, (counts.get(name) ?? 0) + step);
  };
  count(now, 1);
  count(old, -1);
  return new Set([...counts].filter(([, times]) => times !== 0).map(([name]) => name));
}
