/** The messages when a result becomes usable and when its run has ended, with buttons for the next step. */
import { beforeName, isBefore } from '../../findings/before.ts';
import type { OtherInUse } from '../../findings/end-text.ts';
import { hasResult } from '../../findings/run-status.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { completing, modelFromBase } from '../completion/completion-model.ts';
import type { ServicesWithCompletion } from '../completion/completion-service.ts';
import { t } from '../../text/l10n.ts';
import { canResume, endSentence, whyNotServable } from '../texts.ts';
import { commandAction } from '../log.ts';

export async function announceReady(
  { log, completion }: ServicesWithCompletion,
  run: RunSnapshot,
): Promise<void> {
  // It offers nothing then, so the message at the end is early enough.
  if (hasOtherBase(completion, run)) return;
  await log.notify(
    'info',
    t('{name} is trained and can already complete your code; some of its metrics are still being measured.', {
      name: run.spec.name,
    }),
    commandAction(t('Use for Completion'), 'useForCompletion', run.spec.id),
  );
}

type Completion = ServicesWithCompletion['completion'];

const hasOtherBase = ({ isOn, inUse }: Completion, { spec }: RunSnapshot): boolean =>
  isOn && inUse !== undefined && inUse.base?.sha256 !== spec.base.sha256;

/** Set if the result was not compared with the model that completes. */
function otherInUse({ isOn, inUse }: Completion, { spec }: RunSnapshot): OtherInUse | undefined {
  if (!isOn || !inUse || inUse.id === spec.id || isBefore(spec, completing(inUse))) return undefined;
  return { inUse: inUse.name, before: beforeName(spec, modelFromBase(spec.base).name) };
}

export async function announceEnd(
  { log, runs, completion, store }: ServicesWithCompletion,
  run: RunSnapshot,
): Promise<void> {
  const status = runs.statusOf(run);
  const other = otherInUse(completion, run);
  const isUsable =
    !hasOtherBase(completion, run) && !whyNotServable(run, status) && completion.inUse?.id !== run.spec.id;
  const sentence = endSentence(run, status, store.inUse === run.spec.id, other);
  const show = commandAction(t('Show Results'), 'showResults', run.spec.id);
  const resume = commandAction(t('Resume Training'), 'resumeTraining', run.spec.id);
  if (hasResult(run, status))
    return log.notify(
      'info',
      sentence,
      show,
      ...(isUsable ? [commandAction(t('Use for Completion'), 'useForCompletion', run.spec.id)] : []),
      ...(run.summary && !run.summary.pending
        ? []
        : [commandAction(t('Measure Result'), 'measureResult', run.spec.id)]),
    );
  if (status === 'cancelled') return log.notify('info', sentence, resume, show);
  if (status === 'interrupted') return log.notify('warning', sentence, resume, show);
  return log.notify(
    'error',
    sentence,
    ...(canResume(run) ? [resume] : []),
    commandAction(t('Show Trainer Log'), 'showTrainerLog', run.spec.id),
  );
}
