/**
 * Carries out a reproduction on a cluster: first the trials of the sweep in parallel, then all runs in parallel. The
 * plan is that of a single machine with the same budget, so that runs have the same length; the actual time depends on
 * the cluster. The caller provides the processes.
 */
import { basename, join } from 'node:path';
import { reportError, UserError } from '../text/errors.ts';
import { FOLDER_PLACE } from '../protocol/cluster.ts';
import { runsDir, sweepsDir } from '../platform/files/paths.ts';
import type { ClaimResult, Method, ReproducerMessage } from '../protocol/reproduction.ts';
import { LINEARS, partName } from '../evaluation/spectrum/part-files.ts';
import { readRun } from '../runs/index.ts';
import { claims } from './claims.ts';
import { trialSeconds } from './costs.ts';
import { Ledger, PROBLEMS, type ReproductionContext, type Makers } from './ledger.ts';
import { planStages } from './plan.ts';
import {
  notesOf,
  PLANNED_SHARE,
  runsOfStage,
  SWEEP_SHARE,
  type Launcher,
  type Reporter,
} from './reproduce.ts';
import { newSweep } from './runs.ts';
import { kindOf, stageOf, type StageName } from './stages.ts';
import type { Reproduction } from './store.ts';
import { isVariant, PART_RANKS, STRENGTHS, type Variant, type VariantName } from './variants.ts';

export interface ClusterRun {
  /** Also the name of its task. */
  name: StageName;
  id: string;
  method: Method;
  /** Whether it learns from instruction pairs. */
  instruct: boolean;
  /** Programs that measure it where it was trained (the task's `then`), because its checkpoints stay there. */
  then: string[][];
}

/** The processes. Each resolves when its job has ended or, soon after `signal` fires, is left. Errors: UserErrors. */
export interface ClusterLauncher extends Makers, Pick<Launcher, 'sweep'> {
  /** Whether the job of the runs was sent, and its end is not known. */
  isRunning(): Promise<boolean>;
  /** Sends the runs as one job, unless it is under way, and follows it. */
  runs(
    runs: readonly ClusterRun[],
    signal: AbortSignal,
    onMessage: (message: ReproducerMessage) => void,
  ): Promise<void>;
}

interface ClusterReproductionOptions extends ReproductionContext {
  launcher: ClusterLauncher;
  reporter: Reporter;
  budgetSeconds: number;
  /** Fires when the user stops following it. */
  stop: AbortSignal;
}

/** Additional measurements of a run, each by a program that runs where the run was trained. */
type Measurement = 'strengths' | 'spectrum' | 'diversity';
const programs: Record<Measurement, string[]> = {
  strengths: ['spectrum.mjs', FOLDER_PLACE, '--strengths', STRENGTHS.join(',')],
  spectrum: ['spectrum.mjs', FOLDER_PLACE, '--ranks', PART_RANKS.join(',')],
  diversity: [
    'evaluator.mjs',
    FOLDER_PLACE,
    '--tasks',
    'humaneval',
    '--limit',
    String(PROBLEMS),
    '--setting',
    'paper',
  ],
};
const measurements = Object.keys(programs) as Measurement[];
const NOT_MEASURED =
  'it is measured where a run is trained, and these runs were trained without it; a new reproduction with a larger budget measures it';

/** Returns the requested claims, in order. Does not throw if a single run fails. Errors: those of the launcher. */
export async function reproduceOnCluster(
  repro: Reproduction,
  options: ClusterReproductionOptions,
): Promise<ClaimResult[]> {
  return await new ClusterReproduction(repro, options).run();
}

class ClusterReproduction {
  private readonly ledger: Ledger;

  constructor(
    private readonly repro: Reproduction,
    private readonly options: ClusterReproductionOptions,
  ) {
    this.ledger = new Ledger(repro, options);
  }

  async run(): Promise<ClaimResult[]> {
    const { launcher } = this.options;
    await this.ledger.readDone();
    await this.settleMeasured();
    try {
      if (await launcher.isRunning()) await this.follow([]);
      else if (await this.findRates()) await this.runStages();
    } catch (error) {
      await this.ledger.judge('stopped');
      throw error;
    }
    return await this.ledger.judge(this.isOver() ? 'budget' : 'stopped');
  }

