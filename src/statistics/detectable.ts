/** How large a true change has to be so that a measurement shows it in 80% of cases, judged by the interval that it had. */
import { Z, type Interval } from './statistics.ts';
import { incompleteBeta } from './student.ts';

const POWER = 0.8;
/** A normal distribution has 1 - `POWER` below -POWER_Z. */
const POWER_Z = 0.8416212335729143;

/**
 * The smallest rise of a figure that is shown: its interval lies above zero, its value above `margin`. Without a margin
 * 2.8 standard errors, for an interval of 1.96.
 */
export function detectableRise({ low, value }: Interval, margin = 0): number {
  const reach = value - low;
  return Math.max(reach, margin) + (POWER_Z / Z) * reach;
}

interface Answers {
  /** The paired difference of the share that is right, as intervals.ts makes it of independent answers. */
  difference: Interval;
  n: number;
  /** Share that was right before: no more can be lost. */
  before: number;
  margin?: number;
}

/**
 * The smallest fall of the share of right answers that is shown. As many answers become right as did in this
 * measurement without need: the smaller number of those that changed to right and to wrong. Exact for that: a fall makes
 * its own interval wider, so twenty answers that agree show none of 13 points, as 2.8 standard errors suggest, but of
 * 32. Infinity if not even the loss of all that was right would be shown.
 */
export function detectableFall({ difference: { low, high }, n, before, margin = 0 }: Answers): number {
  // Its centre is the difference of the two kinds of changes, and its width tells their sum.
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

/** With these chances of an answer to become right or wrong, the chance that a fall is shown among `n`. */
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

/** Whether Agresti and Min's interval (intervals.ts) lies wholly on the side of a loss, with a value beyond the margin. */
function isShown(down: number, up: number, n: number, margin: number): boolean {
  const [more, fewer] = [(down + 0.5) / (n + 1), (up + 0.5) / (n + 1)];
  const reach = Z * Math.sqrt((more + fewer - (more - fewer) ** 2) / (n + 1));
  return more - fewer > reach && (down - up) / n > margin;
}

/** The chance of `count` or more among `n`. */
const atLeast = (count: number, n: number, chance: number): number =>
  count <= 0 ? 1 : count > n ? 0 : incompleteBeta(chance, count, n - count + 1);
