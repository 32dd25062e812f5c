/** Which run a command is about. */
import * as vscode from 'vscode';
import { UserError } from '../protocol/errors.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import type { Context } from './context.ts';
import { runItem, type Standing } from './texts.ts';

/** A run's id, or nothing: then the person is asked. */
export type Which = string | undefined;

/** The run that was meant, or the one the person picks among those with this standing. */
export async function pickRun(
  { runs, store }: Context,
  which: Which,
  standings: Standing[],
  placeHolder: string,
  none: string,
): Promise<RunSnapshot | undefined> {
  await runs.refresh();
  if (which) {
    const run = runs.get(which);
    if (!run)
      throw new UserError(
        'run-not-found',
        `There is no run ${which}.`,
        'Refresh the Runs view: it may have been deleted.',
      );
    return run;
  }
  const fitting = runs.all.filter((run) => standings.includes(runs.standing(run)));
  if (fitting.length === 0)
    throw new UserError('run-not-found', none, 'Start one with "Fine-tune on Workspace".');
  const items = fitting.map((run) => runItem(run, runs.standing(run), store.inUse === run.spec.id));
  return (await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true }))?.run;
}
