/**
 * Twenty problems show no small loss. So the result that completes code is measured on all of HumanEval while nobody
 * uses the machine, at the lowest priority; what is worse than its base then completes no longer.
 */
import { cpus } from 'node:os';
import * as vscode from 'vscode';
import { z } from 'zod';
import { whyNotOffered } from '../../findings/offer.ts';
import { reportError } from '../../text/errors.ts';
import { findComparison, measuredHere } from '../../protocol/evaluation.ts';
import { joined, t } from '../../text/l10n.ts';
import { MOST_BUSY, watchLoad } from '../../platform/machine/machine-load.ts';
import { onMains } from '../../platform/machine/mains-power.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { trainingNow } from '../../runs/index.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';

const PROBLEMS = 164;
/** After so long without a key; by then, the completion server has freed its memory. */
const QUIET_MS = 10 * 60_000;
/** How often it looks whether the machine is idle, and, while it measures, whether it still is. */
const LOOK_MS = { idle: 60_000, measuring: 5_000 };
/** After a longer time between two looks, the machine was asleep. */
const ASLEEP_MS = 3 * LOOK_MS.idle;
/** Processors that others may keep busy before the measuring makes way, and for how long it then does. */
const HEAVY = 1;
const AFTER_HEAVY_MS = 30 * 60_000;

/**
 * Whether HumanEval was planned for this result, and was measured on fewer problems than there are. Nothing is taken
 * back of a result whose strength was given, so it needs no more figures.
 */
export function isLeftToMeasure({ summary }: Pick<RunSnapshot, 'summary'>): boolean {
  if (!summary?.choice) return false;
  const measured = findComparison(measuredHere(summary), 'humaneval', 'pass@1')?.after.n;
  return measured === undefined ? summary.pending?.includes('humaneval') === true : measured < PROBLEMS;
}

export class MeasureWhenIdle implements vscode.Disposable {
  private usedAt = Date.now();
  private lookedAt = Date.now();
  private notBefore = 0;
  private load = watchLoad();
  private measuring: AbortController | undefined;
  /** Runs that were measured, or can't be. Those that were interrupted are not among them: they continue later. */
  private readonly over = new Set<string>();
  private readonly timer = setInterval(() => void this.look(), LOOK_MS.idle);
  private readonly subscriptions: vscode.Disposable;

  constructor(private readonly services: ServicesWithCompletion) {
    const used = () => this.used();
    const { window, workspace } = vscode;
    this.subscriptions = vscode.Disposable.from(
      // What is written into our own log is no key.
      workspace.onDidChangeTextDocument(({ document }) => document.uri.scheme !== 'output' && used()),
      window.onDidChangeTextEditorSelection(used),
      window.onDidChangeActiveTextEditor(used),
      window.onDidChangeActiveTerminal(used),
      window.onDidChangeWindowState(used),
      services.runs.onDidChange(() => services.runs.live.length > 0 && this.measuring?.abort()),
    );
  }

  private used(): void {
    this.usedAt = Date.now();
    this.measuring?.abort();
  }

  private async look(): Promise<void> {
    const now = Date.now();
    const { focused, active } = vscode.window.state;
    // Elsewhere, or in a terminal or a panel of this window, somebody may be at work.
    if (!focused || active || now - this.lookedAt > ASLEEP_MS) this.used();
    this.lookedAt = now;
    if (this.measuring) return;
    const busy = this.load() > MOST_BUSY;
    this.load = watchLoad();
    if (busy || now - this.usedAt < QUIET_MS || now < this.notBefore) return;
    const run = this.services.completion.inUse?.run;
    if (run && this.isWanted(run)) await this.measure(run);
  }

  private isWanted(run: RunSnapshot): boolean {
    const { services } = this;
    if (!vscode.workspace.isTrusted || this.over.has(run.spec.id) || !isLeftToMeasure(run)) return false;
    // Another window may have the same result in use, but not the same folder.
    return services.isHere(run) && services.runs.live.length === 0;
  }

  private async measure({ spec: { id, name } }: RunSnapshot): Promise<void> {
    const { children, log, runs } = this.services;
    const { signal } = (this.measuring = new AbortController());
    if ((await trainingNow()) || !(await onMains()) || signal.aborted) {
      this.measuring = undefined;
      return;
    }
    let others = watchLoad(usedByOthers);
    // Makes way as soon as something trains, or other programs are at work.
    const timer = setInterval(() => {
      if (others() > HEAVY) this.makeWay();
      others = watchLoad(usedByOthers);
      void trainingNow().then((training) => training && this.measuring?.abort());
    }, LOOK_MS.measuring);
    try {
      const args = ['evaluate', id, '--tasks', 'humaneval', '--limit', String(PROBLEMS), '--background'];
      await children.ask(z.unknown(), args, { signal });
      this.over.add(id);
    } catch (error) {
      if (!signal.aborted) {
        this.over.add(id);
        log.warn(`${name} was not measured on all of HumanEval: ${reportError(error).message}`);
      }
    } finally {
      clearInterval(timer);
      this.measuring = undefined;
      await runs.refresh();
    }
    const measured = runs.get(id);
    // The key that stopped it may have come too late.
    if (measured && !isLeftToMeasure(measured)) this.tellIfWorse(measured);
  }

  private makeWay(): void {
    this.measuring?.abort();
    this.notBefore = Date.now() + AFTER_HEAVY_MS;
  }

  private tellIfWorse(run: RunSnapshot): void {
    const why = run.summary && whyNotOffered(run.summary);
    if (!why) return;
    const { id, name, hyper } = run.spec;
    const said = t(
      '{name} no longer completes your code. Measured on all of HumanEval, it is worse than its base: {why}.',
      { name, why },
    );
    const lower = t('To use it all the same, set a lower strength in its results.');
    void this.services.log.ask('warning', joined([said, hyper.method === 'lora' ? lower : '']), {
      title: t('Show Results'),
      run: () => vscode.commands.executeCommand('forgetMeNot.showResults', id),
    });
  }

  dispose(): void {
    clearInterval(this.timer);
    this.measuring?.abort();
    this.subscriptions.dispose();
  }
}

/** Time of all programs but those at a low priority, as the measuring is; only Linux tells them apart. */
const usedByOthers = () => ({
  at: performance.now(),
  all: process.platform !== 'linux' ? 0 : cpus().reduce((sum, { times }) => sum + times.user, 0),
  own: 0,
});
