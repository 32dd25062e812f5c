/** The progress notification of a run until its training has begun; from then on, the status bar says how far it is. */
import * as vscode from 'vscode';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { t } from '../../text/l10n.ts';
import type { RunWatcher } from './run-watcher.ts';
import { percentOf, progressLine } from '../texts.ts';
import { setStatusBarMessage, withProgress } from '../editor-ui.ts';

const stoppingLine = ({ state }: RunSnapshot): string =>
  state.status === 'evaluating'
    ? t('Stopping the measuring; the result is kept')
    : t('Stopping after this step; a checkpoint is kept');

/** A resumed run has steps from the beginning, and is prepared first all the same. */
const hasBegun = ({ state }: RunSnapshot): boolean =>
  state.status === 'evaluating' ||
  (state.status === 'running' && state.step > 0 && (state.phase ?? 'Training').startsWith('Training'));

export class ProgressNotifications {
  /** By run: tells its notification that the run was asked to stop, or that this has failed. */
  private readonly shown = new Map<string, (stopping: boolean) => void>();

  constructor(
    private readonly runs: RunWatcher,
    private readonly stop: (id: string) => Promise<void>,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Shows the run's progress until its training has begun; at most once at a time for each run. */
  show(first: RunSnapshot): void {
    const { id, name } = first.spec;
    if (this.shown.has(id) || hasBegun(first)) return;
    this.shown.set(id, () => undefined);
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: t('Fine-tuning {name}', { name }),
      cancellable: true,
    };
    void withProgress(options, (progress, token) => this.track(first, progress, token)).then(() =>
      this.shown.delete(id),
    );
  }

  /** Asks a run to stop, and says so at once: its step may take long. Errors: those of `stop`. */
  async requestStop(run: RunSnapshot): Promise<void> {
    const { id } = run.spec;
    const tell = this.shown.get(id);
    tell?.(true);
    try {
      await this.stop(id);
    } catch (error) {
      tell?.(false);
      throw error;
    }
    if (!tell) setStatusBarMessage(stoppingLine(run), 10_000);
  }

  private track(
    first: RunSnapshot,
    progress: vscode.Progress<{ message?: string; increment?: number }>,
    token: vscode.CancellationToken,
  ): Promise<void> {
    const { id } = first.spec;
    let shownPercent = 0;
    let stopping = false;
    const update = (snapshot: RunSnapshot) => {
      const percent = percentOf(snapshot);
      progress.report({
        message: stopping ? stoppingLine(snapshot) : progressLine(snapshot),
        // The bar never goes back, though the end may turn out to be later than expected.
        ...(percent > shownPercent ? { increment: percent - shownPercent } : {}),
      });
      shownPercent = Math.max(shownPercent, percent);
    };
    const latest = () => this.runs.get(id) ?? first;
    update(first);
    this.shown.set(id, (now) => {
      stopping = now;
      update(latest());
    });
    token.onCancellationRequested(() => void this.requestStop(latest()).catch(this.onError));
    return new Promise((resolve) => {
      const end = () => {
        vscode.Disposable.from(...listeners).dispose();
        resolve();
      };
      const listeners = [
        this.runs.onDidChange((snapshot) => {
          if (snapshot?.spec.id !== id) return;
          if (hasBegun(snapshot)) end();
          else update(snapshot);
        }),
        this.runs.onDidLeave((left) => left === id && end()),
      ];
    });
  }
}
