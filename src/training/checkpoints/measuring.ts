/**
 * Measures chosen tasks at checkpoints while a run trains, each time in a process of its own, for which training waits:
 * two that compute at once would each take longer, and no share could be kept. What came of it decides what is kept.
 */
import { stat } from 'node:fs/promises';
import type { RatioItem } from '../../statistics/statistics.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { Metric } from '../../protocol/evaluation.ts';
import { survivingEvents } from '../../protocol/events.ts';
import type { BackendName, RunSpec } from '../../protocol/run.ts';
import { readRun } from '../../runs/index.ts';
import type { RunWriter } from '../../runs/writer.ts';
import { availableMemory } from '../memory/available.ts';
import { describeBest, rank, reasonToStop, type Rule } from './best.ts';
import { knownCost, rememberCost, type MeasuredThing } from './costs.ts';
import {
  after,
  affordable,
  allowance,
  checkpointInterval,
  checkpointsAfter,
  decide,
  secondsAhead,
  type Course,
  type Schedule,
} from './schedule.ts';
import { recordSchema, type MeasuringRecord } from './store.ts';
import { runEvaluatorProcess } from './evaluator-child.ts';
import { forgettingFigure, valueOf, type ForgettingFigure } from './forgetting-figure.ts';
import { planEvaluation } from '../memory/plan.ts';

export interface MeasuringOptions {
  dir: string;
  spec: RunSpec;
  writer: RunWriter;
  signal: AbortSignal;
  length: { readonly steps: number };
  backend: BackendName;
  config: ModelConfig;
}

interface Measured {
  figures: Metric[];
  seconds: number;
  whole: boolean;
}

export class CheckpointMeasuring {
  /** Part of every checkpoint. */
  record: MeasuringRecord = recordSchema.parse({});
  /** What the run does otherwise, for the person. */
  label = 'Training';
  /** Whether checkpoints are held against each other. */
  readonly decides: boolean;
  private readonly tasks: readonly string[];
  private readonly rule: Rule;
  private readonly figure: ForgettingFigure | undefined;
  /** What its cost is remembered by. */
  private readonly thing: MeasuredThing;
  private told: Set<string> | undefined;

  constructor(private readonly options: MeasuringOptions) {
    const { evaluation, hyper } = options.spec;
    this.tasks = evaluation.checkpointTasks;
    this.rule = { limit: evaluation.forgettingLimit, patience: evaluation.patience };
    this.decides = evaluation.keep === 'best' || evaluation.patience !== undefined;
    this.figure = forgettingFigure(this.tasks);
    const { base } = options.spec;
    this.thing = { base, method: hyper.method, backend: options.backend, evaluation };
  }

  private get course(): Course {
    const { spec, length } = this.options;
    const { evaluation, hyper } = spec;
    return {
      steps: length.steps,
      interval: checkpointInterval(evaluation, hyper),
      share: evaluation.checkpointShare,
    };
  }

  /** Whether anything is measured besides the held-out loss. */
  get active(): boolean {
    return this.tasks.length > 0;
  }

  /** The base first: it is measured once for all of its runs, and not counted in the share. */
  async base(): Promise<void> {
    if (!this.active) return;
    const { figures, seconds } = await this.measure(0);
    const base = valueOf(this.figure, figures);
    const cost = (await knownCost(this.thing)) ?? seconds;
    const schedule = { ...this.record.schedule, cost };
    this.record = { ...this.record, schedule, ...(base !== undefined && { base }) };
  }

  /** Counts seconds of training. */
  trained(seconds: number): void {
    const { schedule } = this.record;
    this.record.schedule = { ...schedule, trained: schedule.trained + seconds };
  }

  /** Looks at the checkpoint of `step`, whose held-out loss by windows is known: tasks, then what follows for the run. */
  async look(step: number, windows: readonly RatioItem[] | undefined): Promise<void> {
    const figures = await this.figuresAt(step);
    // Stopped: it is looked at again when the run goes on.
    if (this.options.signal.aborted) return;
    const value = valueOf(this.figure, figures);
    const { base } = this.record;
    const forgetting = value === undefined || base === undefined ? undefined : this.figure!.of(value, base);
    const candidate = {
      step,
      windows: [...(windows ?? [])],
      ...(forgetting !== undefined && { forgetting }),
    };
    const ranking =
      this.decides && windows ? rank(this.record.ranking, candidate, this.rule) : this.record.ranking;
    this.record = { ...this.record, ranking, measured: step };
  }

  /** Why training should end after the step that was looked at last. */
  reasonToStop(): string | undefined {
    return reasonToStop(this.record.ranking, this.rule, this.describe);
  }

  /** The checkpoint to keep and why, where that is not simply the last one. */
  async best(last: number): Promise<{ step: number; why: string } | undefined> {
    if (this.options.spec.evaluation.keep === 'last') return undefined;
    const { limit } = this.rule;
    const { best } = this.record.ranking;
    if (!best) {
      await this.warn(
        'No checkpoint could be held against the forgetting limit, so the last one is the result.',
      );
      return undefined;
    }
    if (limit !== undefined && best.forgetting! > limit)
      await this.warn(
        `No checkpoint is within the forgetting limit (${this.describe(limit)}). The result is the one that forgot least: ${this.describe(best.forgetting!)} at step ${best.step}. A lower --lr or --replay forgets less.`,
      );
    return { step: best.step, why: describeBest(best, last, limit, this.describe) };
  }

