/** What is known of a reproduction: its finished work, what failed, what things cost. It judges the claims by that. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runsDir, sweepsDir } from '../protocol/paths.ts';
import type { ClaimId, ClaimResult, Method } from '../protocol/reproduction.ts';
import type { SweepLine, SweepSpec } from '../protocol/sweep.ts';
import { readRun } from '../runs/index.ts';
import { defaultLearningRate } from '../training/default-rate.ts';
import { concludeSweep } from '../training/sweep/choice.ts';
import { readSweep } from '../training/sweep/store.ts';
import type { BaseShape } from '../base-models/registry.ts';
import { claims } from './claims.ts';
import { guessCosts, stepCosts, type MachineGuess } from './costs.ts';
import { readMeasured, type Evidence } from './evidence.ts';
import { judgeClaims } from './judge.ts';
import { planSweep, type Costs, type Planning, type StageName, type SweepPlan } from './plan.ts';
import { reportMarkdown } from './report.ts';
import { newRun, type PlannedRun } from './runs.ts';
import { extras } from './stages.ts';
import { writeClaims, writeState, type Reproduction } from './store.ts';
import { variantsFor, type VariantName } from './variants.ts';

export interface Circumstances {
  machine: MachineGuess;
  /** Shape of the base. */
  shape: BaseShape;
  /** The largest possible rank of the base's smallest matrix. */
  largestRank: number;
  /** Number of training tokens. */
  trainTokens: number;
}

/** More passes over the text than the paper's four would teach nothing new. */
const EPOCHS = 4;
/** Number of HumanEval problems. */
export const PROBLEMS = 6;

export class Ledger {
  readonly variants;
  readonly evidence: Evidence;
  readonly done = new Set<StageName>();
  readonly failed = new Map<StageName | 'sweep', string>();
  costs: Costs;

  constructor(
    private readonly repro: Reproduction,
    private readonly around: Circumstances,
  ) {
    this.variants = variantsFor(around.largestRank);
    this.evidence = { variants: this.variants, runs: {} };
    this.costs = guessCosts(repro.spec, around.machine, stepCosts(repro.spec, around.machine));
  }

  /** Reads the finished work of an earlier process. */
  async readDone(): Promise<void> {
    const { spec, state } = this.repro;
    for (const [name, id] of Object.entries(state.runs)) await this.take(name as VariantName, id);
    for (const stage of state.done as StageName[]) this.done.add(stage);
    await this.takeSpectrum();
    if (state.sweep && state.rates) await this.takeSweep(state.sweep);
    if (!Object.keys(spec.data).length) this.done.add('data');
    const { largestRank } = this.around;
    if (largestRank <= (this.variants.lora.hyper?.rank ?? 0))
      this.failed.set('lora-high-rank', `the base's smallest matrix allows no rank above ${largestRank}`);
  }

  /** Takes over a run; true if it is done and measured. */
  async take(name: VariantName, id: string): Promise<boolean> {
    const dir = join(runsDir(), id);
    const run = await readRun(dir).catch(() => undefined);
    if (run?.state.status !== 'done' || !run.summary || run.summary.pending) return false;
    this.evidence.runs[name] = await readMeasured(dir);
    this.done.add(name);
    return true;
  }

  async takeSpectrum(): Promise<void> {
    const id = this.repro.state.runs['full'];
    if (id && this.done.has('spectrum'))
      this.evidence.spectrum = (await readRun(join(runsDir(), id))).spectrum;
  }

  async takeSweep(id: string): Promise<{ spec: SweepSpec; lines: SweepLine[] }> {
    const { spec, lines } = await readSweep(join(sweepsDir(), id));
    this.evidence.sweep = { spec, lines };
    return { spec, lines };
  }

  save(): Promise<void> {
    return writeState(this.repro.dir, this.repro.state);
  }

  defaultRates(): Record<Method, number> {
    const { shape } = this.around;
    return {
      lora: defaultLearningRate('lora', 'lionw', shape),
      full: defaultLearningRate('full', 'lionw', shape),
    };
  }

  /** The largest sweep that takes at most so many seconds, one trial after the other; undefined if none does. */
  planSweep(seconds: number): SweepPlan | undefined {
    const { machine } = this.around;
    const windowSeconds = this.costs.step.lora * machine.forward;
    const costs = { step: this.costs.step, windowSeconds, start: machine.start / 4 };
    return planSweep(seconds, costs, this.defaultRates());
  }

  /** Settles the rates by the trials that are there: each method's best, else its default. Not saved yet. */
  settleRates(swept: SweepSpec, lines: readonly SweepLine[]): void {
    const { state } = this.repro;
    const found = Object.fromEntries(
      concludeSweep(swept, lines).map(({ method, best }) => [method, best]),
    ) as Partial<Record<Method, number>>;
    const both = found.lora !== undefined && found.full !== undefined;
    const defaults = this.defaultRates();
    state.rates = {
      lora: found.lora ?? defaults.lora,
      full: found.full ?? defaults.full,
      why: both ? `the best of sweep ${swept.id}` : 'the defaults for methods that the sweep did not finish',
    };
    this.knowCosts(lines);
  }

  /** What things cost, by the trials of a sweep. */
  knowCosts(lines: readonly SweepLine[]): void {
    const { spec } = this.repro;
    const { machine } = this.around;
    this.costs = guessCosts(spec, machine, stepCosts(spec, machine, lines));
  }

  /** `budget`: seconds. */
  planning(budget: number): Planning {
    const { spec, state } = this.repro;
    const { trainTokens } = this.around;
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
      mostSteps: Math.max(24, 4 * Math.floor((EPOCHS * trainTokens) / spec.sequenceLength / 4)),
    };
  }

  /** The benchmarks belong to the claim about forgetting. */
  private withData(id: ClaimId, needs: readonly StageName[]): StageName[] {
    return id === 'forgetting' && !this.done.has('data') ? [...needs, 'data'] : [...needs];
  }

  /** The run of a variant, with the rates and the length that are settled. */
  newRun(name: VariantName): PlannedRun {
    const { spec, state } = this.repro;
    const variant = this.variants[name];
    return newRun(spec, variant, { steps: state.steps!, learningRate: state.rates![variant.method] });
  }

  /**
   * Checkpoints of whole models fill the disk. Those that the spectrum is read from are kept until that is done, which
   * `measured` says.
   */
  async dropCheckpoints(name: VariantName, measured = false): Promise<void> {
    if (name === 'full' && this.repro.spec.claims.includes('spectrum') && !measured) return;
    const checkpoints = join(runsDir(), this.repro.state.runs[name]!, 'checkpoints');
    await rm(checkpoints, { recursive: true, force: true });
  }

  /** Judges the claims so far, and writes them into the folder. `why`: of those that are not there yet. */
  async judge(why: 'stopped' | 'budget'): Promise<ClaimResult[]> {
    const { evidence, done, failed } = this;
    const results = judgeClaims(this.repro.spec.claims, { evidence, done, failed, why });
    await writeClaims(this.repro.dir, results, reportMarkdown(this.repro, results));
    return results;
  }
}
