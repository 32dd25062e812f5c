/**
 * Finds the learning rate of a run for which none was given or known: short trials from the base before the first step,
 * compared on the same text that none of them learns from. The model is restored after each, so the run is the same as
 * if its rate had been given.
 */
import type { Corpus } from '../../corpus/index.ts';
import type { SequenceSource } from '../../corpus/tokens/sequences.ts';
import type { Parameter, TrainableModel } from '../../model/index.ts';
import type { NewRunEvent } from '../../protocol/events.ts';
import { tokensPerStep, type Hyper, type RunSpec } from '../../protocol/run.ts';
import type { BaseLine, Trial } from '../../protocol/sweep.ts';
import { formatDuration } from '../../text/units.ts';
import { readRun } from '../../runs/index.ts';
import type { RunWriter } from '../../runs/writer.ts';
import { restoreInitialWeights } from '../checkpoints/store.ts';
import { defaultLearningRate, fallsWithLength } from '../default-rate.ts';
import { formatRate, foundReason } from './choose.ts';
import { runLoop } from '../loop.ts';
import { Optimizer } from '../optimizers.ts';
import { MIN_STEPS, minBudget, trialSeconds, trialSteps, type TrialCosts } from './trial-budget.ts';
import { maxTrialKl } from './trial-forgetting.ts';
import { MAX_WINDOWS, trialWindows, type TrialWindows } from './trial-windows.ts';
import { rememberRate } from './found-rates.ts';
import { expectedSteps } from '../run-length.ts';
import type { MachineRate } from '../session.ts';
import { chooseWithin, concludeTrials, trialRates } from '../sweep/choice.ts';
import { measureBase, probeKl, runTrial, takeProbes, type TrialTexts } from '../sweep/trial.ts';
import { msg, textOf, joinTexts, withTexts } from '../../text/message.ts';
import { awakeMs } from '../../platform/machine/awake.ts';

export interface RateTrialsOptions {
  dir: string;
  spec: RunSpec;
  writer: RunWriter;
  signal: AbortSignal;
  corpus: Corpus;
  sequences: SequenceSource;
  model: TrainableModel;
  /** The value of a parameter before the first step. */
  initial(parameter: Parameter): Promise<Float32Array>;
  rate: MachineRate;
  /** Reports what the run is doing. */
  phase(name: string): Promise<void>;
}

export interface SettledRate {
  learningRate: number;
  /** Seconds of the run's budget that it took. */
  seconds: number;
}

type RateEvent = Omit<Extract<NewRunEvent, { type: 'rate' }>, 'type'>;

/**
 * Share of the speed of large matrix products that training never exceeds: if trials don't fit at this speed, they
 * never do.
 */
const MAX_UTILISATION = 0.8;

/**
 * The learning rate of the run: the one settled at its start, else the one that trials find now. Undefined if `signal`
 * fired first; then nothing is settled.
 */
export async function settleRate(options: RateTrialsOptions): Promise<SettledRate | undefined> {
  const { dir, spec, writer } = options;
  if (!spec.learningRateTrials) return { learningRate: spec.hyper.learningRate, seconds: 0 };
  const settledEvent = (await readRun(dir)).events.findLast((event) => event.type === 'rate');
  const settled = settledEvent ?? (await new RateTrials(options).settle());
  if (!settled) return undefined;
  if (!settledEvent) await writer.event({ type: 'rate', ...settled });
  await writer.state({
    learningRate: { rate: settled.learningRate, ...withTexts({ why: textOf(settled, 'why') }) },
  });
  return settled;
}

interface TrialOutcome extends Pick<TrialWindows, 'heldOut'> {
  /** Of each trial. */
  steps: number;
  trials: Trial[];
  /** KL of what training begins with: 0 unless that is a reference adapter. */
  klAtZero: number;
  base: BaseLine;
}

class RateTrials {
  private readonly startedAt = awakeMs();
  /** The default for a run of this length. */
  private readonly defaultRate: number;
  private readonly rates: number[];
  private readonly overtime = new AbortController();
  /** Fires when the user stops the run or time runs out. */
  private readonly stopSignal: AbortSignal;

