/** Measures tasks on models, one task at a time: shared by evaluating a run and evaluating a model. */
import { describeError, UserError, type ErrorCode } from '../text/errors.ts';
import type { Comparison } from '../protocol/evaluation.ts';
import { againstContinued } from '../protocol/evaluation.ts';
import { REFERENCE_MODEL } from '../protocol/run.ts';
import { msg, type Text, withTexts } from '../text/message.ts';
import type { EvaluatorMessage } from '../protocol/evaluator.ts';
import type { Cost } from '../training/measured-costs.ts';
import { diverged } from './diverged.ts';
import { areNumbers, countsOf, type Counts } from './metrics/compare.ts';
import { FORGETTING } from '../findings/forgetting-metric.ts';
import { forgettingAverage } from './metrics/forgetting.ts';
import { EvaluationProgress, type ProgressPart } from './progress.ts';
import type { Resources } from './resources.ts';
import { knownScores, scoreItems, scoreTogether, type OnScored } from './scoring/score-items.ts';
import type { TimeTable } from './time.ts';
import { chooseTasks } from './tasks/index.ts';
import type {
  EvaluatedModel,
  Item,
  ItemScore,
  Plan,
  PlanContext,
  ScoreContext,
  SettingName,
  Task,
} from './task.ts';
import { awakeMs } from '../platform/machine/awake.ts';

export interface EvaluateOptions {
  /** Task names. Default: those of the run's plan; for a model, those that need no run. */
  tasks?: readonly string[] | undefined;
  /** By task name: a local file or a data set on the hub that replaces the task's own data. */
  data?: Readonly<Record<string, string>> | undefined;
  /** Maximum number of items per task. */
  limit?: number | undefined;
  setting?: SettingName | undefined;
  /**
   * Measures only as much as the run's plan allows time for; without it, everything. Whole models are always measured
   * completely, since they take turns in memory.
   */
  timed?: boolean | undefined;
  onEvent?: ((message: EvaluatorMessage) => void) | undefined;
  /** Called with the cost of each part that was measured. */
  onCost?: ((part: string, cost: Cost) => Promise<void>) | undefined;
  signal?: AbortSignal | undefined;
}

export interface Measurement {
  task: string;
  /** Empty for a task that can't be measured here. */
  counts: Counts[];
  /** There was not enough time for all of its items. */
  cut?: boolean;
  /** The items and scores behind the counts; undefined for an average of tasks, which has no items of its own. */
  of?: {
    task: Task;
    items: readonly Item[];
    /** For each model, one score per item. */
    scores: readonly ItemScore[][];
  };
  /** The counts of the model that training began with, where the others are compared with the base and it is known. */
  third?: Counts[];
}

export class Evaluation {
  readonly progress: EvaluationProgress;

  constructor(
    private readonly tasks: readonly Task[],
    private readonly options: EvaluateOptions,
    private readonly resources: Resources,
    /** All parts, with their seconds. Default: only the tasks. */
    parts?: readonly ProgressPart[],
  ) {
    for (const name of Object.keys(options.data ?? {})) chooseTasks([name]);
    this.progress = new EvaluationProgress(parts ?? tasks, (message) => this.emit(message));
    this.progress.inSeconds = parts !== undefined;
  }

  emit(message: EvaluatorMessage): void {
    this.options.onEvent?.(message);
  }

  /** Emits the metrics of the base and of the weights at `step`. */
  emitComparison(step: number, { before, after, difference: change, better }: Comparison): void {
    this.emit({ type: 'result', step: 0, result: before, better });
    this.emit({ type: 'result', step, result: after, change, better });
  }

  /**
   * Measures one task after the other. A task that can't be measured is a warning; if it was requested by name, an
   * error. With a `table`, each gets its share of the time. Tasks that no longer fit, and those that may succeed another
   * time, are left out.
   */
  async *measure(
    models: readonly EvaluatedModel[],
    run?: PlanContext['run'],
    table?: TimeTable,
  ): AsyncGenerator<Measurement> {
    const { tasks: asked, signal } = this.options;
    const all: Counts[] = [];
    for (const task of this.tasks) {
      signal?.throwIfAborted();
      if (table?.hasTimeFor(task.name) === false) {
        this.progress.leaveOut(task.name);
        continue;
      }
      const until = (this.progress.until = table?.until(task.name) ?? Infinity);
      try {
        const measurement = await this.measureTask(task, models, run, until);
        all.push(...measurement.counts);
        yield measurement;
      } catch (error) {
        // If a task lacks a network or held-out files, the other tasks are still measured.
        if (asked || signal?.aborted || !(error instanceof UserError)) throw error;
        const message = msg`${task.title} was not measured: ${describeError(error)}`;
        this.emit({ type: 'warning', ...withTexts({ message }) });
        const isLasting = lasting.includes(error.code) && this.options.data?.[task.name] === undefined;
        if (isLasting) yield { task: task.name, counts: [] };
      }
    }
    const average = forgettingAverage(all);
    if (average) yield { task: FORGETTING, counts: [average] };
  }

