/**
 * What is done for the result in use while the machine is idle, at the lowest priority. All of HumanEval is measured,
 * because twenty problems can't show a small loss: if it turns out worse than its base, completion notices and says so.
 * Then what was committed since the training, again once there are new commits. Then it learns what has changed.
 */
import { cpus } from 'node:os';
import * as vscode from 'vscode';
import { z } from 'zod';
import { reportError, UserError, type ErrorReport } from '../../text/errors.ts';
import { findComparison, measuredHere } from '../../protocol/evaluation.ts';
import { MAX_BUSY_PROCESSORS, watchLoad } from '../../platform/machine/machine-load.ts';
import { onMains } from '../../platform/machine/mains-power.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { newestCommit } from '../../corpus/reading/git.ts';
import { foldersOf } from '../../protocol/folders.ts';
import { trainingNow } from '../../runs/index.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { KeepFresh, type IdleWork } from './keep-fresh.ts';

const PROBLEMS = 164;
/** Idle time before work begins; by then, the completion server has freed its memory. */
const IDLE_MS = 10 * 60_000;
/** How often to check whether the machine is idle, and whether it still is during work. */
const CHECK_MS = { idle: 60_000, working: 5_000 };
/** A longer gap between two checks means that the machine was asleep. */
const SLEEP_GAP_MS = 3 * CHECK_MS.idle;
/** Processors that others may keep busy before work backs off, and for how long it does. */
const MAX_OTHERS_BUSY = 1;
const BACK_OFF_MS = 30 * 60_000;

/**
 * Whether HumanEval was planned for this result but not measured on all problems. A result whose strength was given at
 * its start is never withdrawn, so it needs no more metrics.
 */
export function needsMeasuring({ summary }: Pick<RunSnapshot, 'summary'>): boolean {
  if (!summary?.choice) return false;
  const measured = findComparison(measuredHere(summary), 'humaneval', 'pass@1')?.after.n;
  return measured === undefined ? summary.pending?.includes('humaneval') === true : measured < PROBLEMS;
}

export class WhenIdle implements vscode.Disposable {
  private usedAt = Date.now();
  private checkedAt = Date.now();
  private notBefore = 0;
  private load = watchLoad();
  private working: { abort: () => void; trains: boolean } | undefined;
  private readonly keepFresh: KeepFresh;
  /** Runs that can't be measured. Interrupted ones are not included: they continue later. */
  private readonly failed = new Set<string>();
  /** By run: its strength, and the newest commits up to which it was measured. */
  private readonly measuredUpTo = new Map<string, string>();
  private readonly timer = setInterval(() => void this.check(), CHECK_MS.idle);
  private readonly subscriptions: vscode.Disposable;

  constructor(private readonly services: ServicesWithCompletion) {
    this.keepFresh = new KeepFresh(services);
    const onUse = () => this.noteUse();
    const { window, workspace } = vscode;
    this.subscriptions = vscode.Disposable.from(
      // Output to our own log is not user activity.
      workspace.onDidChangeTextDocument(({ document }) => document.uri.scheme !== 'output' && onUse()),
      window.onDidChangeTextEditorSelection(onUse),
      window.onDidChangeActiveTextEditor(onUse),
      window.onDidChangeActiveTerminal(onUse),
      window.onDidChangeWindowState(onUse),
      services.runs.onDidChange(() => services.runs.live.length > 0 && this.stopMeasuring()),
    );
  }

  private noteUse(): void {
    this.usedAt = Date.now();
    this.working?.abort();
  }

  /** Measuring makes way for trainings. */
  private stopMeasuring(): void {
    if (!this.working?.trains) this.working?.abort();
  }

  private async check(): Promise<void> {
    const now = Date.now();
    const { focused, active } = vscode.window.state;
    // The user may be working elsewhere, or in a terminal or panel of this window.
    if (!focused || active || now - this.checkedAt > SLEEP_GAP_MS) this.noteUse();
    this.checkedAt = now;
    if (this.working) return;
    const busy = this.load() > MAX_BUSY_PROCESSORS;
    this.load = watchLoad();
    const isIdle = now - this.usedAt >= IDLE_MS;
    if (!isIdle) return this.keepFresh.stop();
    const run = this.services.completion.inUse?.run;
    if (busy || now < this.notBefore || !run || !this.mayWork(run) || !(await onMains())) return;
    if (needsMeasuring(run) && !this.failed.has(run.spec.id)) return this.measureProblems(run);
    const upTo = await this.commitsToMeasure(run);
    if (this.working) return;
    if (upTo !== undefined) return this.measureCommits(run, upTo);
    const work = this.keepFresh.due(run);
    if (work) await this.learn(run, work);
  }

