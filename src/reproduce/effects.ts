/** Effects, and the verdict that follows from their intervals by the rule in docs/science.md. */
import { MISSED, percentile, type Interval } from '../statistics/statistics.ts';
import type { Effect, Verdict } from '../protocol/reproduction.ts';

/** An effect for which no interval can be computed, such as a share of what was learned if nothing was learned. */
export interface MissingEffect {
  name: string;
  missing: true;
}

export interface Judged {
  effects: (Effect | MissingEffect)[];
  notes?: string[];
}

/**
 * The median of independent values, with the order statistics that bound it by the binomial distribution as interval;
 * this is exact for any distribution. Undefined without values.
 */
export function medianInterval(values: readonly number[]): Interval | undefined {
  const n = values.length;
  if (n === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  // The number of values below the interval, so that each side is missed with at most half of the allowed probability:
  // Binomial(n, 1/2).
  let below = 0;
  for (let log = -n * Math.LN2, tail = Math.exp(log); tail <= MISSED / 2; tail += Math.exp(log)) {
    log += Math.log((n - below) / (below + 1));
    below += 1;
  }
  const from = Math.max(0, below - 1);
  return { value: percentile(sorted, 0.5), low: sorted[from]!, high: sorted[n - 1 - from]! };
}

/**
 * The path of a run from its base to its end: held-out loss (learning) and forgetting at each point, the base first.
 */
export interface Path {
  losses: readonly number[];
  forgetting: readonly number[];
}

/**
 * Forgetting of each path at the held-out loss that all of them reach, interpolated linearly between points. NaN if one
 * of them learned nothing.
 */
export function matchedForgetting(paths: readonly Path[]): number[] {
  const target = Math.max(...paths.map(({ losses }) => Math.min(...losses)));
  return paths.map((path) => (target < path.losses[0]! ? forgettingAt(path, target) : NaN));
}

/** Forgetting at the point where the path first reaches the loss. */
function forgettingAt({ losses, forgetting }: Path, target: number): number {
  const to = losses.findIndex((loss) => loss <= target);
  const [above, below] = [losses[to - 1]!, losses[to]!];
  const share = (above - target) / (above - below);
  return forgetting[to - 1]! + share * (forgetting[to]! - forgetting[to - 1]!);
}

/** Whether the interval lies inside the claimed range, outside it, or across its border. */
export function sideOf({ low, high, above, below }: Effect): 'inside' | 'outside' | 'across' {
  if (low > (above ?? -Infinity) && high < (below ?? Infinity)) return 'inside';
  if (high < (above ?? -Infinity) || low > (below ?? Infinity)) return 'outside';
  return 'across';
}

/**
 * "holds" if all deciding effects are inside their claimed range, "does not hold" if one is outside, else "can't tell".
 */
export function verdictOf(effects: readonly Effect[]): Exclude<Verdict, 'not run'> {
  const deciding = effects.filter(({ above, below }) => above !== undefined || below !== undefined);
  const sides = deciding.map(sideOf);
  if (sides.includes('outside')) return 'does not hold';
  return sides.length > 0 && sides.every((side) => side === 'inside') ? 'holds' : "can't tell";
}
