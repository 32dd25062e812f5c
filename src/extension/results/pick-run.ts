/** Finds the run that a command is for. */
import { UserError } from '../../text/errors.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import type { Services } from '../services.ts';
import { t } from '../../text/l10n.ts';
import { runItem, type Standing } from '../texts.ts';
import { showQuickPick } from '../shown.ts';

/** A run's id; undefined: the user is asked. */
export type Which = string | undefined;

/** The run with the id `which`, or the one that the user picks among those that `fits` accepts. */
export async function pickRun(
  { runs, store }: Services,
  which: Which,
  fits: readonly Standing[] | ((run: RunSnapshot, standing: Standing) => boolean),
  placeHolder: string,
  none: string,
  {
    itemOf = runItem,
    order,
  }: { itemOf?: typeof runItem; order?: (a: RunSnapshot, b: RunSnapshot) => number } = {},
): Promise<RunSnapshot | undefined> {
  await runs.refresh();
  if (which) {
    const run = runs.get(which);
    if (!run)
      throw new UserError(
        'run-not-found',
        t('There is no run {run}.', { run: which }),
        t('Refresh the Runs view: it may have been deleted.'),
      );
    return run;
  }
  const isFit =
    typeof fits === 'function' ? fits : (_: RunSnapshot, standing: Standing) => fits.includes(standing);
  const fitting = runs.all.filter((run) => isFit(run, runs.standing(run)));
  if (fitting.length === 0)
    throw new UserError('run-not-found', none, t('Start one with {step}.', { step: '{train}' }));
  if (order) fitting.sort(order);
  const items = fitting.map((run) => itemOf(run, runs.standing(run), store.inUse === run.spec.id));
  // The results panel may take the focus when it has loaded; that must not close the question.
  const options = { placeHolder, matchOnDescription: true, ignoreFocusOut: true };
  return (await showQuickPick(items, options))?.run;
}
