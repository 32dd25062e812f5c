/**
 * Measures the chosen tasks at checkpoints while a run trains, each time in a separate process. Training waits
 * meanwhile: two processes at once would each take longer, and the time share could not be kept. The metrics decide
 * which checkpoint is kept.
 */
import type { RatioItem } from '../../statistics/statistics.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { Metric } from '../../protocol/evaluation.ts';
import { survivingEvents } from '../../protocol/events.ts';
import type { BackendName, RunSpec } from '../../protocol/run.ts';
import { formatDuration } from '../../text/units.ts';
import { readRun } from '../../runs/index.ts';
import type { RunWriter } from '../../runs/writer.ts';
import { availableMemory } from '../../platform/machine/available-memory.ts';
import { describeBest, rank, reasonToStop, type Rule } from './best.ts';
import { checkpointPart, knownCosts, rememberCost, type CostPlace } from '../measured-costs.ts';
import {
  afterMeasurement,
  affordableCheckpoints,
  allowance,
  checkpointInterval,
  checkpointsAfter,
  chooseNext,
  hasTimeForOne,
  secondsAhead,
  type Course,
  type Schedule,
} from './schedule.ts';
import { recordSchema, type MeasuringRecord } from './store.ts';
import { runEvaluatorProcess } from './evaluator-child.ts';
import { forgettingMetric, valueOf, type ForgettingMetric } from '../../findings/forgetting-metric.ts';
import type { PlannedDevice } from '../memory/device.ts';
import { lackAtCheckpoints } from '../memory/fit.ts';
import { planEvaluation, type BaseSizes } from '../memory/plan.ts';
import { english, msg, type Text, textOf, withTexts } from '../../text/message.ts';

export interface MeasuringOptions {
  dir: string;
  spec: RunSpec;
  writer: RunWriter;
  signal: AbortSignal;
  length: { readonly steps: number };
  backend: BackendName;
  /** The GPU that it computes on. */
  device: PlannedDevice | undefined;
  config: ModelConfig;
  /** Of the base. */
  sizes: BaseSizes;
}

/** Seconds that measuring a checkpoint takes at the least: two models are opened. */
const MIN_COST = 20;
/** A checkpoint takes at most this many times as long as measuring the base, whose scores may be cached. */
const MAX_COST_RATIO = 3;

interface Measurement {
  metrics: Metric[];
  seconds: number;
  isComplete: boolean;
}

export class CheckpointMeasuring {
  /** Part of every checkpoint. */
  record: MeasuringRecord = recordSchema.parse({});
  /** The phase to show when nothing is being measured. */
  label = 'Training';
  /** Whether checkpoints are compared with each other. */
  readonly comparesCheckpoints: boolean;
  private readonly tasks: readonly string[];
  private readonly rule: Rule;
  private readonly forgetting: ForgettingMetric | undefined;
  private readonly costPlace: CostPlace;
  private warned: Set<string> | undefined;

