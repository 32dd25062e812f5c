/**
 * Carries out a plan within a budget and judges the claims: first the sweep, then run after run, the most important
 * first. Finished work is kept; what there is no time for is left out and reported. The caller provides the processes
 * (Engine).
 */
import type { BaseShape } from '../base-models/registry.ts';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { reportError } from '../protocol/errors.ts';
import { runsDir, sweepsDir } from '../protocol/paths.ts';
import type { ClaimId, ClaimResult, Method } from '../protocol/reproduction.ts';
import type { SweepLine, SweepSpec } from '../protocol/sweep.ts';
import { readRun } from '../runs/index.ts';
import { defaultLearningRate } from '../training/default-rate.ts';
import { concludeSweep } from '../training/sweep/choice.ts';
import { readSweep } from '../training/sweep/store.ts';
import { claims } from './claims.ts';
import { guessCosts, stepCosts, type MachineGuess } from './costs.ts';
import { readMeasured, type Evidence } from './evidence.ts';
import { judgeClaims } from './judge.ts';
import { planStages, planSweep, secondsOf, type Costs, type Planning, type StageName } from './plan.ts';
import { reportMarkdown } from './report.ts';
import { newRun, newSweep } from './runs.ts';
import { extras, order, titles } from './stages.ts';
import { writeClaims, writeState, type Reproduction } from './store.ts';
import { variantsFor, type VariantName } from './variants.ts';

/** The processes. Each resolves when it is done or, soon after `signal` fires, stopped. Errors: UserErrors. */
export interface Engine {
  /** Creates a run with its corpus; returns its id. */
  createRun(run: ReturnType<typeof newRun>): Promise<string>;
  createSweep(sweep: ReturnType<typeof newSweep>): Promise<string>;
  train(runDir: string, signal: AbortSignal, onPhase: (phase: string) => void): Promise<void>;
  sweep(sweepDir: string, signal: AbortSignal, onPhase: (phase: string) => void): Promise<void>;
  evaluate(
    runDir: string,
    what: { tasks: string[]; data?: Record<string, string>; limit: number; setting: 'quick' | 'paper' },
    signal: AbortSignal,
    onPhase: (phase: string) => void,
  ): Promise<void>;
  spectrum(runDir: string, signal: AbortSignal, onPhase: (phase: string) => void): Promise<void>;
}

export interface Reporter {
  /** A stage starts. `eta`: estimated seconds of this stage, and of all that is left. */
  stage(title: string, number: number, of: number, eta: { stage: number; all: number }): void;
  /** Reports what the stage is doing. */
  phase(text: string): void;
  note(text: string): void;
}

export interface ReproduceOptions {
  engine: Engine;
  reporter: Reporter;
  /** The performance.now() at which all child processes must have been asked to stop. */
  deadline: number;
  /** Fires when the user stops it. */
  stop: AbortSignal;
  machine: MachineGuess;
  /** Shape of the base. */
  shape: BaseShape;
  /** The largest possible rank of the base's smallest matrix. */
  largestRank: number;
  /** Number of training tokens. */
  trainTokens: number;
}

/** Share of the time left that is planned for the sweep, and its limit if it takes longer. */
const SWEEP_SHARE = 0.25;
const SWEEP_LIMIT = 0.35;
/** Share of the time left that is planned for, because things take longer than expected. */
const PLANNED_SHARE = 0.9;
/** More passes over the text than the paper's four would teach nothing new. */
const EPOCHS = 4;
/** Number of HumanEval problems. */
const PROBLEMS = 6;
const DATA_ITEMS = 60;

/** Returns the requested claims, in order. The failure of a single stage is not thrown. */
export async function reproduce(repro: Reproduction, options: ReproduceOptions): Promise<ClaimResult[]> {
  return await new Reproducing(repro, options).run();
}

