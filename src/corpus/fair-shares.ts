/** Limits each file to a tenth of what is measured, so that no single file dominates a metric. Pure functions. */
import { spread } from '../statistics/statistics.ts';

const MIN_FILES = 10;

/**
 * Calls `take` with the limit of items per file, and returns its result. The limit is a tenth of `count`, or of the
 * number of items taken (`sizeOf`) if that is smaller. With fewer than ten files there is no limit.
 */
export function limitToTenth<T>(
  { files, count }: { files: number; count: number },
  take: (limit: number) => T,
  sizeOf: (selection: T) => number,
): T {
  if (files < MIN_FILES) return take(Infinity);
  for (let target = count; ;) {
    const selection = take(Math.max(1, Math.floor(target / MIN_FILES)));
    const size = sizeOf(selection);
    if (size >= target) return selection;
    target = size;
  }
}

/**
 * Indices of `count` evenly spread items, ascending, at most a tenth from one owner; with fewer than ten owners, as few
 * as possible from each.
 */
export function spreadFairly(owners: readonly number[], count: number): number[] {
  const byOwner = new Map<number, number[]>();
  for (const [index, owner] of owners.entries()) {
    const indices = byOwner.get(owner);
    if (indices) indices.push(index);
    else byOwner.set(owner, [index]);
  }
  const target = Math.min(count, owners.length);
  const level = smallestLimit([...byOwner.values()], target);
  return limitToTenth(
    { files: byOwner.size, count: target },
    (limit) => spreadWithin(owners, byOwner, target, limit === Infinity ? level : limit),
    ({ length }) => length,
  );
}

/** The smallest limit per group with which all groups together yield `count`. */
function smallestLimit(groups: readonly (readonly number[])[], count: number): number {
  let [level, remaining] = [0, count];
  const sizes = groups.map(({ length }) => length).sort((a, b) => a - b);
  for (const [index, size] of sizes.entries()) {
    const each = Math.ceil(remaining / (sizes.length - index));
    if (size >= each) return Math.max(level, each);
    level = size;
    remaining -= size;
  }
  return level;
}

/** Takes at most `limit` from each owner, and spreads the rest over the other owners. */
function spreadWithin(
  owners: readonly number[],
  byOwner: ReadonlyMap<number, readonly number[]>,
  count: number,
  limit: number,
): number[] {
  const capped = new Set<number>();
  for (;;) {
    const open = [...owners.keys()].filter((index) => !capped.has(owners[index]!));
    const remaining = Math.max(0, count - capped.size * limit);
    const chosen = spread(open.length, remaining).map((at) => open[at]!);
    const perOwner = new Map<number, number>();
    for (const index of chosen) perOwner.set(owners[index]!, (perOwner.get(owners[index]!) ?? 0) + 1);
    const exceeding = [...perOwner].filter(([, many]) => many > limit);
    if (exceeding.length === 0) {
      const fromCapped = [...capped].flatMap((owner) => {
        const indices = byOwner.get(owner)!;
        return spread(indices.length, limit).map((at) => indices[at]!);
      });
      return [...chosen, ...fromCapped].sort((a, b) => a - b);
    }
    for (const [owner] of exceeding) capped.add(owner);
  }
}