  constructor(private readonly options: MeasuringOptions) {
    const { evaluation, hyper } = options.spec;
    this.tasks = evaluation.checkpointTasks;
    this.rule = { limit: evaluation.forgettingLimit, patience: evaluation.patience };
    this.comparesCheckpoints = evaluation.keep === 'best' || evaluation.patience !== undefined;
    this.forgetting = forgettingMetric(this.tasks);
    const { base } = options.spec;
    this.costPlace = { base, method: hyper.method, backend: options.backend };
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

  /**
   * Measures the base first. That is done once for all of its runs and does not count in the time share. If a budget in
   * minutes leaves no time for a checkpoint and no decision needs one, the base is not measured. `onStart` is called
   * before.
   */
  async measureBase(onStart: () => Promise<void>): Promise<void> {
    if (!this.active) return;
    const { evaluation, minutes } = this.options.spec;
    const known = (await knownCosts(this.costPlace))(checkpointPart(evaluation))?.seconds;
    const needed = this.comparesCheckpoints || this.rule.limit !== undefined;
    const expected = known ?? MIN_COST;
    const isNeeded = needed || hasTimeForOne(minutes, evaluation.checkpointShare, expected);
    if (isNeeded) await onStart();
    const measured = isNeeded ? await this.measure(0) : undefined;
    const base = measured && valueOf(this.forgetting, measured.metrics);
    // A cost learned on a busy machine would never be corrected, because no checkpoint would be measured again.
    const now = measured && (known === undefined ? 1 : MAX_COST_RATIO) * measured.seconds;
    const schedule = { ...this.record.schedule, cost: Math.min(known ?? Infinity, now ?? expected) };
    this.record = { ...this.record, schedule, ...(base !== undefined && { base }) };
  }

  /** Adds seconds to the training time. */
  addTrainingTime(seconds: number): void {
    const { schedule } = this.record;
    this.record.schedule = { ...schedule, trained: schedule.trained + seconds };
  }

  /** Measures the tasks at the checkpoint of `step` and ranks it. `windows`: its held-out loss by window. */
  async measureCheckpoint(step: number, windows: readonly RatioItem[] | undefined): Promise<void> {
    const metrics = await this.metricsAt(step);
    // If stopped, the checkpoint is measured again when the run is resumed.
    if (this.options.signal.aborted) return;
    const value = valueOf(this.forgetting, metrics);
    const { base } = this.record;
    const forgetting =
      value === undefined || base === undefined ? undefined : this.forgetting!.measure(value, base);
    const candidate = {
      step,
      windows: [...(windows ?? [])],
      ...(forgetting !== undefined && { forgetting }),
    };
    const ranking =
      this.comparesCheckpoints && windows
        ? rank(this.record.ranking, candidate, this.rule)
        : this.record.ranking;
    this.record = { ...this.record, ranking, measured: step };
  }

  /** Why training should end after the last measured step. */
  reasonToStop(): string | undefined {
    return reasonToStop(this.record.ranking, this.rule, this.describe);
  }

  /** The checkpoint to keep and why; undefined means the last one. */
  async best(last: number): Promise<{ step: number; why: string } | undefined> {
    if (this.options.spec.evaluation.keep === 'last') return undefined;
    const { limit } = this.rule;
    const { best } = this.record.ranking;
    if (!best) {
      await this.warn(
        msg`Forgetting could not be measured at any checkpoint, so the last one is the result.`,
      );
      return undefined;
    }
    if (limit !== undefined && best.forgetting! > limit)
      await this.warn(
        msg`No checkpoint is within the forgetting limit (${this.describe(limit)}). The result is the one that forgot least: ${this.describe(best.forgetting!)} at step ${best.step}. A lower --lr or --replay forgets less.`,
      );
    return { step: best.step, why: describeBest(best, last, limit, this.describe) };
  }

  /** The most seconds that measuring may still add after step `step`. */
  secondsAhead(step: number): number {
    return this.active ? secondsAhead(this.record.schedule, step, this.course) : 0;
  }

  private readonly describe = (value: number): string =>
    this.forgetting ? this.forgetting.describe(value) : String(value);

  /** The metrics of the tasks at `step`, if they are due and there is time for them. */
  private async metricsAt(step: number): Promise<Metric[]> {
    if (!this.active) return [];
    if (step === this.options.length.steps)
      // The result is measured anyway; only a forgetting limit needs the metrics earlier, to choose the result.
      return this.rule.limit === undefined ? [] : (await this.measure(step)).metrics;
    if (step % this.course.interval !== 0) return [];
    const schedule = await this.nextSchedule(step);
    if (step < schedule.next!) return [];
    const limit = allowance(schedule, step, this.course);
    const { metrics, seconds, isComplete } = await this.measure(step, limit);
    if (this.options.signal.aborted) return [];
    this.record.schedule = afterMeasurement(schedule, { step, seconds, isComplete }, this.course);
    if (isComplete)
      await rememberCost(this.costPlace, checkpointPart(this.options.spec.evaluation), { seconds, items: 1 });
    return metrics;
  }

  /** The schedule with the next checkpoint to measure, decided at step `step`. */
  private async nextSchedule(step: number): Promise<Schedule> {
    const { next = 0 } = this.record.schedule;
    if (step < next) return this.record.schedule;
    const count = affordableCheckpoints(this.record.schedule, step, this.course);
    if (next === 0 || count === 0) {
      this.record.schedule = chooseNext(this.record.schedule, step, this.course);
      await this.warnSkipped(count, step);
    }
    return this.record.schedule;
  }

  /** Warns about checkpoints that are not measured, because that would exceed the time share. */
  private async warnSkipped(count: number, step: number): Promise<void> {
    const { cost, next } = this.record.schedule;
    const { share, interval } = this.course;
    const all = checkpointsAfter(step - interval, this.course);
    if (count >= all) return;
    const why = msg`one takes about ${formatDuration(cost)}, and together they may take ${Number((100 * share).toPrecision(3))}% of the training time`;
    const which =
      count === 0
        ? msg`There is no time to measure checkpoints (${this.tasks.join(', ')})`
        : msg`There is time to measure ${count} of ${all} checkpoints (${this.tasks.join(', ')}), next that of step ${next!}`;
    await this.warn(msg`${which}: ${why}. A larger --eval-share measures more.`, 'There is ');
  }

  /** Measures the checkpoint of `step` (0: the base). `limit` in seconds. What can't be measured becomes a warning. */
  private async measure(step: number, limit?: number): Promise<Measurement> {
    const { dir, writer, signal } = this.options;
    const metrics: Metric[] = [];
    const nothing = { metrics, seconds: 0, isComplete: false };
    if (signal.aborted || !(await this.fitsMemory())) return nothing;
    const label = step === 0 ? 'Base' : `Step ${step}`;
    const { seconds, stoppedBy, how } = await runEvaluatorProcess([dir, '--checkpoint', String(step)], {
      signal,
      ...(limit !== undefined && { limit }),
      onMessage: async (message) => {
        if (message.type === 'result' && message.step === step) {
          metrics.push(message.result);
          await writer.event({ ...message, type: 'evaluation' });
        }
        if (message.type === 'progress')
          await writer.state({ phase: `${label}: ${message.phase} ${message.done} of ${message.total}` });
        if (message.type === 'warning') await this.warn(textOf(message, 'message'));
        if (message.type === 'failed')
          await this.warn(msg`Measuring a checkpoint: ${textOf(message, 'message')}`);
      },
    });
    await writer.state({ phase: this.label });
    if (stoppedBy === 'crashed') await this.warn(msg`Measuring a checkpoint failed: ${how}.`);
    return { metrics, seconds, isComplete: stoppedBy === undefined };
  }

  /** Whether the memory is enough, of the GPU as in the plan (memory/fit.ts); else warns. */
  private async fitsMemory(): Promise<boolean> {
    const { spec, backend, device, config, sizes } = this.options;
    const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
    const lack = lackAtCheckpoints(device, config, spec.hyper, sizes.storedBytes);
    const needed = planEvaluation(config, spec.hyper, { backend, ...sizes });
    const available = await availableMemory();
    if (!lack && needed <= available) return true;
    await this.warn(
      lack
        ? msg`Checkpoints are not measured: with the training, that needs about ${gigabytes(lack.needed)} of memory on ${lack.name}, which has ${gigabytes(lack.memory)}.`
        : msg`Checkpoints are not measured: that needs about ${gigabytes(needed)} of memory besides the training, but only ${gigabytes(available)} is available.`,
      'Checkpoints are not measured',
    );
    return false;
  }

  /** Emits a warning once in a run, even if the run is resumed; messages that begin with `kind` count as the same. */
  private async warn(message: Text, kind = english(message)): Promise<void> {
    if (!this.warned) {
      const { events } = await readRun(this.options.dir);
      this.warned = new Set(
        survivingEvents(events).flatMap((event) => (event.type === 'warning' ? [event.message] : [])),
      );
    }
    if ([...this.warned].some((message) => message.startsWith(kind))) return;
    this.warned.add(english(message));
    await this.options.writer.event({ type: 'warning', ...withTexts({ message }) });
  }
}
