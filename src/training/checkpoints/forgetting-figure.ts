/** The one figure of forgetting that a run's limit is about, out of those that it measures at checkpoints. */
import type { Metric } from '../../protocol/evaluation.ts';

/** What the paper's average is of. By length where the harness's users do; WinoGrande's choices are of one length. */
export const averagedMetrics = [
  { task: 'hellaswag', metric: 'acc_norm' },
  { task: 'arc_challenge', metric: 'acc_norm' },
  { task: 'winogrande', metric: 'acc' },
];
/** Measured again, they make an older average another one. */
export const averagedTasks = averagedMetrics.map(({ task }) => task);
export const FORGETTING = 'forgetting';

export interface ForgettingFigure {
  task: string;
  metric: string;
  /** For the person: "0.05 nats/token of KL from base". */
  describe(value: number): string;
  /** Of a figure against the base's, the larger the worse; 0 is the base. */
  of(value: number, base: number): number;
}

const share = (name: string) => (value: number) => `a fall of ${name} by ${(100 * value).toFixed(1)} points`;
const fall = (value: number, base: number) => base - value;

/** The first whose tasks are all measured counts. A KL needs no base and tells the least change. */
const figures: (ForgettingFigure & { needs: readonly string[] })[] = [
  {
    task: 'retention',
    metric: 'KL from base',
    needs: ['retention'],
    describe: (value) => `a KL from the base of ${Number(value.toPrecision(3))} nats/token`,
    of: (value) => value,
  },
  {
    task: FORGETTING,
    metric: 'average',
    needs: averagedTasks,
    describe: share('the forgetting average'),
    of: fall,
  },
  {
    task: 'humaneval',
    metric: 'pass@1',
    needs: ['humaneval'],
    describe: share("HumanEval's pass@1"),
    of: fall,
  },
  {
    task: 'gsm8k',
    metric: 'exact match',
    needs: ['gsm8k'],
    describe: share("GSM8K's exact match"),
    of: fall,
  },
];

/** For the person who has to choose. */
export const forgettingTasks = `retention; or ${averagedTasks.join(' and ')} together; or humaneval; or gsm8k`;

/** Undefined where none of the tasks tells of forgetting. */
export const forgettingFigure = (tasks: readonly string[]): ForgettingFigure | undefined =>
  figures.find(({ needs }) => needs.every((name) => tasks.includes(name)));

/** The figure's value among those that were measured. */
export const valueOf = (
  figure: Pick<ForgettingFigure, 'task' | 'metric'> | undefined,
  metrics: readonly Metric[],
): number | undefined =>
  metrics.find(({ task, metric }) => task === figure?.task && metric === figure.metric)?.value;
