/**
 * The metrics that must not get worse, the margin of each, and how large a loss a run could have detected. Pure. The
 * reasons for this choice: docs/science.md.
 */
import { CHARACTERS, EXACT_LINES, findComparison, type Comparison, CURSORS } from '../protocol/evaluation.ts';
import { detectableFall, detectableRise } from '../statistics/detectable.ts';
import { exactCount } from './counts.ts';

/** A negligible loss: two points of a share of solved problems, .02 nats per token of a text's loss. */
export const MARGIN = 0.02;

interface Guard {
  task: string;
  metric: string;
  /** A loss up to this, in the metric's unit, doesn't prevent an offer. */
  margin: number;
  /** Clauses that say that it got worse and, for a loss in nats, that it did not, or that this is undecided. */
  worse: string;
  kept?: string;
  open?: string;
  /** A clause that says that it got better, for a metric of what was learned. Bits per byte have the verdict's. */
  gained?: string;
}

/** The quality of completions, and the abilities of the base. */
export const guarded: readonly Guard[] = [
  {
    task: CURSORS,
    metric: EXACT_LINES,
    margin: 0,
    worse: 'fewer lines are completed exactly',
    gained: 'it completes more of the lines kept out of training',
  },
  {
    task: CURSORS,
    metric: CHARACTERS,
    margin: 0,
    worse: 'fewer characters are predicted',
    gained: 'it predicts more of the characters kept out of training',
  },
  {
    task: 'workspace',
    metric: 'line exact match',
    margin: 0,
    worse: 'fewer lines are completed exactly',
    gained: 'it completes more of the lines kept out of training',
  },
  {
    task: 'workspace',
    metric: 'line edit similarity',
    margin: 0,
    worse: 'completed lines are less similar to the actual ones',
    gained: 'its completions are closer to the lines kept out of training',
  },
  {
    task: 'workspace',
    metric: 'characters saved',
    margin: 0,
    worse: 'completions save fewer characters',
    gained: 'it saves more typing in the files kept out of training',
  },
  {
    task: 'workspace',
    metric: 'bits per byte',
    margin: 0,
    worse: 'held-out text is predicted worse',
  },
  {
    task: 'humaneval',
    metric: 'pass@1',
    margin: MARGIN,
    worse: "fewer of HumanEval's problems are solved",
  },
  {
    task: 'humaneval',
    metric: 'loss of solutions',
    margin: MARGIN,
    worse: "HumanEval's reference solutions are predicted worse",
    kept: "HumanEval's reference solutions are predicted no worse",
    open: "it is unclear whether HumanEval's reference solutions are predicted worse",
  },
  {
    // Code of other languages, for example.
    task: 'retention',
    metric: 'source loss',
    margin: MARGIN,
    worse: 'the text given with --data retention is predicted worse',
    kept: 'the text given with --data retention is predicted no worse',
    open: 'it is unclear whether the text given with --data retention is predicted worse',
  },
];

export interface GuardedMetric {
  guard: Guard;
  comparison: Comparison;
}

export const guardedMetrics = (comparisons: readonly Comparison[]): GuardedMetric[] =>
  guarded.flatMap((guard) => {
    const comparison = findComparison(comparisons, guard.task, guard.metric);
    return comparison ? [{ guard, comparison }] : [];
  });

/** Whether it is significantly worse, by more than the margin. */
export const isWorse = ({ guard, comparison }: GuardedMetric): boolean =>
  comparison.significant && lossOf(comparison).value > guard.margin;

/** Whether it is significantly worse, but within the margin. */
export const isSlightlyWorse = ({ guard, comparison }: GuardedMetric): boolean =>
  comparison.significant && lossOf(comparison).value > 0 && lossOf(comparison).value <= guard.margin;

export const isBetter = (comparison: Comparison): boolean =>
  comparison.significant && lossOf(comparison).value < 0;

/**
 * The smallest true loss that the measurement would have detected in 80% of cases, in the metric's unit; Infinity if it
 * could not have detected any. Undefined if a loss beyond the margin is ruled out (by a 95% interval), or if nothing
 * was measured.
 */
export function undetectedLoss(comparison: Comparison, margin = MARGIN): number | undefined {
  const { before, after, better, difference } = comparison;
  if (!(after.n > 0) || lossOf(comparison).high <= margin) return undefined;
  const answers = better === 'higher' && [before, after].every((metric) => exactCount(metric) !== undefined);
  if (answers) return detectableFall({ difference, n: after.n, before: before.value, margin });
  const detectable = detectableRise(lossOf(comparison), margin);
  return better === 'higher' && detectable > before.value ? Infinity : detectable;
}

/** By how much it got worse, with its interval. */
function lossOf({ better, difference: { value, low, high } }: Comparison): Comparison['difference'] {
  return better === 'lower' ? { value, low, high } : { value: -value, low: -high, high: -low };
}
