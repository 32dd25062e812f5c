/** No file gives more than a tenth of what is measured, so that no one file decides a figure. Pure functions. */

const FEWEST_FILES = 10;

/**
 * What `take` gives, of which `sizeOf` counts the items, where no file may give more than `limit`: a tenth of `count`,
 * or of what there is within that. Of fewer than ten files any share is larger, and there is no limit.
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

/** `count` of `there` items, or all: the middle one of each of `count` equal shares. */
export function spread(there: number, count: number): number[] {
  const taken = Math.min(count, there);
  return Array.from({ length: taken }, (_, index) => Math.floor(((index + 0.5) * there) / taken));
}

/**
 * `count` items spread evenly over all, no more than a tenth of them of one owner; of fewer than ten owners, no more than
 * it takes. Ascending.
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

/** The least that each of these has to give, as far as it has it, so that all give `count`. */
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

/** Owners that would give more than the limit give that; the rest is spread over the others. */
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
