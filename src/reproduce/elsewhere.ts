/**
 * Carries out a reproduction whose work runs on a cluster: the trials of the sweep beside each other, then all runs
 * beside each other. The plan is that of a machine which has the budget for one thing after the other, so the claims
 * are tried on runs of the same length; how long it takes is the cluster's. The caller provides the processes.
 */
import { join } from 'node:path';
import { FOLDER_PLACE } from '../protocol/cluster.ts';
import { runsDir, sweepsDir } from '../protocol/paths.ts';
import type { ClaimResult, Method, ReproducerMessage } from '../protocol/reproduction.ts';
import { readRun } from '../runs/index.ts';
import { concludeSweep } from '../training/sweep/choice.ts';
import { Ledger, PROBLEMS, type Circumstances } from './ledger.ts';
import { planStages, type StageName } from './plan.ts';
import { PLANNED_SHARE, SWEEP_SHARE, type Engine, type Reporter } from './reproduce.ts';
import { newSweep } from './runs.ts';
import { order } from './stages.ts';
import type { Reproduction } from './store.ts';
import type { Variant, VariantName } from './variants.ts';

export interface RunElsewhere {
  /** Of its task, too. */
  name: VariantName;
  id: string;
  method: Method;
  /** It learns from instruction pairs. */
  instruct: boolean;
  /** Programs that measure it where it was trained, as a task's `then`: its checkpoints stay there. */
  then: string[][];
}

/** The processes. Each resolves when its job has ended or, soon after `signal` fires, is left. Errors: UserErrors. */
export interface ElsewhereEngine extends Pick<Engine, 'createRun' | 'createSweep' | 'sweep'> {
  /** Whether the job of the runs was sent, and its end is not known. */
  isUnderWay(): Promise<boolean>;
  /** Sends the runs as one job, unless it is under way, and follows it. */
  runs(
    runs: readonly RunElsewhere[],
    signal: AbortSignal,
    onMessage: (message: ReproducerMessage) => void,
  ): Promise<void>;
}

export interface ElsewhereOptions extends Circumstances {
  engine: ElsewhereEngine;
  reporter: Reporter;
  budgetSeconds: number;
  /** Fires when the user leaves it. */
  stop: AbortSignal;
}

const main = ['lora', 'full'] as const;
const SPECTRUM = ['spectrum.mjs', FOLDER_PLACE];
const SAMPLES = [
  ...['evaluator.mjs', FOLDER_PLACE, '--tasks', 'humaneval'],
  ...['--limit', String(PROBLEMS), '--setting', 'paper'],
];
const NO_SPECTRUM = 'it could not be read where its run was trained, and the checkpoints stayed there';
const NOT_SAMPLED =
  'its runs were trained without samples, which are taken where a run is trained; a new reproduction with a larger budget takes them';

/** Returns the requested claims, in order. The failure of a single run is not thrown. Errors: those of the engine. */
export async function reproduceElsewhere(
  repro: Reproduction,
  options: ElsewhereOptions,
): Promise<ClaimResult[]> {
  return await new ReproducingElsewhere(repro, options).run();
}

class ReproducingElsewhere {
  private readonly ledger: Ledger;

  constructor(
    private readonly repro: Reproduction,
    private readonly options: ElsewhereOptions,
  ) {
    this.ledger = new Ledger(repro, options);
  }

  async run(): Promise<ClaimResult[]> {
    const { engine } = this.options;
    await this.ledger.readDone();
    await this.settleMeasured();
    try {
      if (await engine.isUnderWay()) await this.follow([]);
      else if (await this.findRates()) await this.runStages();
    } catch (error) {
      await this.ledger.judge('stopped');
      throw error;
    }
    return await this.ledger.judge(this.isOver() ? 'budget' : 'stopped');
  }

  /** Whether all that was planned has ended. */
  private isOver(): boolean {
    const { done, failed } = this.ledger;
    const { rates, runs } = this.repro.state;
    const left = (Object.keys(runs) as VariantName[]).some((name) => !done.has(name) && !failed.has(name));
    return !this.options.stop.aborted && rates !== undefined && !left;
  }

  /** The rates of all runs, by the sweep unless there is no time for one. False if the sweep is not finished. */
  private async findRates(): Promise<boolean> {
    const { ledger } = this;
    const { spec, state } = this.repro;
    const { engine, reporter, stop, budgetSeconds } = this.options;
    if (state.rates) {
      if (ledger.evidence.sweep) ledger.knowCosts(ledger.evidence.sweep.lines);
      return true;
    }
    if (!state.sweep) {
      const planned = ledger.planSweep(SWEEP_SHARE * budgetSeconds);
      if (!planned) {
        state.rates = { ...ledger.defaultRates(), why: 'the defaults, since there was no time for a sweep' };
        await ledger.save();
        return true;
      }
      state.sweep = await engine.createSweep(newSweep(spec, ledger.variants.lora.hyper, planned));
      await ledger.save();
    }
    reporter.note('Learning rates: short trials of each method, beside each other');
    await engine.sweep(join(sweepsDir(), state.sweep), stop, (text) => reporter.phase(text));
    const { spec: swept, lines } = await ledger.takeSweep(state.sweep);
    if (!concludeSweep(swept, lines).every(({ finished }) => finished)) return false;
    ledger.settleRates(swept, lines);
    await ledger.save();
    return !stop.aborted;
  }