  /** Seconds that measuring may still add after step `step`, at most. */
  secondsAhead(step: number): number {
    return this.active ? secondsAhead(this.record.schedule, step, this.course) : 0;
  }

  private readonly describe = (value: number): string =>
    this.figure ? this.figure.describe(value) : String(value);

  /** What the tasks give at `step`, where they are due and there is time for them. */
  private async figuresAt(step: number): Promise<Metric[]> {
    if (!this.active) return [];
    if (step === this.options.length.steps)
      // The result is measured anyway; only a limit asks before it is known which one that is.
      return this.rule.limit === undefined ? [] : (await this.measure(step)).figures;
    if (step % this.course.interval !== 0) return [];
    const schedule = await this.decided(step);
    if (step < schedule.next!) return [];
    const limit = allowance(schedule, step, this.course);
    const { figures, seconds, whole } = await this.measure(step, limit);
    if (this.options.signal.aborted) return [];
    this.record.schedule = after(schedule, { step, seconds, whole }, this.course);
    if (whole) await rememberCost(this.thing, seconds);
    return figures;
  }

  /** The schedule with the next checkpoint in it, by what is known at step `step`. */
  private async decided(step: number): Promise<Schedule> {
    const { next = 0 } = this.record.schedule;
    if (step < next) return this.record.schedule;
    const count = affordable(this.record.schedule, step, this.course);
    if (next === 0 || count === 0) {
      this.record.schedule = decide(this.record.schedule, step, this.course);
      await this.tell(count, step);
    }
    return this.record.schedule;
  }

  /** What there is no time for: to measure it would hold training up for longer than was asked. */
  private async tell(count: number, step: number): Promise<void> {
    const { cost, next } = this.record.schedule;
    const { share, interval } = this.course;
    const all = checkpointsAfter(step - interval, this.course);
    if (count >= all) return;
    const why = `one takes about ${cost.toPrecision(2)} s, and together they may take ${Number((100 * share).toPrecision(3))}% of the time of training`;
    const which =
      count === 0
        ? `There is no time to measure checkpoints (${this.tasks.join(', ')})`
        : `There is time to measure ${count} of ${all} checkpoints (${this.tasks.join(', ')}), next that of step ${next}`;
    await this.warn(`${which}: ${why}. A larger --eval-share measures more.`, 'There is ');
  }

  /** Step 0 is the base. `limit` in seconds. What can't be measured is a warning in the run. */
  private async measure(step: number, limit?: number): Promise<Measured> {
    const { dir, writer, signal } = this.options;
    const figures: Metric[] = [];
    const nothing = { figures, seconds: 0, whole: false };
    if (signal.aborted || !(await this.fitsMemory())) return nothing;
    const what = step === 0 ? 'Base' : `Step ${step}`;
    const { seconds, cut, how } = await runEvaluatorProcess([dir, '--checkpoint', String(step)], {
      signal,
      ...(limit !== undefined && { limit }),
      onMessage: async (message) => {
        if (message.type === 'result' && message.step === step) {
          figures.push(message.result);
          await writer.event({ type: 'evaluation', step, result: message.result, change: message.change });
        }
        if (message.type === 'progress')
          await writer.state({ phase: `${what}: ${message.phase} ${message.done} of ${message.total}` });
        if (message.type === 'warning') await this.warn(message.message);
        if (message.type === 'failed') await this.warn(`Measuring a checkpoint: ${message.message}`);
      },
    });
    await writer.state({ phase: this.label });
    if (cut === 'crashed') await this.warn(`Measuring a checkpoint failed: ${how}.`);
    return { figures, seconds, whole: cut === undefined };
  }

  private async fitsMemory(): Promise<boolean> {
    const { spec, backend, config } = this.options;
    const { size } = await stat(spec.base.path);
    const needed = planEvaluation(config, spec.hyper, { backend, baseBytes: size });
    const available = await availableMemory();
    if (needed <= available) return true;
    const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
    await this.warn(
      `Checkpoints are not measured: that takes about ${gigabytes(needed)} of memory beside the training, and ${gigabytes(available)} is available.`,
      'Checkpoints are not measured',
    );
    return false;
  }

  /** Once in a run, even if it begins several times; messages that begin with `kind` are one. */
  private async warn(message: string, kind = message): Promise<void> {
    if (!this.told) {
      const { events } = await readRun(this.options.dir);
      this.told = new Set(
        survivingEvents(events).flatMap((event) => (event.type === 'warning' ? [event.message] : [])),
      );
    }
    if ([...this.told].some((one) => one.startsWith(kind))) return;
    this.told.add(message);
    await this.options.writer.event({ type: 'warning', message });
  }
}
