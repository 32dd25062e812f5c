/** Measures tasks on models, a task at a time: what evaluating a run and evaluating a model have in common. */
import { UserError } from '../protocol/errors.ts';
import type { EvaluatorMessage } from '../protocol/evaluator.ts';
import { countsOf, type Counts } from './figures/compare.ts';
import { FORGETTING } from '../training/checkpoints/forgetting-figure.ts';
import { forgettingAverage } from './figures/forgetting.ts';
import { EvaluationProgress, type ProgressPart } from './progress.ts';
import type { Resources } from './resources.ts';
import { scoreItems, scoreTogether } from './scoring/score-items.ts';
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
} from './tasks/task.ts';

export interface EvaluateOptions {
  /** Task names. Default: those that the run's plan asks for; of a model, those that need no run. */
  tasks?: readonly string[] | undefined;
  /** By task name: a local file, or a data set on the hub, instead of the task's own. */
  data?: Readonly<Record<string, string>> | undefined;
  /** Items of every task at most. */
  limit?: number | undefined;
  setting?: SettingName | undefined;
  /** As much as there is time for by the run's plan; without it, all. Not for whole models: they take turns in memory. */
  timed?: boolean | undefined;
  onEvent?: ((message: EvaluatorMessage) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface Measurement {
  task: string;
  /** None of a task that could not be measured. */
  counts: Counts[];
  /** There was no time for all of its items. */
  cut?: boolean;
  /** What they were counted from; an average of tasks has no items of its own. */
  of?: {
    task: Task;
    items: readonly Item[];
    /** Of each model, one for each item. */
    scores: readonly ItemScore[][];
  };
}

export class Evaluation {
  readonly progress: EvaluationProgress;

  constructor(
    private readonly tasks: readonly Task[],
    private readonly options: EvaluateOptions,
    private readonly resources: Resources,
    ownParts: readonly ProgressPart[] = [],
  ) {
    for (const name of Object.keys(options.data ?? {})) chooseTasks([name]);
    this.progress = new EvaluationProgress([...ownParts, ...tasks], (message) => this.emit(message));
  }

  emit(message: EvaluatorMessage): void {
    this.options.onEvent?.(message);
  }

  /**
   * Task after task, until `deadline` (as performance.now() tells it), of which each has its share. One that can't be
   * measured is a warning; one that was asked for by name is an error.
   */
  async *measure(
    models: readonly EvaluatedModel[],
    run?: PlanContext['run'],
    deadline = Infinity,
  ): AsyncGenerator<Measurement> {
    const { tasks: asked, signal } = this.options;
    const all: Counts[] = [];
    for (const [at, task] of this.tasks.entries()) {
      signal?.throwIfAborted();
      const until = shareOf(deadline, this.tasks.slice(at));
      try {
        const measurement = await this.measureTask(task, models, run, until);
        all.push(...measurement.counts);
        yield measurement;
      } catch (error) {
        // Without a network, or without held-out files, the rest is worth having.
        if (asked || signal?.aborted || !(error instanceof UserError)) throw error;
        const message = `${task.title} was not measured: ${error.message} ${error.next}`;
        this.emit({ type: 'warning', message });
        yield { task: task.name, counts: [] };
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
    const warn = (message: string) => this.emit({ type: 'warning', message });
    const { base } = this.resources;
    const plan = await task.plan({ setting, limit, data: data?.[task.name], base, run, warn, signal });
    const all = plan.items.length + (plan.together?.length ?? 0);
    let done = 0;
    this.progress.report(task.name, done, all * models.length);
    const { items, scores } = await this.scorePlan(task, plan, models, {
      until,
      sandbox: () => this.resources.sandbox(),
      onScore: () => this.progress.report(task.name, (done += 1), all * models.length),
      signal,
    });
    const cut = items.length < all;
    const how = cut
      ? `${plan.setting}; ${items.length} of these ${all} items in the time there was`
      : plan.setting;
    const measures = plan.measures.map((one) => ({ ...one, task: task.name, setting: how }));
    return { task: task.name, counts: countsOf(measures, scores, items), cut, of: { task, items, scores } };
  }

  /** All items, or a few of each kind after the other as long as there is time. */
  private async scorePlan(
    task: Task,
    { items: planned, together = [] }: Plan<Item>,
    models: readonly EvaluatedModel[],
    { until, ...context }: ScoreContext & { onScore(): void; until: number },
  ): Promise<{ items: Item[]; scores: ItemScore[][] }> {
    const items: Item[] = [];
    const scores = models.map((): ItemScore[] => []);
    const timed = until < Infinity;
    const mixed = timed ? planned.toSorted((a, b) => (a.digest < b.digest ? -1 : 1)) : planned;
    const size = timed ? Math.min(CHUNK, Math.max(2, task.parallel ?? 1)) : Math.max(1, planned.length);
    const isLate = () => items.length > 0 && performance.now() > until;
    for (let at = 0; at < mixed.length && !isLate(); at += size) {
      const chunk = mixed.slice(at, at + size);
      for (const [index, model] of models.entries()) {
        scores[index]!.push(...(await scoreItems(task, chunk, model, context)));
        if (models.length > 1) await model.rest();
      }
      items.push(...chunk);
    }
    for (const item of together) {
      if (isLate()) break;
      const found = await scoreTogether(task, [item], models, context);
      for (const [index, own] of found.entries()) scores[index]!.push(...own);
      items.push(item);
    }
    return { items, scores };
  }
}

/** Items that both models answer before more are begun, where the time may end. */
const CHUNK = 8;

/** When the first of these tasks has had its share of what is left. */
function shareOf(deadline: number, [task, ...later]: readonly Task[]): number {
  if (deadline === Infinity) return Infinity;
  const now = performance.now();
  const cost = task!.cost / [task!, ...later].reduce((total, one) => total + one.cost, 0);
  return now + cost * Math.max(0, deadline - now);
}

/** The error of an evaluation that was stopped; any other as it is. */
export const stopped = (error: unknown, signal: AbortSignal | undefined): unknown =>
  signal?.aborted
    ? new UserError(
        'cancelled',
        'The evaluation was stopped.',
        'Measure again when you like: it goes on where it was.',
        { cause: error },
      )
    : error;
