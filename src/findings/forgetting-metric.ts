/** The metric of forgetting that a run's limit applies to, chosen from those measured at checkpoints. */
import type { Metric } from '../protocol/evaluation.ts';

/**
 * The metrics in the paper's average. Accuracy is normalised by length where the harness does so; WinoGrande's choices
 * have equal length.
 */
export const averagedMetrics = [
  { task: 'hellaswag', metric: 'acc_norm' },
  { task: 'arc_challenge', metric: 'acc_norm' },
  { task: 'winogrande', metric: 'acc' },
];
/** Measuring one of these again changes the average. */
export const averagedTasks = averagedMetrics.map(({ task }) => task);
export const FORGETTING = 'forgetting';

export interface ForgettingMetric {
  task: string;
  metric: string;
  /** "a KL from the base of 0.05 nats/token" */
  describe(value: number): string;
  /** Forgetting relative to the base's value: higher is worse, 0 is the base. */
  measure(value: number, base: number): number;
}

const share = (name: string) => (value: number) => `a fall of ${name} by ${(100 * value).toFixed(1)} points`;
const fall = (value: number, base: number) => base - value;

/**
 * The first one whose tasks are all measured is used. KL comes first, because it needs no value of the base and is the
 * most sensitive.
 */
const candidates: (ForgettingMetric & { needs: readonly string[] })[] = [
  {
    task: 'retention',
    metric: 'KL from base',
    needs: ['retention'],
    describe: (value) => `a KL from the base of ${Number(value.toPrecision(3))} nats/token`,
    measure: (value) => value,
  },
  {
    task: FORGETTING,
    metric: 'average',
    needs: averagedTasks,
    describe: share('the forgetting average'),
    measure: fall,
  },
  {
    task: 'humaneval',
    metric: 'pass@1',
    needs: ['humaneval'],
    describe: share("HumanEval's pass@1"),
    measure: fall,
  },
  {
    task: 'gsm8k',
    metric: 'exact match',
    needs: ['gsm8k'],
    describe: share("GSM8K's exact match"),
    measure: fall,
  },
];

/** The possible tasks, as text. */
export const forgettingTasks = `retention; or ${averagedTasks.join(' and ')} together; or humaneval; or gsm8k`;

/** Undefined if the tasks measure no forgetting. */
export const forgettingMetric = (tasks: readonly string[]): ForgettingMetric | undefined =>
  candidates.find(({ needs }) => needs.every((name) => tasks.includes(name)));

/** Its value among the measured metrics. */
export const valueOf = (
  wanted: Pick<ForgettingMetric, 'task' | 'metric'> | undefined,
  metrics: readonly Metric[],
): number | undefined =>
  metrics.find(({ task, metric }) => task === wanted?.task && metric === wanted.metric)?.value;