  constructor(private readonly options: RateTrialsOptions) {
    this.defaultRate = defaultRate(options);
    this.rates = trialRates(this.defaultRate);
    this.stopSignal = AbortSignal.any([options.signal, this.overtime.signal]);
  }

  async settle(): Promise<RateEvent | undefined> {
    const { spec, corpus, sequences, model, signal, phase } = this.options;
    if (fallsWithLength(model.config, plannedSteps(this.options)))
      return this.useDefault(
        'a run of this length needs a lower rate than trials of a few steps would choose',
      );
    await phase('Trying learning rates');
    const costs = await this.costs();
    if (signal.aborted) return undefined;
    const steps = trialSteps(spec, costs);
    if (steps < MIN_STEPS) return this.useDefault(this.tooShortReason(costs));
    const hyper: Hyper = { ...spec.hyper, steps };
    const { windows, heldOut } = trialWindows(corpus, hyper, spec.evaluation);
    if (windows.length === 0)
      return this.useDefault("nothing is left that trials don't learn from, so rates can't be compared");
    const texts: TrialTexts = { training: sequences, heldOut: windows };
    const base = await measureBase(model, hyper, texts, this.stopSignal);
    const tried = base && (await this.runTrials(hyper, texts, base));
    if (signal.aborted) return undefined;
    if (!tried) return this.useDefault('the trials of other rates took longer than their share of the run');
    return this.conclude({ ...tried, steps, base, heldOut });
  }

  private get seconds(): number {
    return (awakeMs() - this.startedAt) / 1000;
  }

  /** Costs by the measured time of a step; not measured if trials would not fit even at the highest speed. */
  private async costs(): Promise<TrialCosts> {
    const { spec, rate } = this.options;
    const costs = { rates: this.rates.length, windows: MAX_WINDOWS };
    const least = (tokensPerStep(spec.hyper) * rate.perToken) / (MAX_UTILISATION * rate.perSecond);
    const fastest = { ...costs, perStep: least, spent: 2 * least };
    if (spec.minutes === undefined || trialSteps(spec, fastest) < MIN_STEPS) return fastest;
    return { ...costs, perStep: await this.measureStep(), spent: this.seconds };
  }

  private tooShortReason(costs: TrialCosts): string {
    const { spec } = this.options;
    const least = minBudget(spec, costs);
    const needed = spec.minutes === undefined ? `${least} steps` : formatDuration(60 * Math.ceil(least));
    return `the budget is too short for trials of other rates, which need a run of at least ${needed}`;
  }

  /** Seconds of a second step; the first one is slow because it touches all memory for the first time. */
  private async measureStep(): Promise<number> {
    const { spec, model, sequences } = this.options;
    const hyper = { ...spec.hyper, steps: 2, learningRate: this.rates[0]! };
    const optimizer = new Optimizer(model, hyper);
    let last = 0;
    try {
      await runLoop({
        hyper,
        model,
        optimizer,
        sequences,
        from: 0,
        signal: this.stopSignal,
        onStep: ({ seconds }) => Promise.resolve(void (last = seconds)),
      });
    } finally {
      optimizer.dispose();
      await this.restoreModel();
    }
    return last;
  }

  /** What overflowed f16 at a rate that is too high need not do so in the run. */
  private async restoreModel(): Promise<void> {
    this.options.model.returnToF16();
    await restoreInitialWeights(this.options);
  }

