/** Effects and the verdict that follows from their intervals by a stated rule (docs/science.md). */
import { MISSED, percentile, type Interval } from '../statistics/statistics.ts';
import type { Effect, Verdict } from '../protocol/reproduction.ts';

/** An effect that the items allow no interval of, such as a share of what was learned where nothing was. */
export interface MissingEffect {
  name: string;
  missing: true;
}

export interface Judged {
  effects: (Effect | MissingEffect)[];
  notes?: string[];
}

/**
 * The median of plain values, each an observation, between those order statistics that hold it by the binomial
 * distribution: exact whatever they are spread like. Undefined where there are none.
 */
export function medianInterval(values: readonly number[]): Interval | undefined {
  const n = values.length;
  if (n === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  // As many as lie below the median with a chance of half of what may be missed: Binomial(n, 1/2).
  let below = 0;
  for (let log = -n * Math.LN2, tail = Math.exp(log); tail <= MISSED / 2; tail += Math.exp(log)) {
    log += Math.log((n - below) / (below + 1));
    below += 1;
  }
  const from = Math.max(0, below - 1);
  return { value: percentile(sorted, 0.5), low: sorted[from]!, high: sorted[n - 1 - from]! };
}

/** A run from its base to its end: held-out loss (learning) and forgetting at each point, the base first. */
export interface Path {
  losses: readonly number[];
  forgetting: readonly number[];
}

/**
 * Forgetting of each path at the held-out loss that all of them reach, along straight lines between points. NaN where
 * one of them learned nothing.
 */
export function matchedForgetting(paths: readonly Path[]): number[] {
  const target = Math.max(...paths.map(({ losses }) => Math.min(...losses)));
  return paths.map((path) => (target < path.losses[0]! ? forgettingAt(path, target) : NaN));
}

/** Where the path first comes down to the loss. */
function forgettingAt({ losses, forgetting }: Path, target: number): number {
  const to = losses.findIndex((loss) => loss <= target);
  const [above, below] = [losses[to - 1]!, losses[to]!];
  const share = (above - target) / (above - below);
  return forgetting[to - 1]! + share * (forgetting[to]! - forgetting[to - 1]!);
}

/** Is the interval where the claim wants it, elsewhere altogether, or across the border? */
export function sideOf({ low, high, above, below }: Effect): 'inside' | 'outside' | 'across' {
  if (low > (above ?? -Infinity) && high < (below ?? Infinity)) return 'inside';
  if (high < (above ?? -Infinity) || low > (below ?? Infinity)) return 'outside';
  return 'across';
}

/** Every effect that decides on the claim's side: holds. One on the other side: does not hold. Else: can't tell. */
export function verdictOf(effects: readonly Effect[]): Exclude<Verdict, 'not run'> {
  const deciding = effects.filter(({ above, below }) => above !== undefined || below !== undefined);
  const sides = deciding.map(sideOf);
  if (sides.includes('outside')) return 'does not hold';
  return sides.length > 0 && sides.every((side) => side === 'inside') ? 'holds' : "can't tell";
}
