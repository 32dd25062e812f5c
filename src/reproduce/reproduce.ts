/**
 * Carries out a plan within a budget and judges the claims: first the sweep, then the runs, most important first.
 * Finished work is kept; what does not fit is skipped and reported. The caller provides the processes (Launcher).
 */
import { basename, join } from 'node:path';
import { reportError } from '../text/errors.ts';
import { runsDir, sweepsDir } from '../platform/files/paths.ts';
import type { ClaimResult } from '../protocol/reproduction.ts';
import { Ledger, PROBLEMS, type ReproductionContext, type Makers } from './ledger.ts';
import { planStages, secondsOf, type Planned } from './plan.ts';
import { newSweep } from './runs.ts';
import { kindOf, main, stageOf, titleOf, type Kind, type StageName } from './stages.ts';
import type { Reproduction } from './store.ts';
import { isVariant, PART_RANKS, STRENGTHS, type VariantName } from './variants.ts';

/** The processes. Each resolves when it is done or, soon after `signal` fires, stopped. Errors: UserErrors. */
export interface Launcher extends Makers {
  train(runDir: string, signal: AbortSignal, onPhase: (phase: string) => void): Promise<void>;
  sweep(sweepDir: string, signal: AbortSignal, onPhase: (phase: string) => void): Promise<void>;
  evaluate(
    runDir: string,
    what: { tasks: string[]; data?: Record<string, string>; limit: number; setting: 'quick' | 'paper' },
    signal: AbortSignal,
    onPhase: (phase: string) => void,
  ): Promise<void>;
  /** Measures the result with its change scaled or cut to these ranks. */
  parts(
    runDir: string,
    which: { of: 'strengths' | 'ranks'; values: readonly number[] },
    signal: AbortSignal,
    onPhase: (phase: string) => void,
  ): Promise<void>;
}

export interface Reporter {
  /** A stage starts. `eta`: estimated seconds for this stage, and for everything that remains. */
  stage(title: string, number: number, of: number, eta: { stage: number; all: number }): void;
  /** Reports what the stage is currently doing. */
  phase(text: string): void;
  note(text: string): void;
}

interface ReproduceOptions extends ReproductionContext {
  launcher: Launcher;
  reporter: Reporter;
  /** The performance.now() by which all child processes must have been asked to stop. */
  deadline: number;
  /** Fires when the user stops the reproduction. */
  stop: AbortSignal;
}

/** Share of the remaining time that the sweep is planned for, and cut off at. */
export const SWEEP_SHARE = 0.25;
const SWEEP_LIMIT = 0.35;
/** Share of the remaining time that is planned, because things take longer than expected. */
export const PLANNED_SHARE = 0.9;
const DATA_ITEMS = 60;

/** Returns the requested claims, in order. Does not throw if a single stage fails. */
export async function reproduce(repro: Reproduction, options: ReproduceOptions): Promise<ClaimResult[]> {
  return await new LocalReproduction(repro, options).run();
}

/** The runs that a stage measures. */
export function runsOfStage(stage: StageName): StageName[] {
  const { kind, seed } = kindOf(stage);
  if (kind === 'spectrum') return [stageOf('full', seed)];
  const ofBoth: Kind[] = ['strengths', 'diversity', 'data'];
  return ofBoth.includes(kind) ? main.map((method) => stageOf(method, seed)) : [];
}

/** What the user should know about a plan before it is carried out. */
export function notesOf({ dropped, undecided }: Planned): string[] {
  const listed = undecided.map((claim) => `"${claim}"`).join(', ');
  return [
    ...dropped.map(({ claim }) => `No time is planned for "${claim}".`),
    ...(undecided.length > 0
      ? [`Planned with too few seeds to decide a difference between runs: ${listed}.`]
      : []),
  ];
}

class LocalReproduction {
  private readonly ledger: Ledger;
  /** Measured time of stages relative to the expected time. */
  private pace = 1;