  private async measureTask(
    task: Task,
    models: readonly EvaluatedModel[],
    run: PlanContext['run'],
    until: number,
  ): Promise<Measurement> {
    const { setting = 'quick', limit, data, signal } = this.options;
    const warn = (message: Text) => this.emit({ type: 'warning', ...withTexts({ message }) });
    const { base } = this.resources;
    const before = task.needsRun ? await this.resources.before() : base;
    const compared = models.map((model) => (model === base ? before : model));
    // Planning may take a while: texts are sampled, files are read.
    this.progress.report(task.name, 0, 1);
    const start = awakeMs();
    const plan = await task.plan({ setting, limit, data: data?.[task.name], base, run, warn, signal });
    const all = plan.items.length + (plan.interleaved?.length ?? 0);
    let done = 0;
    this.progress.report(task.name, done, all * models.length);
    let computed = 0;
    const { items, scores } = await this.scorePlan(task, plan, compared, {
      until,
      sandbox: () => this.resources.sandbox(),
      onScore: (isNew) => {
        computed += Number(isNew);
        this.progress.report(task.name, (done += 1), all * models.length);
      },
      signal,
    });
    const seconds = (awakeMs() - start) / 1000;
    // Else planning and loading would count as the cost of a few items.
    if (computed > done / 4)
      await this.options.onCost?.(task.name, { seconds: seconds / computed, items: all * models.length });
    const cut = items.length < all;
    const settings = nameBefore(describeSetting(plan, items.length, all), { before, base });
    const how = msg`${setting}: ${settings}`;
    const measures = plan.measures.map((measure) => ({ ...measure, task: task.name, setting: how }));
    const counts = countsOf(measures, scores, items);
    if (!counts.every(areNumbers)) throw diverged();
    const reference = await this.resources.before();
    const known = before === base && reference !== base && (await knownScores(task, items, reference));
    const third = known ? countsOf(measures, [known], items) : [];
    return { task: task.name, counts, cut, of: { task, items, scores }, third };
  }

  /** Scores all items; if time is limited, in shuffled order and in chunks until it is over. */
  private async scorePlan(
    task: Task,
    { items: planned, interleaved = [] }: Plan<Item>,
    models: readonly EvaluatedModel[],
    { until, ...context }: ScoreContext & OnScored & { until: number },
  ): Promise<{ items: Item[]; scores: ItemScore[][] }> {
    const items: Item[] = [];
    const scores = models.map((): ItemScore[] => []);
    const timed = until < Infinity;
    const mixed = timed ? planned.toSorted(byPriority) : planned;
    const size = timed ? Math.min(CHUNK, Math.max(2, task.parallel ?? 1)) : Math.max(1, planned.length);
    let took = 0;
    // Another chunk would overrun by more than half of its time.
    const isLate = () => items.length > 0 && awakeMs() + took / 2 > until;
    for (let at = 0; at < mixed.length && !isLate(); at += size) {
      const start = awakeMs();
      const chunk = mixed.slice(at, at + size);
      for (const [index, model] of models.entries()) {
        scores[index]!.push(...(await scoreItems(task, chunk, model, context)));
        // Only one model may fit in memory.
        if (models.length > 1) await model.releaseMemory();
      }
      items.push(...chunk);
      took = awakeMs() - start;
    }
    took = 0;
    for (const item of interleaved) {
      if (isLate()) break;
      const found = await scoreTogether(task, [item], models, context);
      for (const [index, own] of found.entries()) scores[index]!.push(...own);
      items.push(item);
    }
    return { items, scores };
  }
}

/** Another try would fail in the same way, unless it had other data. */
const lasting: readonly ErrorCode[] = ['bad-argument', 'corpus-empty', 'diverged'];

/** Shuffled, but the most informative items first. */
const byPriority = (a: Item, b: Item): number =>
  Number(b.first ?? false) - Number(a.first ?? false) || (a.digest < b.digest ? -1 : 1);

/** Number of items that all models answer before the next ones are started, if time is limited. */
const CHUNK = 8;

/** How it was measured, for display. */
export const describeSetting = (
  { setting }: Pick<Plan<Item>, 'setting'>,
  measured: number,
  all: number,
): Text => (measured < all ? msg`${setting}; ${measured} of these ${all} items, as time allowed` : setting);

/** Adds what the result is compared with, if that is not the base alone. */
export function nameBefore(
  setting: Text,
  { before, base }: Record<'before' | 'base', Pick<EvaluatedModel, 'name'>>,
): Text {
  if (before === base) return setting;
  return before.name === REFERENCE_MODEL
    ? msg`${setting}; before: the base with its reference adapter`
    : againstContinued(setting);
}

/** Turns any error of a stopped evaluation into `cancelled`; returns others unchanged. */
export const toCancelled = (error: unknown, signal: AbortSignal | undefined): unknown =>
  signal?.aborted
    ? new UserError(
        'cancelled',
        msg`The evaluation was stopped.`,
        msg`Measure again when you want: it resumes where it stopped.`,
        { cause: error },
      )
    : error;