  /** Whether everything that was planned has ended. */
  private isOver(): boolean {
    const { done, failed } = this.ledger;
    const { rates, runs } = this.repro.state;
    const left = (Object.keys(runs) as StageName[]).some((name) => !done.has(name) && !failed.has(name));
    return !this.options.stop.aborted && rates !== undefined && !left;
  }

  /** Determines the rates of all runs, by a sweep if there is time. Returns false if the sweep is unfinished. */
  private async findRates(): Promise<boolean> {
    const { ledger } = this;
    const { spec, state } = this.repro;
    const { launcher, reporter, stop, budgetSeconds } = this.options;
    if (state.rates) return true;
    if (!state.sweep) {
      const planned = ledger.planSweep(SWEEP_SHARE * budgetSeconds);
      if (!planned) {
        state.rates = { ...ledger.defaultRates(), why: 'the defaults, since there was no time for a sweep' };
        await ledger.save();
        return true;
      }
      state.sweep = await launcher.createSweep(newSweep(spec, ledger.variants.lora.hyper, planned));
      await ledger.save();
    }
    reporter.note('Learning rates: short trials of each method, in parallel');
    await launcher.sweep(join(sweepsDir(), state.sweep), stop, (text) => reporter.phase(text));
    const { spec: swept, lines, finished } = await ledger.takeSweep('sweep', state.sweep);
    if (!finished) return false;
    ledger.settleRates(swept, lines);
    await ledger.save();
    return !stop.aborted;
  }

  private async runStages(): Promise<void> {
    const { ledger } = this;
    const { state } = this.repro;
    const { reporter } = this.options;
    const plan = planStages(ledger.planning(PLANNED_SHARE * this.secondsForRuns()));
    state.steps ??= plan.steps;
    await ledger.save();
    for (const note of notesOf(plan)) reporter.note(note);
    const wanted = plan.stages.filter((stage) => !ledger.done.has(stage));
    for (const stage of wanted) if (kindOf(stage).kind === 'sweep' && !(await this.sweepAgain(stage))) return;
    for (const stage of wanted)
      if (runsOfStage(stage).some((name) => ledger.done.has(name) && !this.isMeasured(stage, name)))
        ledger.failed.set(stage, NOT_MEASURED);
    const runs: ClusterRun[] = [];
    for (const stage of wanted)
      if (isVariant(kindOf(stage).kind)) runs.push(...(await this.prepared(stage, plan.stages)));
    if (runs.length === 0) return;
    const what = runs.length === 1 ? '1 run' : `${runs.length} runs in parallel`;
    reporter.note(`${what}, of ${state.steps} steps`);
    await this.follow(runs);
  }

  /** Returns false if the user stopped following it. */
  private async sweepAgain(stage: StageName): Promise<boolean> {
    const { ledger } = this;
    const { launcher, reporter, stop } = this.options;
    const dir = await ledger.furtherSweep(stage);
    reporter.note(`Learning rates again: trials with seed ${kindOf(stage).seed}`);
    await launcher.sweep(dir, stop, (text) => reporter.phase(text));
    return (await ledger.takeSweep(stage, basename(dir))).finished && !stop.aborted;
  }

  /** Counts the trials as if run one after the other. A resumed reproduction has its budget to itself. */
  private secondsForRuns(): number {
    const { budgetSeconds } = this.options;
    if (this.repro.state.steps !== undefined) return budgetSeconds;
    return Math.max(0, budgetSeconds - trialSeconds(this.ledger.evidence.sweeps[0]?.lines ?? []));
  }

  /** Makes a run; none if that fails, as in a folder without functions to make instructions of. */
  private async prepared(name: StageName, planned: readonly StageName[]): Promise<ClusterRun[]> {
    try {
      return [this.clusterRun(name, await this.ledger.runOf(name), planned)];
    } catch (error) {
      if (!(error instanceof UserError) || this.options.stop.aborted) throw error;
      this.fail(name, reportError(error));
      return [];
    }
  }

  private clusterRun(name: StageName, id: string, planned: readonly StageName[]): ClusterRun {
    const { spec } = this.repro;
    const { kind, seed } = kindOf(name);
    const { method, instruct = false }: Variant = this.ledger.variants[kind as VariantName];
    const wanted = claims
      .filter(({ id, seeded }) => spec.claims.includes(id) && (seeded || seed === 0))
      .flatMap(({ needs }) => needs);
    const then = measurements
      .filter((measurement) => runsOfStage(stageOf(measurement, seed)).includes(name))
      // Measure now, because the checkpoints won't be available later; all but the samples are quick.
      .filter((measurement) =>
        measurement === 'diversity'
          ? planned.includes(stageOf(measurement, seed))
          : wanted.includes(measurement),
      )
      .map((measurement) => programs[measurement]);
    return { name, id, method, instruct, then };
  }