  constructor(
    private readonly repro: Reproduction,
    private readonly options: ReproduceOptions,
  ) {
    this.ledger = new Ledger(repro, options);
  }

  private get secondsLeft() {
    return Math.max(0, (this.options.deadline - performance.now()) / 1000);
  }

  async run(): Promise<ClaimResult[]> {
    await this.ledger.readDone();
    if (!this.options.stop.aborted) await this.findRates();
    if (!this.options.stop.aborted) await this.runStages();
    return await this.judge();
  }

  /** Determines the learning rates of all runs: each method's best in a short sweep, else the defaults. */
  private async findRates(): Promise<void> {
    const { spec, state } = this.repro;
    // All runs use the same rates, so once there are runs the rates are fixed. Before that, a stopped sweep is resumed.
    if (state.rates && Object.keys(state.runs).length > 0) return;
    const { ledger } = this;
    const { launcher, reporter } = this.options;
    const planned = ledger.planSweep(SWEEP_SHARE * this.secondsLeft);
    if (!planned) {
      state.rates ??= { ...ledger.defaultRates(), why: 'the defaults, since there was no time for a sweep' };
      await ledger.save();
      return;
    }
    const limitSeconds = SWEEP_LIMIT * this.secondsLeft;
    reporter.stage(
      `Learning rates: ${planned.rates.lora.length} of each method, ${planned.steps} steps each`,
      1,
      1,
      { stage: SWEEP_SHARE * this.secondsLeft, all: this.secondsLeft },
    );
    try {
      state.sweep ??= await launcher.createSweep(newSweep(spec, ledger.variants.lora.hyper, planned));
      await ledger.save();
      const dir = join(sweepsDir(), state.sweep);
      await this.withTimeLimit(
        (signal) => launcher.sweep(dir, signal, (text) => reporter.phase(text)),
        limitSeconds,
      );
      const { spec: swept, lines } = await ledger.takeSweep('sweep', state.sweep);
      if (this.options.stop.aborted) return;
      ledger.settleRates(swept, lines);
    } catch (error) {
      this.fail('sweep', error);
      state.rates = { ...ledger.defaultRates(), why: 'the defaults, since the sweep failed' };
    }
    await ledger.save();
  }

  private async runStages(): Promise<void> {
    const { state } = this.repro;
    const { ledger } = this;
    const planned = planStages(ledger.planning(PLANNED_SHARE * this.secondsLeft));
    state.steps ??= planned.steps;
    await ledger.save();
    for (const note of notesOf(planned)) this.options.reporter.note(note);
    const stages = planned.stages.filter((stage) => !ledger.done.has(stage));
    for (const [i, stage] of stages.entries()) {
      if (this.options.stop.aborted) return;
      await this.runStage(stage, stages.slice(i), i + 1, stages.length);
      await this.judge();
    }
  }

  private expectedSeconds(stage: StageName): number {
    return this.pace * secondsOf(stage, this.repro.state.steps!, this.ledger.planning(0));
  }

  private async runStage(stage: StageName, left: StageName[], number: number, of: number): Promise<void> {
    const { reporter } = this.options;
    const seconds = this.expectedSeconds(stage);
    const title = titleOf(stage, this.ledger.variants);
    // The first stage is always tried, because the estimates may be too high.
    if (seconds > this.secondsLeft && number > 1) {
      reporter.note(`No time is left for ${title}: it takes about ${Math.round(seconds)} s.`);
      return;
    }
    if (runsOfStage(stage).some((name) => !this.ledger.done.has(name))) return;
    const all = left.reduce((sum, step) => sum + this.expectedSeconds(step), 0);
    reporter.stage(title, number, of, { stage: seconds, all: Math.min(all, this.secondsLeft) });
    const startedAt = performance.now();
    try {
      if (await this.withTimeLimit((signal) => this.carryOut(stage, signal))) this.ledger.done.add(stage);
      else return;
    } catch (error) {
      this.fail(stage, error);
      return;
    }
    const took = (performance.now() - startedAt) / 1000;
    // The newest stage has half the weight, because the machine's load changes.
    this.pace = (this.pace + (this.pace * took) / seconds) / 2;
  }

