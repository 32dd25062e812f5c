/** "Use This Strength": how strongly a run's change is applied from now on, for completion and export. */
import { z } from 'zod';
import { UserError } from '../../protocol/errors.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { requireTrust } from '../trust.ts';
import { useRun } from './use-run.ts';

/** Errors: bad-request (no trust), run-not-found, run-locked (in training, or being measured), not-better. */
export async function setStrength(
  services: ServicesWithCompletion,
  id: string,
  strength: number,
): Promise<void> {
  requireTrust();
  const { runs, children, completion, log } = services;
  const used = completion.inUse?.spec.id === id;
  await children.ask(z.unknown(), ['strength', id, String(strength)]).finally(() => runs.refresh());
  const run = runs.get(id);
  if (!run) throw new UserError('run-not-found', 'That run was deleted meanwhile.', 'Choose another one.');
  // One that completes code is checked at its new strength before it goes on.
  if (used) await useRun(services, run);
  const { name } = run.spec;
  void log.ask(
    'info',
    `The change of ${name} is applied at strength ${strength} now. {evaluate ${id}} measures it there.`,
  );
}
