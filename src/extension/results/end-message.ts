/** The messages when a result becomes usable and when its run has ended, with buttons for the next step. */
import * as vscode from 'vscode';
import type { RunSnapshot } from '../../protocol/panel.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { t } from '../../text/l10n.ts';
import { canResume, endSentence, whyNotServable } from '../texts.ts';
import type { Action } from '../log.ts';

const command = (title: string, name: string, run: RunSnapshot): Action => ({
  title,
  run: () => vscode.commands.executeCommand(`forgetMeNot.${name}`, run.spec.id),
});

export const announceReady = ({ log }: ServicesWithCompletion, run: RunSnapshot): Promise<void> =>
  log.notify(
    'info',
    t('{name} is trained and can already complete your code; some of its figures are still being measured.', {
      name: run.spec.name,
    }),
    command(t('Use for Completion'), 'useForCompletion', run),
  );

export async function announceEnd(
  { log, runs, completion, store }: ServicesWithCompletion,
  run: RunSnapshot,
): Promise<void> {
  const status = runs.statusOf(run);
  const isUsable = !whyNotServable(run, status) && completion.inUse?.id !== run.spec.id;
  const sentence = endSentence(run, status, store.inUse === run.spec.id);
  const show = command(t('Show Results'), 'showResults', run);
  const resume = command(t('Resume Training'), 'resumeTraining', run);
  if (status === 'done')
    return log.notify(
      'info',
      sentence,
      show,
      ...(isUsable ? [command(t('Use for Completion'), 'useForCompletion', run)] : []),
      ...(run.summary && !run.summary.pending ? [] : [command(t('Measure Result'), 'measureResult', run)]),
    );
  if (status === 'cancelled') return log.notify('info', sentence, resume, show);
  if (status === 'interrupted') return log.notify('warning', sentence, resume, show);
  return log.notify(
    'error',
    sentence,
    ...(canResume(run) ? [resume] : []),
    command(t('Show Trainer Log'), 'showTrainerLog', run),
  );
}