class Reproducing {
  private readonly variants;
  private readonly evidence: Evidence;
  private readonly done = new Set<StageName>();
  private readonly failed = new Map<StageName | 'sweep', string>();
  private costs: Costs;
  /** Measured time of stages divided by the expected time. */
  private pace = 1;

  constructor(
    private readonly repro: Reproduction,
    private readonly options: ReproduceOptions,
  ) {
    this.variants = variantsFor(options.largestRank);
    this.evidence = { variants: this.variants, runs: {} };
    this.costs = guessCosts(repro.spec, options.machine, stepCosts(repro.spec, options.machine));
  }

  private get dir() {
    return this.repro.dir;
  }
  private get secondsLeft() {
    return Math.max(0, (this.options.deadline - performance.now()) / 1000);
  }

  async run(): Promise<ClaimResult[]> {
    await this.readDone();
    if (!this.options.stop.aborted) await this.findRates();
    if (!this.options.stop.aborted) await this.runStages();
    return await this.judge();
  }

  /** Reads the finished work of an earlier process. */
  private async readDone(): Promise<void> {
    const { spec, state } = this.repro;
    for (const [name, id] of Object.entries(state.runs)) await this.take(name as VariantName, id);
    for (const stage of state.done as StageName[]) this.done.add(stage);
    await this.takeSpectrum();
    if (state.sweep && state.rates) await this.takeSweep(state.sweep);
    if (!Object.keys(spec.data).length) this.done.add('data');
    if (this.options.largestRank <= (this.variants.lora.hyper?.rank ?? 0))
      this.failed.set(
        'lora-high-rank',
        `the base's smallest matrix allows no rank above ${this.options.largestRank}`,
      );
  }

  /** Takes over a run; true if it is done and measured. */
  private async take(name: VariantName, id: string): Promise<boolean> {
    const dir = join(runsDir(), id);
    const run = await readRun(dir).catch(() => undefined);
    if (run?.state.status !== 'done' || !run.summary || run.summary.pending) return false;
    this.evidence.runs[name] = await readMeasured(dir);
    this.done.add(name);
    return true;
  }

  private async takeSpectrum(): Promise<void> {
    const id = this.repro.state.runs['full'];
    if (id && this.done.has('spectrum'))
      this.evidence.spectrum = (await readRun(join(runsDir(), id))).spectrum;
  }

  private async takeSweep(id: string): Promise<{ spec: SweepSpec; lines: SweepLine[] }> {
    const { spec, lines } = await readSweep(join(sweepsDir(), id));
    this.evidence.sweep = { spec, lines };
    return { spec, lines };
  }

  private save(): Promise<void> {
    return writeState(this.dir, this.repro.state);
  }

  /** Finds the learning rates of all runs: each method's best in a short sweep, else the defaults. */
  private async findRates(): Promise<void> {
    const { spec, state } = this.repro;
    // Once there are runs, the rates stay, since all runs use the same. Before that, a stopped sweep is resumed.
    if (state.rates && Object.keys(state.runs).length > 0) return;
    const { engine, reporter, machine, shape } = this.options;
    const defaults = {
      lora: defaultLearningRate('lora', 'lionw', shape),
      full: defaultLearningRate('full', 'lionw', shape),
    };
    const window = this.costs.step.lora * machine.forward;
    const planned = planSweep(
      SWEEP_SHARE * this.secondsLeft,
      { step: this.costs.step, windowSeconds: window, start: machine.start / 4 },
      defaults,
    );
    if (!planned) {
      state.rates ??= { ...defaults, why: 'the defaults, since there was no time for a sweep' };
      await this.save();
      return;
    }
    const most = SWEEP_LIMIT * this.secondsLeft;
    reporter.stage(
      `Learning rates: ${planned.rates.lora.length} of each method, ${planned.steps} steps each`,
      1,
      1,
      { stage: SWEEP_SHARE * this.secondsLeft, all: this.secondsLeft },
    );
    try {
      state.sweep ??= await engine.createSweep(newSweep(spec, this.variants.lora.hyper, planned));
      await this.save();
      const dir = join(sweepsDir(), state.sweep);
      await this.limited((signal) => engine.sweep(dir, signal, (text) => reporter.phase(text)), most);
      const { spec: swept, lines } = await this.takeSweep(state.sweep);
      if (this.options.stop.aborted) return;
      const found = Object.fromEntries(
        concludeSweep(swept, lines).map(({ method, best }) => [method, best]),
      ) as Partial<Record<Method, number>>;
      const both = found.lora !== undefined && found.full !== undefined;
      state.rates = {
        lora: found.lora ?? defaults.lora,
        full: found.full ?? defaults.full,
        why: both
          ? `the best of sweep ${state.sweep}`
          : 'the defaults for methods that the sweep did not finish',
      };
      this.costs = guessCosts(spec, machine, stepCosts(spec, machine, lines));
    } catch (error) {
      this.fail('sweep', error);
      state.rates = { ...defaults, why: 'the defaults, since the sweep failed' };
    }
    await this.save();
  }