  private mayWork(run: RunSnapshot): boolean {
    const { services } = this;
    // Another window may have the same result in use, but not the same folder.
    const isHere = vscode.workspace.isTrusted && services.isHere(run);
    return isHere && services.completion.isOn && services.runs.live.length === 0;
  }

  private async measureProblems({ spec: { id, name } }: RunSnapshot): Promise<void> {
    const { log, runs } = this.services;
    const done = await this.measure(['evaluate', id, '--tasks', 'humaneval', '--limit', String(PROBLEMS)]);
    if (done === 'interrupted') return;
    this.failed.add(id);
    if (done !== 'done') log.warn(`${name} was not measured on all of HumanEval: ${done.message}`);
    const measured = runs.get(id);
    // Measured again at a strength set later. The abort may have come too late.
    if (measured && !needsMeasuring(measured)) this.failed.delete(id);
  }

  /** The newest commits that it was not measured on; undefined: none. */
  private async commitsToMeasure({ spec, summary }: RunSnapshot): Promise<string | undefined> {
    const newest = await Promise.all(foldersOf(spec).map(({ path }) => newestCommit(path)));
    const upTo = `${summary?.givenStrength ?? ''} ${newest.join(' ')}`;
    return newest.some(Boolean) && this.measuredUpTo.get(spec.id) !== upTo ? upTo : undefined;
  }

  private async measureCommits({ spec }: RunSnapshot, upTo: string): Promise<void> {
    const done = await this.measure(['proof', spec.id]);
    if (done === 'interrupted') return;
    this.measuredUpTo.set(spec.id, upTo);
    if (done !== 'done' && done.code !== 'no-commits')
      this.services.log.warn(`${spec.name} was not tried on the newest commits: ${done.message}`);
  }

  private async learn({ spec }: RunSnapshot, work: IdleWork): Promise<void> {
    const done = await this.whileIdle(work, true);
    if (done !== 'done' && done !== 'interrupted')
      this.services.log.warn(`${spec.name} did not learn what has changed: ${done.message}`);
  }

  private measure(args: readonly string[]): Promise<'done' | 'interrupted' | ErrorReport> {
    const { children } = this.services;
    return this.whileIdle(
      async (signal) => void (await children.ask(z.unknown(), [...args, '--background'], { signal })),
    );
  }

  /** Works until it is done, or somebody or something else needs the machine. Returns what went wrong. */
  private async whileIdle(work: IdleWork, trains = false): Promise<'done' | 'interrupted' | ErrorReport> {
    const controller = new AbortController();
    const { signal } = controller;
    this.working = { abort: () => controller.abort(), trains };
    if ((await trainingNow()) || signal.aborted) {
      this.working = undefined;
      return 'interrupted';
    }
    let others = watchLoad(timeOfOthers);
    const timer = setInterval(() => {
      if (others() > MAX_OTHERS_BUSY) this.backOff();
      others = watchLoad(timeOfOthers);
      void trainingNow().then((training) => training && this.stopMeasuring());
      void onMains().then((mains) => mains || controller.abort());
    }, CHECK_MS.working);
    try {
      await work(signal);
      return 'done';
    } catch (error) {
      // Another process measures it, or trains.
      const isLocked = error instanceof UserError && ['run-locked', 'training-busy'].includes(error.code);
      if (isLocked) this.notBefore = Date.now() + BACK_OFF_MS;
      return isLocked || signal.aborted ? 'interrupted' : reportError(error);
    } finally {
      clearInterval(timer);
      this.working = undefined;
      await this.services.runs.refresh();
    }
  }

  private backOff(): void {
    this.working?.abort();
    this.notBefore = Date.now() + BACK_OFF_MS;
  }

  dispose(): void {
    clearInterval(this.timer);
    this.working?.abort();
    this.subscriptions.dispose();
  }
}

/** Time of all programs except those at low priority, as the measuring is; only Linux reports them separately. */
const timeOfOthers = () => ({
  at: performance.now(),
  all: process.platform !== 'linux' ? 0 : cpus().reduce((sum, { times }) => sum + times.user, 0),
  own: 0,
});
