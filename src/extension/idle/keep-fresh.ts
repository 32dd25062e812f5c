/**
 * Training in the background: while nobody uses the machine, the result in use learns what has changed since, for a few
 * minutes a day. A new result completes code if it is offered, so if it is better than the one before by its own
 * figures; else nothing changes.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { isContinuable } from '../../findings/offer.ts';
import { runsDir } from '../../platform/files/paths.ts';
import { changedSchema, type Changed } from '../../protocol/changed.ts';
import { pathsOf } from '../../protocol/folders.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { cancelRun } from '../../runs/index.ts';
import { reportError } from '../../text/errors.ts';
import { dayOf, joined, t } from '../../text/l10n.ts';
import { startedSchema } from '../children.ts';
import { modelFromRun } from '../completion/completion-model.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { commandAction } from '../log.ts';
import { setTrainWhenIdle, settings } from '../settings.ts';
import { changeText } from '../texts.ts';
import { nextTraining, obsoleteRuns, type GoingOn } from './next-training.ts';

/** Minutes of training a day; measuring the result takes about a third of that in addition. */
const MINUTES_A_DAY = 20;
/** Reading a workspace for what has changed takes seconds. */
const ASK_EVERY_MS = 60 * 60_000;

/** Work that ends soon after `signal`. */
export type IdleWork = (signal: AbortSignal) => Promise<void>;

export class KeepFresh {
  private askedAt = -Infinity;
  /** Runs that were measured here, or could not be trained further: that is not repeated. */
  private readonly tried = new Set<string>();

  constructor(private readonly services: ServicesWithCompletion) {}

  /** What is due now, if anything. */
  due(inUse: RunSnapshot): IdleWork | undefined {
    const { store, runs } = this.services;
    const isWanted = settings.background() === 'whenIdle';
    const isPossible = isContinuable(inUse) && store.comparing === undefined;
    if (!isPossible || (!isWanted && store.askedBackground)) return undefined;
    const now = new Date();
    const next = nextTraining(inUse, {
      runs: runs.all,
      statusOf: (run) => runs.statusOf(run),
      used: store.recent,
      now,
    });
    if (!next) return undefined;
    if (next.kind === 'begin') {
      if (now.getTime() - this.askedAt < ASK_EVERY_MS) return undefined;
      this.askedAt = now.getTime();
      return (signal) => this.begin(inUse, next.since, signal);
    }
    if (!isWanted || (next.kind !== 'use' && this.tried.has(next.run.spec.id))) return undefined;
    return (signal) => this.goOn(next, inUse, signal);
  }

  private async goOn({ kind, run }: GoingOn, inUse: RunSnapshot, signal: AbortSignal): Promise<void> {
    const { id } = run.spec;
    if (kind === 'use') return this.use(run, inUse);
    try {
      if (kind === 'resume') await this.train(['resume', id], signal);
      else {
        await this.services.children.ask(z.unknown(), ['evaluate', id, '--background'], { signal });
        this.tried.add(id);
      }
    } catch (error) {
      if (!signal.aborted) this.tried.add(id);
      throw error;
    }
  }

  /** Stops what is still training though somebody is back, such as after a crash of the editor. */
  async stop(): Promise<void> {
    const { services } = this;
    const left = services.runs.live.filter((run) => run.spec.background && services.isHere(run));
    for (const { spec } of left) await this.stopRun(spec.id);
  }

  private async begin(inUse: RunSnapshot, since: RunSnapshot, signal: AbortSignal): Promise<void> {
    const { id } = inUse.spec;
    const globs = settings.globOptions(pathsOf(inUse.spec));
    const changed = await this.services.children.ask(changedSchema, ['changed', since.spec.id, ...globs], {
      signal,
    });
    if (!changed.enough) return;
    if (settings.background() === 'off') return this.askConsent(inUse, changed);
    for (const run of obsoleteRuns(inUse, this.services.runs.all))
      await this.services.children.ask(z.unknown(), ['runs', 'delete', run.spec.id, '--yes'], { signal });
    const chosen = [...settings.backendOptions(), ...globs, ...settings.trainOptions()];
    // The last options win: whatever the settings say, only a better result may be used.
    const always = ['--minutes', String(MINUTES_A_DAY), '--strength', 'measured', '--when-idle', '--yes'];
    await this.train(['train', '--continue', id, ...chosen, ...always], signal);
  }

  /** Trains until the run ends, or is stopped with a checkpoint; another day goes on from there. */
  private async train(command: string[], signal: AbortSignal): Promise<void> {
    const { runs } = this.services;
    const id = await this.start(command, signal);
    await runs.refresh();
    const ended = new Promise<void>((resolve) => {
      const listener = runs.onDidLeave((left) => {
        if (left !== id) return;
        listener.dispose();
        resolve();
      });
    });
    runs.follow(id, true);
    const stop = () => void this.stopRun(id);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    await ended;
  }

  private async start(command: string[], signal: AbortSignal): Promise<string> {
    const { children, runs } = this.services;
    try {
      return (await children.ask(startedSchema, [...command, '--detach'], { signal })).run;
    } catch (error) {
      // The command may have started the trainer before it was stopped. If it failed, another window may be training.
      if (signal.aborted) {
        await runs.refresh();
        await this.stop();
      }
      throw error;
    }
  }

  private async stopRun(id: string): Promise<void> {
    await cancelRun(join(runsDir(), id)).catch((error: unknown) =>
      this.services.log.warn(`Run ${id} could not be stopped: ${reportError(error).message}`),
    );
  }

  private async use(run: RunSnapshot, before: RunSnapshot): Promise<void> {
    const { completion, log } = this.services;
    await completion.choose(modelFromRun(run));
    const day = dayOf(new Date(before.spec.createdAt), 'long');
    void log.notify(
      'info',
      t(
        '{name} has learned what changed since {day} while the machine was idle, predicts your code better than before, and completes it now.',
        { name: run.spec.name, day },
      ),
      commandAction(t('Show Results'), 'showResults', run.spec.id),
      commandAction(t('Undo'), 'useForCompletion', before.spec.id),
    );
  }

  /** Waits for no answer, because nobody is there. */
  private async askConsent({ spec }: RunSnapshot, changed: Changed): Promise<void> {
    const { store, log } = this.services;
    await store.markBackgroundAsked();
    const question = t(
      'Shall {name} learn such changes while the machine is idle and not on battery, {minutes} minutes a day at most? Only a better result is used.',
      { name: spec.name, minutes: MINUTES_A_DAY },
    );
    void log.notify(
      'info',
      joined([changeText(changed), question]),
      { title: t('Yes'), run: setTrainWhenIdle },
      { title: t('No'), run: () => undefined },
    );
  }
}
