/** "Use for Completion": only checked results are served, so an unchecked one is checked first. */
import { z } from 'zod';
import { UserError } from '../../text/errors.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { withChildProgress } from '../child-progress.ts';
import type { Services } from '../services.ts';
import { t } from '../../text/l10n.ts';
import { modelFromRun } from './completion-model.ts';
import type { ServicesWithCompletion } from './completion-service.ts';
import { isChecked, whyNotServable } from '../texts.ts';

/** Errors: adapter-mismatch (the served model does not match the trained one), run-not-finished, cancelled. */
export async function useRun(services: ServicesWithCompletion, run: RunSnapshot): Promise<void> {
  await services.completion.use(modelFromRun(await ensureChecked(services, run)));
}

/** The run, checked now unless it was already. Errors: as of `useRun`. */
export async function ensureChecked(
  { runs, children }: Pick<Services, 'runs' | 'children'>,
  run: RunSnapshot,
): Promise<RunSnapshot> {
  const reason = whyNotServable(run, runs.statusOf(run));
  if (reason) throw reason;
  const { name } = run.spec;
  if (!isChecked(run))
    await withChildProgress(t('Checking {name} before it completes your code', { name }), (options) =>
      children.ask(z.unknown(), ['evaluate', run.spec.id, '--check'], options),
    ).finally(() => runs.refresh());
  const checkedRun = runs.get(run.spec.id);
  if (!checkedRun)
    throw new UserError(
      'run-not-found',
      t('The run {name} was deleted meanwhile.', { name }),
      t('Choose another one.'),
    );
  return checkedRun;
}
