/** The state of a reproduction: finished work, failures and costs, from which it judges the claims. */
import { join } from 'node:path';
import { runsDir, sweepsDir } from '../platform/files/paths.ts';
import { removeFolder } from '../platform/files/write-file.ts';
import type { ClaimResult, Method } from '../protocol/reproduction.ts';
import type { SweepLine, SweepSpec } from '../protocol/sweep.ts';
import { readRun } from '../runs/index.ts';
import { defaultLearningRate } from '../training/default-rate.ts';
import { methodName } from '../training/learning-rate/choose.ts';
import { concludeSweep, halfDecadesAbove, type MethodResult } from '../training/sweep/choice.ts';
import { readSweep } from '../training/sweep/store.ts';
import type { BaseShape } from '../base-models/registry.ts';
import { claims } from './claims.ts';
import { guessCosts, stepCosts, type MachineGuess } from './costs.ts';
import { readMeasured, type Evidence, type Sweep } from './evidence.ts';
import { judgeClaims } from './judge.ts';
import { nearBest, planSweep, type Costs, type Planning, type SweepPlan } from './plan.ts';
import { reportMarkdown } from './report.ts';
import { newRun, newSweep, type PlannedRun } from './runs.ts';
import { MIN_SEEDS } from './seeds.ts';
import { kindOf, main, type Kind, type StageName } from './stages.ts';
import { writeClaims, writeState, type Reproduction } from './store.ts';
import { variantsFor, type Variant, type VariantName } from './variants.ts';

/** Make runs and sweeps with their corpora; each returns the id. */
export interface Makers {
  createRun(run: PlannedRun): Promise<string>;
  createSweep(sweep: ReturnType<typeof newSweep>): Promise<string>;
}

export interface ReproductionContext {
  machine: MachineGuess;
  shape: BaseShape;
  /** The largest possible rank of the base's smallest matrix. */
  largestRank: number;
  trainTokens: number;
}

/** As in the paper; more passes over the text would teach nothing new. */
const EPOCHS = 4;
export const PROBLEMS = 6;

export class Ledger {
  readonly variants;
  readonly evidence: Evidence & { sweeps: (Sweep | undefined)[] };
  readonly done = new Set<StageName>();
  readonly failed = new Map<StageName, string>();
  costs: Costs;

  constructor(
    private readonly repro: Reproduction,
    private readonly around: ReproductionContext & { launcher: Makers },
  ) {
    this.variants = variantsFor(around.largestRank);
    this.evidence = { variants: this.variants, runs: {}, sweeps: [] };
    this.costs = guessCosts(repro.spec, around.machine, stepCosts(repro.spec, around.machine));
  }

  /** Reads the finished work of earlier processes. */
  async readDone(): Promise<void> {
    const { spec, state } = this.repro;
    for (const [name, id] of Object.entries(state.runs)) await this.take(name as StageName, id);
    for (const stage of state.done as StageName[]) this.done.add(stage);
    if (state.sweep && state.rates) this.updateCosts((await this.takeSweep('sweep', state.sweep)).lines);
    for (const [stage, id] of Object.entries(state.furtherSweeps))
      await this.takeSweep(stage as StageName, id);
    if (!Object.keys(spec.data).length) this.done.add('data');
    const { largestRank } = this.around;
    if (largestRank <= this.variants.lora.hyper.rank)
      this.failed.set('lora-high-rank', `the base's smallest matrix allows no rank above ${largestRank}`);
  }

  /** Takes over a run with its measurements; returns whether it is done and measured. */
  async take(name: StageName, id = this.repro.state.runs[name]): Promise<boolean> {
    if (id === undefined) return false;
    const dir = join(runsDir(), id);
    const run = await readRun(dir).catch(() => undefined);
    if (run?.state.status !== 'done' || !run.summary || run.summary.pending) return false;
    this.evidence.runs[name] = await readMeasured(dir);
    this.done.add(name);
    return true;
  }

