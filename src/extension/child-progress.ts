/** Shows the progress of a child process as a notification that can be cancelled. */
import * as vscode from 'vscode';
import type { ChildOptions, ChildProgress } from './children.ts';
import { t } from '../text/l10n.ts';
import { phaseIn } from '../findings/phases.ts';
import { size } from './texts.ts';
import { withProgress } from './editor-ui.ts';

/** `work` must pass the options on to its child process. */
export function withChildProgress<T>(title: string, work: (options: ChildOptions) => Promise<T>): Promise<T> {
  const shown = withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    (progress, token) => work({ signal: signalOf(token), onProgress: reporter(progress) }),
  );
  return Promise.resolve(shown);
}

function signalOf(token: vscode.CancellationToken): AbortSignal {
  const controller = new AbortController();
  token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}

/** Turns a child's progress lines into those of a notification. */
function reporter(
  progress: vscode.Progress<{ message?: string; increment?: number }>,
): (line: ChildProgress) => void {
  let phase = '';
  let shownPercent = 0;
  return (line) => {
    const { done, total, unit } = line;
    const percent = total > 0 ? Math.min(100, (100 * done) / total) : 0;
    const amount =
      total > 0
        ? unit === 'bytes'
          ? `: ${t('{done} of {total}', { done: size(done), total: size(total) })}`
          : `: ${t('{done} of {total}', { done, total })}${unit ? ` ${unit}` : ''}`
        : '';
    // The bar only moves forward, so a new phase starts where the last one ended.
    if (line.phase !== phase) shownPercent = percent;
    progress.report({
      message: `${phaseIn(line.phase)}${amount}`,
      increment: Math.max(0, percent - shownPercent),
    });
    phase = line.phase;
    shownPercent = Math.max(shownPercent, percent);
  };
}
