/** The messages when a result can be used and when its run has ended, with buttons for what can be done next. */
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

export const tellReady = ({ log }: ServicesWithCompletion, run: RunSnapshot): Promise<void> =>
  log.ask(
    'info',
    t('{name} is trained and can already complete your code; some of its figures are still being measured.', {
      name: run.spec.name,
    }),
    command(t('Use for Completion'), 'useForCompletion', run),
  );

export async function tellEnd(
  { log, runs, completion, store }: ServicesWithCompletion,
  run: RunSnapshot,
): Promise<void> {
  const standing = runs.standing(run);
  const usable = !whyNotServable(run, standing) && completion.inUse?.id !== run.spec.id;
  const sentence = endSentence(run, standing, store.inUse === run.spec.id);
  const show = command(t('Show Results'), 'showResults', run);
  const resume = command(t('Resume Training'), 'resumeTraining', run);
  if (standing === 'done')
    return log.ask(
      'info',
      sentence,
      show,
      ...(usable ? [command(t('Use for Completion'), 'useForCompletion', run)] : []),
      ...(run.summary && !run.summary.pending ? [] : [command(t('Measure Result'), 'measureResult', run)]),
    );
  if (standing === 'cancelled') return log.ask('info', sentence, resume, show);
  if (standing === 'interrupted') return log.ask('warning', sentence, resume, show);
  return log.ask(
    'error',
    sentence,
    ...(canResume(run) ? [resume] : []),
    command(t('Show Trainer Log'), 'showTrainerLog', run),
  );
}