  /** Takes over a sweep; `finished`: whether all its trials are done. The first sweep is used as far as it got. */
  async takeSweep(stage: StageName, id: string): Promise<Sweep & { finished: boolean }> {
    const { spec, lines } = await readSweep(join(sweepsDir(), id));
    const { seed } = kindOf(stage);
    const finished = concludeSweep(spec, lines).every((method) => method.finished);
    if (finished || seed === 0) {
      this.evidence.sweeps[seed] = { spec, lines };
      this.done.add(stage);
    }
    return { spec, lines, finished };
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

  /** The folder of the first sweep again with another seed, near the rates that it found; made on first use. */
  async furtherSweep(stage: StageName): Promise<string> {
    const { furtherSweeps } = this.repro.state;
    furtherSweeps[stage] ??= await this.around.launcher.createSweep(this.newFurtherSweep(stage));
    await this.save();
    return join(sweepsDir(), furtherSweeps[stage]);
  }

  private newFurtherSweep(stage: StageName): ReturnType<typeof newSweep> {
    const { spec, lines } = this.evidence.sweeps[0]!;
    const rates = Object.fromEntries(
      concludeSweep(spec, lines).map((result, i) => [
        result.method,
        nearBest(spec.methods[i]!.rates, foundRate(result)),
      ]),
    ) as Record<Method, number[]>;
    const plan = { steps: spec.hyper.steps, windows: spec.heldOutWindows, rates };
    return newSweep(this.repro.spec, this.variants.lora.hyper, plan, kindOf(stage).seed);
  }

  /** The largest sweep that takes at most `seconds` when run sequentially; undefined if none does. */
  planSweep(seconds: number): SweepPlan | undefined {
    const { machine } = this.around;
    const windowSeconds = this.costs.step.lora * machine.forward;
    const costs = { step: this.costs.step, windowSeconds, start: machine.start / 4 };
    return planSweep(seconds, costs, this.defaultRates());
  }

  /** Sets the rates from the finished trials: each method's best, else its default. Does not save the state. */
  settleRates(swept: SweepSpec, lines: readonly SweepLine[]): void {
    const { state } = this.repro;
    const found = Object.fromEntries(
      concludeSweep(swept, lines).map((result) => [result.method, foundRate(result)]),
    ) as Partial<Record<Method, number>>;
    const open = main.filter((method) => found[method] === undefined).map(methodName);
    const defaults = this.defaultRates();
    state.rates = {
      lora: found.lora ?? defaults.lora,
      full: found.full ?? defaults.full,
      why: [
        ...(open.length < main.length ? [`the best of sweep ${swept.id}`] : []),
        ...(open.length
          ? [`the default for ${open.join(' and ')}, for which the sweep found no best rate`]
          : []),
      ].join(', and '),
    };
    this.updateCosts(lines);
  }

  /** Updates the cost estimates from the trials of a sweep. */
  updateCosts(lines: readonly SweepLine[]): void {
    const { spec } = this.repro;
    const { machine } = this.around;
    this.costs = guessCosts(spec, machine, stepCosts(spec, machine, lines), lines);
  }

  /** `budget`: in seconds. */
  planning(budget: number): Planning {
    const { spec, state } = this.repro;
    const { trainTokens } = this.around;
    const isPossible = (kind: Kind) => !this.failed.has(kind) && (kind !== 'sweep' || this.done.has(kind));
    return {
      wanted: claims
        .filter(({ id, needs }) => spec.claims.includes(id) && needs.every(isPossible))
        .map(({ id, needs, seeded }) => ({
          claim: id,
          needs,
          seeded,
          // The benchmarks are part of the claim about forgetting.
          ...(id === 'forgetting' && !this.done.has('data') && { once: ['data' as const] }),
        })),
      seeds: spec.seeds,
      variants: this.variants,
      costs: this.costs,
      problems: PROBLEMS,
      budget,
      done: this.done,
      steps: state.steps,
      mostSteps: Math.max(24, 4 * Math.floor((EPOCHS * trainTokens) / spec.sequenceLength / 4)),
    };
  }

  /** The id of a run of a variant and a seed, with the rates and the length that are settled; made on first use. */
  async runOf(name: StageName): Promise<string> {
    const { runs } = this.repro.state;
    if (!runs[name]) {
      runs[name] = await this.around.launcher.createRun(this.newRun(name));
      await this.save();
    }
    return runs[name];
  }

  private newRun(name: StageName): PlannedRun {
    const { spec, state } = this.repro;
    const { kind, seed } = kindOf(name);
    const variant: Variant = this.variants[kind as VariantName];
    const best = state.rates![variant.method];
    const learningRate = variant.lowerRate ? halfDecadesAbove(best, -1) : best;
    return newRun(spec, variant, { steps: state.steps!, learningRate, seed });
  }

  /** Deletes checkpoints, because those of whole models fill the disk. Later measurements need only results. */
  async dropCheckpoints(name: StageName): Promise<void> {
    const checkpoints = join(runsDir(), this.repro.state.runs[name]!, 'checkpoints');
    await removeFolder(checkpoints);
  }

  /** Judges the claims so far, and writes them into the folder. `why`: the reason that others are missing. */
  async judge(why: 'stopped' | 'budget'): Promise<ClaimResult[]> {
    const { evidence, done, failed } = this;
    const { claims: wanted, seeds = MIN_SEEDS } = this.repro.spec;
    const results = judgeClaims(wanted, { evidence, done, failed, seeds, why });
    await writeClaims(this.repro.dir, results, reportMarkdown(this.repro, results));
    return results;
  }
}

/** A method's best rate; undefined if a higher one, which the sweep did not get to, may be better. */
const foundRate = ({ best, finished, rates }: MethodResult): number | undefined =>
  finished || best !== rates.at(-1)?.learningRate ? best : undefined;
