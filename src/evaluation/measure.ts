/** Measures tasks on models, a task at a time: what evaluating a run and evaluating a model have in common. */
import { UserError } from '../protocol/errors.ts';
import type { EvaluatorMessage } from '../protocol/evaluator.ts';
import { countsOf, type Counts } from './compare.ts';
import { FORGETTING, forgettingAverage } from './forgetting.ts';
import { Progress, type ProgressPart } from './progress.ts';
import type { Resources } from './resources.ts';
import { scoreItems, scoreTogether } from './score-items.ts';
import { chooseTasks } from './tasks/index.ts';
import type { EvaluatedModel, Item, ItemScore, PlanContext, SettingName, Task } from './tasks/task.ts';

export interface EvaluateOptions {
  /** Task names. Default: those that the run's plan asks for; of a model, those that need no run. */
  tasks?: readonly string[] | undefined;
  /** By task name: a local file, or a data set on the hub, instead of the task's own. */
  data?: Readonly<Record<string, string>> | undefined;
  /** Items of every task at most. */
  limit?: number | undefined;
  setting?: SettingName | undefined;
  onEvent?: ((message: EvaluatorMessage) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface Measurement {
  task: string;
  /** None of a task that could not be measured. */
  counts: Counts[];
  /** What they were counted from; an average of tasks has no items of its own. */
  of?: {
    task: Task;
    items: readonly Item[];
    /** Of each model, one for each item. */
    scores: readonly ItemScore[][];
  };
}

export class Evaluation {
  readonly progress: Progress;

  constructor(
    private readonly tasks: readonly Task[],
    private readonly options: EvaluateOptions,
    private readonly resources: Resources,
    ownParts: readonly ProgressPart[] = [],
  ) {
    for (const name of Object.keys(options.data ?? {})) chooseTasks([name]);
    this.progress = new Progress([...ownParts, ...tasks], (message) => this.emit(message));
  }

  emit(message: EvaluatorMessage): void {
    this.options.onEvent?.(message);
  }

  /** Task after task. One that can't be measured is a warning; one that was asked for by name is an error. */
  async *measure(models: readonly EvaluatedModel[], run?: PlanContext['run']): AsyncGenerator<Measurement> {
    const { tasks: asked, signal } = this.options;
    const all: Counts[] = [];
    for (const task of this.tasks) {
      signal?.throwIfAborted();
      try {
        const measurement = await this.measureTask(task, models, run);
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
  ): Promise<Measurement> {
    const { setting = 'quick', limit, data, signal } = this.options;
    const warn = (message: string) => this.emit({ type: 'warning', message });
    const { base } = this.resources;
    const plan = await task.plan({ setting, limit, data: data?.[task.name], base, run, warn, signal });
    const { together = [] } = plan;
    const items = [...together, ...plan.items];
    const total = items.length * models.length;
    let done = 0;
    this.progress.report(task.name, done, total);
    const context = {
      sandbox: () => this.resources.sandbox(),
      onScore: () => this.progress.report(task.name, (done += 1), total),
      signal,
    };
    const scores = await scoreTogether(task, together, models, context);
    for (const [at, model] of models.entries()) {
      scores[at]!.push(...(await scoreItems(task, plan.items, model, context)));
      if (models.length > 1) await model.rest();
    }
    const measures = plan.measures.map((one) => ({ ...one, task: task.name, setting: plan.setting }));
    return { task: task.name, counts: countsOf(measures, scores, items), of: { task, items, scores } };
  }
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
