/** "Use for Completion": only checked results are served, so a result that was never checked is checked first. */
import { z } from 'zod';
import { UserError } from '../../text/errors.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { whileShown } from '../child-progress.ts';
import { t } from '../../text/l10n.ts';
import { ofRun } from './completion-model.ts';
import type { ServicesWithCompletion } from './completion-service.ts';
import { isChecked, whyNotServable } from '../texts.ts';

/** Errors: adapter-mismatch (the served model does not match the trained one), run-not-finished, cancelled. */
export async function useRun(services: ServicesWithCompletion, run: RunSnapshot): Promise<void> {
  const { runs, children, completion } = services;
  const refused = whyNotServable(run, runs.standing(run));
  if (refused) throw refused;
  const { name } = run.spec;
  if (!isChecked(run))
    await whileShown(t('Checking {name} before it completes your code', { name }), (options) =>
      children.ask(z.unknown(), ['evaluate', run.spec.id, '--check'], options),
    ).finally(() => runs.refresh());
  const checked = runs.get(run.spec.id);
  if (!checked)
    throw new UserError(
      'run-not-found',
      t('The run {name} was deleted meanwhile.', { name }),
      t('Choose another one.'),
    );
  await completion.use(ofRun(checked));
}