  /** Tries rates in ascending order, and none above one that diverges. Undefined if time ran out. */
  private async runTrials(
    hyper: Hyper,
    texts: TrialTexts,
    base: BaseLine,
  ): Promise<Pick<TrialOutcome, 'trials' | 'klAtZero'> | undefined> {
    const { spec, model, writer } = this.options;
    const probes = await takeProbes(model, texts, spec.reference !== undefined);
    const klAtZero = spec.reference ? await probeKl(model, probes) : 0;
    const trials: Trial[] = [];
    for (const learningRate of this.rates) {
      const name = `Trying learning rate ${formatRate(learningRate)}`;
      const trial = await runTrial({
        model,
        hyper: { ...hyper, learningRate },
        texts,
        base,
        probes,
        signal: this.stopSignal,
        onStep: (step) => {
          if (this.seconds > trialSeconds(spec)) this.overtime.abort();
          void writer.state({ phase: `${name}: step ${step} of ${hyper.steps}` }).catch(() => undefined);
        },
      }).finally(() => this.restoreModel());
      if (!trial) return undefined;
      trials.push(trial);
      if (trial.diverged) break;
    }
    return { trials, klAtZero };
  }

  private async conclude({ steps, trials, klAtZero, base, heldOut }: TrialOutcome): Promise<RateEvent> {
    const { spec, corpus } = this.options;
    const { rates } = concludeTrials(trials, base);
    const runSteps = this.runSteps(trials);
    const length = { trial: steps, run: runSteps };
    const maxKl = maxTrialKl(spec.evaluation, spec.hyper.method, length, klAtZero);
    const { chosen, limited } = chooseWithin(trials, base, maxKl);
    const at = new Date().toISOString();
    const trainTokens = corpus.train.length;
    const kind = { ...spec, baseSha256: spec.base.sha256, trainTokens, steps: runSteps };
    if (chosen !== undefined) await rememberRate(kind, { rate: chosen, at });
    const all = rates.map(({ learningRate }) => formatRate(learningRate)).join(', ');
    const heldOutNote = heldOut ? ', compared on held-out files, since few others are left' : '';
    const description = `of ${steps} steps each, at ${all}${heldOutNote}`;
    return {
      // If everything diverged, no rate is known to be good; the next lower one is the best guess.
      learningRate: chosen ?? trialRates(this.rates[0]!)[0]!,
      ...withTexts({
        why:
          chosen === undefined
            ? msg`below the lowest rate tried in short trials, which diverged (${description})`
            : joinTexts([
                foundReason({ at }),
                `(${description}${limited ? '; a higher one would forget too much' : ''})`,
              ]),
      }),
      steps,
      seconds: this.seconds,
      trials: rates.map(({ learningRate, change, kl, diverged }) => ({
        learningRate,
        ...(change && { learned: change }),
        ...(kl !== undefined && { kl }),
        ...(diverged && { diverged }),
      })),
    };
  }

  /**
   * Steps of the run: those asked for, or those that fit into its minutes by the time per step in trials, which is
   * higher than in training.
   */
  private runSteps(trials: readonly Trial[]): number {
    const { minutes, hyper } = this.options.spec;
    if (minutes === undefined) return hyper.steps;
    const seconds = trials.reduce((sum, trial) => sum + trial.seconds, 0);
    const stepCount = trials.reduce((sum, { losses }) => sum + losses.length, 0);
    return Math.round((60 * minutes - this.seconds) / (seconds / stepCount));
  }

  private useDefault(why: string): RateEvent {
    return {
      learningRate: this.defaultRate,
      why: `the default for a base of this size: ${why}`,
      steps: 0,
      seconds: this.seconds,
      trials: [],
    };
  }
}

function defaultRate(options: RateTrialsOptions): number {
  const { spec, model } = options;
  const { minutes, hyper, reference } = spec;
  if (minutes === undefined) return hyper.learningRate;
  const steps = plannedSteps(options);
  return defaultLearningRate(hyper.method, hyper.optimizer, model.config, { steps, reference });
}

/**
 * The steps of the run. With a budget in minutes, the plan only guessed their number; here it is estimated from the
 * measured speed.
 */
function plannedSteps({ spec: { minutes, hyper }, rate }: RateTrialsOptions): number {
  if (minutes === undefined) return hyper.steps;
  const perStep = tokensPerStep(hyper) * rate.perToken;
  return expectedSteps(60 * minutes, { perStep, perSecond: rate.perSecond });
}