  private planning(budget: number): Planning {
    const { spec, state } = this.repro;
    return {
      wanted: claims
        .filter(({ id }) => spec.claims.includes(id))
        .map(({ id, needs }) => ({ claim: id, needs: this.withData(id, needs) }))
        .filter(({ needs }) => !needs.some((stage) => this.failed.has(stage))),
      extras: spec.claims.includes('forgetting') ? extras : [],
      variants: this.variants,
      costs: this.costs,
      problems: PROBLEMS,
      budget,
      done: this.done,
      steps: state.steps,
      mostSteps: Math.max(24, 4 * Math.floor((EPOCHS * this.options.trainTokens) / spec.sequenceLength / 4)),
    };
  }

  /** The benchmarks belong to the claim about forgetting. */
  private withData(id: ClaimId, needs: readonly StageName[]): StageName[] {
    return id === 'forgetting' && !this.done.has('data') ? [...needs, 'data'] : [...needs];
  }

  private async runStages(): Promise<void> {
    const { state } = this.repro;
    const { stages, steps, dropped } = planStages(this.planning(PLANNED_SHARE * this.secondsLeft));
    state.steps ??= steps;
    await this.save();
    for (const { claim } of dropped) this.options.reporter.note(`No time is planned for "${claim}".`);
    const planned = order.filter((stage) => stages.includes(stage) && !this.done.has(stage));
    for (const [i, stage] of planned.entries()) {
      if (this.options.stop.aborted) return;
      await this.runStage(stage, planned.slice(i), i + 1, planned.length);
      await this.judge();
    }
  }

  private expected(stage: StageName): number {
    return this.pace * secondsOf(stage, this.repro.state.steps!, this.planning(0));
  }

  private async runStage(stage: StageName, left: StageName[], number: number, of: number): Promise<void> {
    const { reporter } = this.options;
    const seconds = this.expected(stage);
    const title = titles[stage] ?? this.variants[stage as VariantName].title;
    // The first stage is tried in any case, because the costs may be guessed too high.
    if (seconds > this.secondsLeft && number > 1) {
      reporter.note(`No time is left for ${title}: it takes about ${Math.round(seconds)} s.`);
      return;
    }
    if (this.lacksRuns(stage)) return;
    const all = left.reduce((sum, one) => sum + this.expected(one), 0);
    reporter.stage(title, number, of, { stage: seconds, all: Math.min(all, this.secondsLeft) });
    const began = performance.now();
    try {
      if (await this.limited((signal) => this.doStage(stage, signal))) this.done.add(stage);
      else return;
    } catch (error) {
      this.fail(stage, error);
      return;
    }
    const took = (performance.now() - began) / 1000;
    // The newest stage has half the weight, because the load of the machine changes.
    this.pace = (this.pace + (this.pace * took) / seconds) / 2;
  }

