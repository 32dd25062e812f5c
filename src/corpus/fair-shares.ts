/** Limits each file to a tenth of what is measured, so that no single file decides a figure. Pure functions. */

const FEWEST_FILES = 10;

/**
 * Calls `take` with the most items that it may take from one file, and returns its result: the limit is a tenth of
 * `count`, or of the number of items taken (`sizeOf`) if that is smaller. With fewer than ten files there is no limit.
 */
export function withinTenth<T>(
  { files, count }: { files: number; count: number },
  take: (limit: number) => T,
  sizeOf: (taken: T) => number,
): T {
  if (files < FEWEST_FILES) return take(Infinity);
  for (let asked = count; ;) {
    const taken = take(Math.max(1, Math.floor(asked / FEWEST_FILES)));
    const size = sizeOf(taken);
    if (size >= asked) return taken;
    asked = size;
  }
}

/** Indices of `count` of `there` items, or of all: the middle one of each of `count` equal shares. */
export function spread(there: number, count: number): number[] {
  const taken = Math.min(count, there);
  return Array.from({ length: taken }, (_, index) => Math.floor(((index + 0.5) * there) / taken));
}

/**
 * Indices of `count` items spread evenly over all, ascending, with at most a tenth from one owner; with fewer than ten
 * owners, as few as possible from each.
 */
export function spreadFairly(owners: readonly number[], count: number): number[] {
  const byOwner = new Map<number, number[]>();
  for (const [index, owner] of owners.entries()) {
    const own = byOwner.get(owner);
    if (own) own.push(index);
    else byOwner.set(owner, [index]);
  }
  const wanted = Math.min(count, owners.length);
  const level = levelOf([...byOwner.values()], wanted);
  return withinTenth(
    { files: byOwner.size, count: wanted },
    (limit) => spreadWithin(owners, byOwner, wanted, limit === Infinity ? level : limit),
    ({ length }) => length,
  );
}

/** The smallest limit per group with which all groups together give `count`. */
function levelOf(groups: readonly (readonly number[])[], count: number): number {
  let [level, left] = [0, count];
  const sizes = groups.map(({ length }) => length).sort((a, b) => a - b);
  for (const [index, size] of sizes.entries()) {
    const each = Math.ceil(left / (sizes.length - index));
    if (size >= each) return Math.max(level, each);
    level = size;
    left -= size;
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
    const left = Math.max(0, count - capped.size * limit);
    const chosen = spread(open.length, left).map((at) => open[at]!);
    const given = new Map<number, number>();
    for (const index of chosen) given.set(owners[index]!, (given.get(owners[index]!) ?? 0) + 1);
    const over = [...given].filter(([, many]) => many > limit);
    if (over.length === 0) {
      const ofCapped = [...capped].flatMap((owner) => {
        const own = byOwner.get(owner)!;
        return spread(own.length, limit).map((at) => own[at]!);
      });
      return [...chosen, ...ofCapped].sort((a, b) => a - b);
    }
    for (const [owner] of over) capped.add(owner);
  }
}
