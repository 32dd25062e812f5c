/** "Delete Run": names what is deleted and how much that frees, and asks. The command line refuses a run in progress. */
import { z } from 'zod';
import { UserError } from '../../text/errors.ts';
import { t } from '../../text/l10n.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { setStatusBarMessage, showWarningMessage } from '../editor-ui.ts';
import { commandAction } from '../log.ts';
import { pickRun, type CommandArgument } from '../results/pick-run.ts';
import { size } from '../texts.ts';

export async function deleteRun(services: ServicesWithCompletion, argument: CommandArgument): Promise<void> {
  const { children, completion, log, runs, store } = services;
  const run = await pickRun(
    services,
    argument,
    ['done', 'failed', 'cancelled', 'interrupted'],
    t('Which run do you want to delete?'),
    t('There is no run that could be deleted.'),
  );
  if (!run) return;
  const { id, name } = run.spec;
  if ([completion.inUse?.id, store.inUse].includes(id))
    return log.showError(
      new UserError(
        'run-locked',
        t('{name} is in use for completion.', { name }),
        t('Choose another adapter, or the base, first.'),
      ),
      commandAction(t('Switch Adapter'), 'switchAdapter'),
    );
  const dryRun = ['runs', 'delete', id, '--dry-run'];
  const { bytes } = await children.ask(z.object({ bytes: z.number() }), dryRun);
  const confirm = t('Delete');
  const answer = await showWarningMessage(
    t('Delete the run {name}? That frees {size}.', { name, size: size(bytes) }),
    {
      modal: true,
      detail: t('{run}: its result, its checkpoints and its figures. What you exported or published stays.', {
        run: id,
      }),
    },
    confirm,
  );
  if (answer !== confirm) return;
  await children.ask(z.unknown(), ['runs', 'delete', id, '--yes']).finally(() => runs.refresh());
  setStatusBarMessage(t('The run {name} is deleted.', { name }), 5000);
}