  /** Carries out a stage. Returns true if it is done, false if it was stopped. */
  private async carryOut(stage: StageName, signal: AbortSignal): Promise<boolean> {
    const { ledger } = this;
    const phase = (text: string) => this.options.reporter.phase(text);
    const { kind } = kindOf(stage);
    if (isVariant(kind)) return await this.train(stage, signal, phase);
    if (kind === 'sweep') return await this.runFurtherSweep(stage, signal, phase);
    for (const name of runsOfStage(stage)) {
      await this.measure(kind, join(runsDir(), this.repro.state.runs[name]!), signal, phase);
      if (signal.aborted) return false;
      await ledger.take(name);
    }
    this.repro.state.done.push(stage);
    await ledger.save();
    return true;
  }

  /** Additional measurements of a finished run. */
  private async measure(
    kind: Exclude<Kind, VariantName>,
    dir: string,
    signal: AbortSignal,
    phase: (text: string) => void,
  ): Promise<void> {
    const { launcher } = this.options;
    if (kind === 'strengths')
      return await launcher.parts(dir, { of: 'strengths', values: STRENGTHS }, signal, phase);
    if (kind === 'spectrum')
      return await launcher.parts(dir, { of: 'ranks', values: PART_RANKS }, signal, phase);
    const { data } = this.repro.spec;
    const what =
      kind === 'data'
        ? { tasks: Object.keys(data), data, limit: DATA_ITEMS, setting: 'quick' as const }
        : { tasks: ['humaneval'], limit: PROBLEMS, setting: 'paper' as const };
    await launcher.evaluate(dir, what, signal, phase);
  }

  private async runFurtherSweep(
    stage: StageName,
    signal: AbortSignal,
    phase: (text: string) => void,
  ): Promise<boolean> {
    const dir = await this.ledger.furtherSweep(stage);
    await this.options.launcher.sweep(dir, signal, phase);
    return (await this.ledger.takeSweep(stage, basename(dir))).finished;
  }

  private async train(name: StageName, signal: AbortSignal, phase: (text: string) => void): Promise<boolean> {
    const dir = join(runsDir(), await this.ledger.runOf(name));
    await this.options.launcher.train(dir, signal, phase);
    const done = await this.ledger.take(name);
    if (done) await this.ledger.dropCheckpoints(name);
    if (!done && !signal.aborted) throw new Error('it ended without a result, or not all of it was measured');
    return done;
  }

  private fail(stage: StageName, error: unknown): void {
    // An error after a stop is not a failure.
    if (this.options.stop.aborted || this.secondsLeft <= 0) return;
    const { message } = reportError(error);
    this.ledger.failed.set(stage, message.replace(/\.$/, ''));
    this.options.reporter.note(`${stage}: ${message}`);
  }

  /** Runs `work` with a signal that fires when the user stops, when the time is up, or after `seconds`. */
  private async withTimeLimit<T>(work: (signal: AbortSignal) => Promise<T>, seconds = Infinity): Promise<T> {
    const { stop } = this.options;
    // Not AbortSignal.any, which Node 20 may garbage-collect before its timeout fires.
    const limit = new AbortController();
    const end = () => limit.abort();
    const timer = setTimeout(end, 1000 * Math.min(seconds, this.secondsLeft));
    stop.addEventListener('abort', end);
    if (stop.aborted) end();
    try {
      return await work(limit.signal);
    } finally {
      clearTimeout(timer);
      stop.removeEventListener('abort', end);
    }
  }

  private judge(): Promise<ClaimResult[]> {
    return this.ledger.judge(this.options.stop.aborted ? 'stopped' : 'budget');
  }
}
