/** Finds the run that a command applies to. */
import { UserError } from '../../text/errors.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { t } from '../../text/l10n.ts';
import { runItem, type RunStatus } from '../texts.ts';
import { showQuickPick } from '../editor-ui.ts';

/** The argument of a command, usually a run's id; undefined: ask the user. */
export type CommandArgument = string | undefined;

/** The run with this id, or the one that the user picks among those that `filter` accepts. */
export async function pickRun(
  { runs, completion }: ServicesWithCompletion,
  id: CommandArgument,
  filter: readonly RunStatus[] | ((run: RunSnapshot, status: RunStatus) => boolean),
  placeHolder: string,
  none: string,
  {
    itemOf = runItem,
    order = (runs) => runs,
  }: { itemOf?: typeof runItem; order?: (runs: RunSnapshot[]) => RunSnapshot[] } = {},
): Promise<RunSnapshot | undefined> {
  await runs.refresh();
  if (id) {
    const run = runs.get(id);
    if (!run)
      throw new UserError(
        'run-not-found',
        t('There is no run {run}.', { run: id }),
        t('Refresh the Runs view: it may have been deleted.'),
      );
    return run;
  }
  const matches =
    typeof filter === 'function' ? filter : (_: RunSnapshot, status: RunStatus) => filter.includes(status);
  const candidates = order(runs.all.filter((run) => matches(run, runs.statusOf(run))));
  if (candidates.length === 0)
    throw new UserError('run-not-found', none, t('Start one with {step}.', { step: '{train}' }));
  const inUse = completion.localModel?.id;
  const items = candidates.map((run) => itemOf(run, runs.statusOf(run), inUse === run.spec.id));
  // The results panel may take the focus when it has loaded; that must not close the list.
  const options = { placeHolder, matchOnDescription: true, ignoreFocusOut: true };
  return (await showQuickPick(items, options))?.run;
}