  private async runStages(): Promise<void> {
    const { ledger } = this;
    const { state } = this.repro;
    const { stages, steps, dropped } = planStages(ledger.planning(PLANNED_SHARE * this.secondsForRuns()));
    state.steps ??= steps;
    await ledger.save();
    for (const { claim } of dropped) this.options.reporter.note(`No time is planned for "${claim}".`);
    const wanted = order.filter((stage) => stages.includes(stage) && !ledger.done.has(stage));
    if (wanted.includes('diversity') && main.some((name) => ledger.done.has(name) && !this.isSampled(name)))
      ledger.failed.set('diversity', NOT_SAMPLED);
    if (wanted.includes('spectrum') && ledger.done.has('full')) ledger.failed.set('spectrum', NO_SPECTRUM);
    const runs: RunElsewhere[] = [];
    for (const stage of wanted)
      if (stage in ledger.variants) runs.push(await this.prepared(stage as VariantName, wanted));
    if (runs.length === 0) return;
    const what = runs.length === 1 ? '1 run' : `${runs.length} runs beside each other`;
    this.options.reporter.note(`${what}, of ${state.steps} steps`);
    await this.follow(runs);
  }

  /** As if the trials had been made one after the other. What is resumed later has its budget for itself. */
  private secondsForRuns(): number {
    const { budgetSeconds } = this.options;
    if (this.repro.state.steps !== undefined) return budgetSeconds;
    const lines = this.ledger.evidence.sweep?.lines ?? [];
    const trials = lines.reduce((sum, line) => sum + (line.type === 'trial' ? line.seconds : 0), 0);
    return Math.max(0, budgetSeconds - trials);
  }

  private async prepared(name: VariantName, wanted: readonly StageName[]): Promise<RunElsewhere> {
    const { ledger } = this;
    const { spec, state } = this.repro;
    const { method, instruct = false }: Variant = ledger.variants[name];
    if (!state.runs[name]) {
      state.runs[name] = await this.options.engine.createRun(ledger.newRun(name));
      await ledger.save();
    }
    const then: string[][] = [];
    // Later would be too late for it: it is read from checkpoints.
    if (name === 'full' && spec.claims.includes('spectrum')) then.push(SPECTRUM);
    const samples = wanted.includes('diversity') && !ledger.failed.has('diversity');
    if (samples && (main as readonly string[]).includes(name)) then.push(SAMPLES);
    return { name, id: state.runs[name], method, instruct, then };
  }

  /** Takes over each run as it ends, and judges anew. */
  private async follow(runs: readonly RunElsewhere[]): Promise<void> {
    const { engine, reporter, stop } = this.options;
    const { ledger } = this;
    const { state } = this.repro;
    let taking = Promise.resolve();
    const total = runs.length || Object.keys(state.runs).length;
    let ended = 0;
    const take = async (name: VariantName) => {
      const id = state.runs[name];
      if (!id || !(await ledger.take(name, id))) return;
      await this.settleMeasured();
      await ledger.judge('stopped');
    };
    const hear = (message: ReproducerMessage) => {
      if (message.type === 'note') reporter.note(message.message);
      else if (message.type === 'leftOut')
        this.fail(message.of === SPECTRUM[0] ? 'spectrum' : 'diversity', message);
      else if (message.type === 'progress')
        reporter.phase(`${ended} of ${total} runs; ${progressOf(message)}`);
      else if (message.type === 'run') {
        ended += 1;
        const name = message.task as VariantName;
        if (message.status === 'failed') this.fail(name, message);
        // What goes wrong here is thrown when it is tried again, at the end.
        else taking = taking.then(() => take(name)).catch(() => undefined);
      }
    };
    await engine.runs(runs, stop, hear).finally(() => taking);
    await this.takeLeft();
  }

  /** What ended while nobody listened. */
  private async takeLeft(): Promise<void> {
    const { ledger } = this;
    for (const [name, id] of Object.entries(this.repro.state.runs) as [VariantName, string][]) {
      if (ledger.done.has(name) || (await ledger.take(name, id)) || ledger.failed.has(name)) continue;
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

  private isSampled(name: VariantName): boolean {
    const rows = this.ledger.evidence.runs[name]?.points.at(-1)?.rows.get('humaneval');
    return rows !== undefined && rows.size > 0;
  }

  /** What was measured on the runs where they were trained has come with them. */
  private async settleMeasured(): Promise<void> {
    const { ledger } = this;
    const { state } = this.repro;
    const id = state.runs['full'];
    const add = (stage: StageName) => {
      ledger.done.add(stage);
      state.done.push(stage);
    };
    const before = state.done.length;
    if (id && ledger.done.has('full') && !ledger.done.has('spectrum'))
      if ((await readRun(join(runsDir(), id))).spectrum) add('spectrum');
    if (!ledger.done.has('diversity') && main.every((name) => this.isSampled(name))) add('diversity');
    if (state.done.length === before) return;
    await ledger.save();
    await ledger.takeSpectrum();
  }
}

const progressOf = ({ task, step, steps, phase }: ReproducerMessage & { type: 'progress' }): string =>
  `${task}: ${step && steps ? `step ${step} of ${steps}` : (phase ?? 'running')}`;
