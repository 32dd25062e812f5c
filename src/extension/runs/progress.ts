/** The progress notification of a run. */
import * as vscode from 'vscode';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { t } from '../../text/l10n.ts';
import type { RunWatcher } from './run-watcher.ts';
import { percentOf, progressLine } from '../texts.ts';
import { withProgress } from '../editor-ui.ts';

const stoppingLine = ({ state }: RunSnapshot): string =>
  state.status === 'evaluating'
    ? t('Stopping the measuring; the result is kept')
    : t('Stopping after this step; a checkpoint is kept');

export class ProgressNotifications {
  private readonly shown = new Set<string>();

  constructor(
    private readonly runs: RunWatcher,
    private readonly stop: (id: string) => Promise<void>,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Shows the run's progress until it ends; at most once at a time for each run. */
  show(first: RunSnapshot): void {
    const { id, name } = first.spec;
    if (this.shown.has(id)) return;
    this.shown.add(id);
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: t('Fine-tuning {name}', { name }),
      cancellable: true,
    };
    void withProgress(options, (progress, token) => this.track(first, progress, token)).then(() =>
      this.shown.delete(id),
    );
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
    update(first);
    token.onCancellationRequested(() => {
      stopping = true;
      update(this.runs.get(id) ?? first);
      this.stop(id).catch((error: unknown) => {
        stopping = false;
        update(this.runs.get(id) ?? first);
        this.onError(error);
      });
    });
    return new Promise((resolve) => {
      const listeners = [
        this.runs.onDidChange((snapshot) => snapshot?.spec.id === id && update(snapshot)),
        this.runs.onDidLeave((left) => {
          if (left !== id) return;
          vscode.Disposable.from(...listeners).dispose();
          resolve();
        }),
      ];
    });
  }
}