  /** Whether runs that the stage measures are missing. */
  private lacksRuns(stage: StageName): boolean {
    const on: Partial<Record<StageName, VariantName[]>> = {
      data: ['lora', 'full'],
      diversity: ['lora', 'full'],
      spectrum: ['full'],
    };
    return (on[stage] ?? []).some((name) => !this.done.has(name));
  }

  /** Carries out a stage. True if it is done, false if it was stopped. */
  private async doStage(stage: StageName, signal: AbortSignal): Promise<boolean> {
    const { engine, reporter } = this.options;
    const phase = (text: string) => reporter.phase(text);
    if (stage in this.variants) return await this.train(stage as VariantName, signal, phase);
    const dirOf = (name: VariantName) => join(runsDir(), this.repro.state.runs[name]!);
    if (stage === 'spectrum') {
      await engine.spectrum(dirOf('full'), signal, phase);
      if (signal.aborted) return false;
    } else {
      const what =
        stage === 'data'
          ? {
              tasks: Object.keys(this.repro.spec.data),
              data: this.repro.spec.data,
              limit: DATA_ITEMS,
              setting: 'quick' as const,
            }
          : { tasks: ['humaneval'], limit: PROBLEMS, setting: 'paper' as const };
      for (const name of ['lora', 'full'] as const) {
        await engine.evaluate(dirOf(name), what, signal, phase);
        if (signal.aborted) return false;
        this.evidence.runs[name] = await readMeasured(dirOf(name));
      }
    }
    this.repro.state.done.push(stage);
    await this.save();
    if (stage === 'spectrum') {
      this.done.add(stage);
      await this.takeSpectrum();
      await dropCheckpoints(dirOf('full'));
    }
    return true;
  }

  private async train(
    name: VariantName,
    signal: AbortSignal,
    phase: (text: string) => void,
  ): Promise<boolean> {
    const { spec, state } = this.repro;
    const { engine } = this.options;
    if (!state.runs[name]) {
      const run = newRun(spec, this.variants[name], {
        steps: state.steps!,
        learningRate: state.rates![this.variants[name].method],
      });
      state.runs[name] = await engine.createRun(run);
      await this.save();
    }
    const dir = join(runsDir(), state.runs[name]);
    await engine.train(dir, signal, phase);
    const done = await this.take(name, state.runs[name]);
    // Checkpoints of whole models fill the disk. Those that the spectrum is read from are kept until then.
    if (done && (name !== 'full' || !spec.claims.includes('spectrum'))) await dropCheckpoints(dir);
    if (!done && !signal.aborted) throw new Error('it ended without figures');
    return done;
  }

  private fail(stage: StageName | 'sweep', error: unknown): void {
    // An error after a stop is not a failure.
    if (this.options.stop.aborted || this.secondsLeft <= 0) return;
    const { message } = reportError(error);
    this.failed.set(stage, message.replace(/\.$/, ''));
    this.options.reporter.note(`${stage}: ${message}`);
  }

  /** Runs `work` with a signal that fires when the user stops, when the time is up, or after `seconds`. */
  private async limited<T>(work: (signal: AbortSignal) => Promise<T>, seconds = Infinity): Promise<T> {
    const { stop } = this.options;
    // In Node 20, AbortSignal.any of a timeout may be garbage-collected before it fires.
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

  /** Judges the claims so far, and writes them into the folder. */
  private async judge(): Promise<ClaimResult[]> {
    const { spec } = this.repro;
    const why = this.options.stop.aborted ? 'stopped' : 'budget';
    const results = judgeClaims(spec.claims, {
      evidence: this.evidence,
      done: this.done,
      failed: this.failed,
      why,
    });
    await writeClaims(this.dir, results, reportMarkdown(this.repro, results));
    return results;
  }
}

const dropCheckpoints = (dir: string) => rm(join(dir, 'checkpoints'), { recursive: true, force: true });