  /** Takes over each run when it ends, and judges the claims again. */
  private async follow(runs: readonly ClusterRun[]): Promise<void> {
    const { launcher, reporter, stop } = this.options;
    const { ledger } = this;
    const { state } = this.repro;
    let taking = Promise.resolve();
    const total = runs.length || Object.keys(state.runs).length;
    let ended = 0;
    const take = async (name: StageName) => {
      if (!(await ledger.take(name))) return;
      await this.settleMeasured();
      await ledger.judge('stopped');
    };
    const onMessage = (message: ReproducerMessage) => {
      if (message.type === 'note') reporter.note(message.message);
      else if (message.type === 'leftOut') this.leaveOut(message);
      else if (message.type === 'progress')
        reporter.phase(`${ended} of ${total} runs; ${progressOf(message)}`);
      else if (message.type === 'run') {
        ended += 1;
        const name = message.task as StageName;
        if (message.status === 'failed') this.fail(name, message);
        // Errors are ignored here: it is tried again at the end, where they are thrown.
        else taking = taking.then(() => take(name)).catch(() => undefined);
      }
    };
    await launcher.runs(runs, stop, onMessage).finally(() => taking);
    await this.takeMissed();
  }

  /** Takes over runs that ended while nobody was following. */
  private async takeMissed(): Promise<void> {
    const { ledger } = this;
    for (const [name, id] of Object.entries(this.repro.state.runs) as [StageName, string][]) {
      if (ledger.done.has(name) || (await ledger.take(name)) || ledger.failed.has(name)) continue;
      const run = await readRun(join(runsDir(), id)).catch(() => undefined);
      if (run?.state.status === 'failed' && run.state.error) this.fail(name, run.state.error);
    }
    await this.settleMeasured();
  }

  private fail(
    stage: StageName,
    { message = 'it failed on the cluster' }: { message?: string | undefined },
  ): void {
    this.ledger.failed.set(stage, message.replace(/\.$/, ''));
    this.options.reporter.note(`${stage}: ${message}`);
  }

  /** Handles the failure of a program that measures a run. */
  private leaveOut({ task, of, message }: ReproducerMessage & { type: 'leftOut' }): void {
    const name = task as StageName;
    for (const measurement of measurements) {
      const stage = stageOf(measurement, kindOf(name).seed);
      if (
        programs[measurement][0] === of &&
        runsOfStage(stage).includes(name) &&
        !this.isMeasured(stage, name)
      )
        this.fail(stage, { message });
    }
  }

  /** Whether a stage's measurements exist for this run. */
  private isMeasured(stage: StageName, name: StageName): boolean {
    const run = this.ledger.evidence.runs[name];
    if (!run) return false;
    const { kind } = kindOf(stage);
    if (kind === 'strengths') return STRENGTHS.every((strength) => run.parts.has(partName({ strength })));
    // The whole change is measured last.
    if (kind === 'spectrum') return run.parts.has(LINEARS);
    return (run.points.at(-1)!.rows.get('humaneval')?.size ?? 0) > 0;
  }

  /** Marks stages as done whose measurements were returned with the runs. */
  private async settleMeasured(): Promise<void> {
    const { done } = this.ledger;
    const { state } = this.repro;
    const before = state.done.length;
    const runs = Object.keys(state.runs) as StageName[];
    for (const seed of new Set(runs.map((name) => kindOf(name).seed)))
      for (const measurement of measurements) {
        const stage = stageOf(measurement, seed);
        if (done.has(stage) || !runsOfStage(stage).every((name) => this.isMeasured(stage, name))) continue;
        done.add(stage);
        state.done.push(stage);
      }
    if (state.done.length > before) await this.ledger.save();
  }
}

const progressOf = ({ task, step, steps, phase }: ReproducerMessage & { type: 'progress' }): string =>
  `${task}: ${step && steps ? `step ${step} of ${steps}` : (phase ?? 'running')}`;
