/** The smallest true change that a measurement detects with 80% power, estimated from its interval. */
import { Z, type Interval } from './statistics.ts';
import { incompleteBeta } from './student.ts';

const POWER = 0.8;
/** A normal distribution has probability 1 - `POWER` below -POWER_Z. */
const POWER_Z = 0.8416212335729143;

/**
 * The smallest detectable rise of a metric, where detected means that the interval lies above zero and the value above
 * `margin`. Without a margin it is 2.8 standard errors, for an interval of 1.96.
 */
export function detectableRise({ low, value }: Interval, margin = 0): number {
  const reach = value - low;
  return Math.max(reach, margin) + (POWER_Z / Z) * reach;
}

interface Answers {
  /** The paired difference in accuracy, as intervals.ts computes it for independent answers. */
  difference: Interval;
  n: number;
  /** Accuracy before: no more can be lost. */
  before: number;
  margin?: number;
}

/**
 * The smallest detectable fall in accuracy. It assumes as much random churn as in this measurement: the smaller of the
 * numbers of answers that became right and that became wrong. The power is computed exactly, because a fall also widens
 * its own interval: twenty unchanged answers could detect a fall of 32 points and not of 13, as 2.8 standard errors
 * would suggest. Infinity if even losing all right answers would not be detected.
 */
export function detectableFall({ difference: { low, high }, n, before, margin = 0 }: Answers): number {
  // The interval's centre gives the difference of the two kinds of changes, its width their sum.
  const net = Math.abs(low + high) / 2;
  const changed = ((high - low) / 2 / Z) ** 2 * (n + 1) + net ** 2;
  const gained = Math.max(0, Math.round(((changed - net) / 2) * (n + 1) - 0.5)) / n;
  const power = (fall: number) => chanceToShow({ n, gained, lost: gained + fall, margin });
  let [below, above] = [0, Math.max(0, before - gained)];
  if (!(power(above) >= POWER)) return Infinity;
  while (above - below > 1e-4) {
    const middle = (below + above) / 2;
    if (power(middle) < POWER) below = middle;
    else above = middle;
  }
  return above;
}

/** The probability of detecting a fall among `n` answers, given the probabilities of becoming right or wrong. */
function chanceToShow({
  n,
  gained,
  lost,
  margin,
}: Record<'n' | 'gained' | 'lost' | 'margin', number>): number {
  let [sum, least] = [0, 1];
  for (let up = 0, more = 1; up <= n && more > 1e-6; up += 1) {
    while (least <= n - up && !isShown(least, up, n, margin)) least += 1;
    const next = atLeast(up + 1, n, gained);
    if (least <= n - up) sum += (more - next) * atLeast(least, n - up, Math.min(1, lost / (1 - gained)));
    more = next;
  }
  return sum;
}

/** Whether Agresti and Min's interval (intervals.ts) lies below zero and the value beyond the margin. */
function isShown(down: number, up: number, n: number, margin: number): boolean {
  const [more, fewer] = [(down + 0.5) / (n + 1), (up + 0.5) / (n + 1)];
  const reach = Z * Math.sqrt((more + fewer - (more - fewer) ** 2) / (n + 1));
  return more - fewer > reach && (down - up) / n > margin;
}

/** The binomial probability of `count` or more among `n`. */
const atLeast = (count: number, n: number, chance: number): number =>
  count <= 0 ? 1 : count > n ? 0 : incompleteBeta(chance, count, n - count + 1);
