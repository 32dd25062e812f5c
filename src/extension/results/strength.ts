/** "Use This Strength": sets the factor that scales a run's trained change, for completion and export. */
import { z } from 'zod';
import { UserError } from '../../text/errors.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { t } from '../../text/l10n.ts';
import { whyNotServable } from '../texts.ts';
import { requireTrust } from '../trust.ts';
import { ensureChecked } from '../completion/use-run.ts';

/** Errors: bad-request (no trust), run-not-found, run-locked (in training, or being measured), not-better. */
export async function setStrength(
  services: ServicesWithCompletion,
  id: string,
  strength: number,
): Promise<void> {
  requireTrust();
  const { runs, children, completion, log } = services;
  const isInUse = completion.inUse?.id === id;
  await children.ask(z.unknown(), ['strength', id, String(strength)]).finally(() => runs.refresh());
  const run = runs.get(id);
  if (!run)
    throw new UserError('run-not-found', t('That run was deleted meanwhile.'), t('Choose another one.'));
  // A run in use is checked at its new strength before it completes code again. Only that: completion that is off
  // or snoozed stays so, and the server notices by itself that the file has changed.
  if (isInUse) {
    // That it no longer completes code, and why, was said when its change was read.
    if (completion.isOn && whyNotServable(run, runs.statusOf(run))) return;
    await ensureChecked(services, run);
  }
  const { name } = run.spec;
  void log.notify(
    'info',
    t('{name} now has strength {strength}. {button} measures it at this strength.', {
      name,
      strength,
      button: `{evaluate ${id}}`,
    }),
  );
}
