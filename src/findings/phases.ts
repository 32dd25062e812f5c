/** Translates the phases that a run or a child process reports in English. */
import { t, tKnown } from '../text/l10n.ts';

/** Phases without numbers. */
const phases = (): Partial<Record<string, string>> => ({
  'Reading files': t('Reading files'),
  'Loading the model': t('Loading the model'),
  'Measuring the machine': t('Measuring the machine'),
  'Measuring the base': t('Measuring the base'),
  Training: t('Training'),
  'Writing the result': t('Writing the result'),
  Evaluating: t('Measuring'),
  'Computing with the trainer': t('Computing with the trainer'),
  'Checking with llama.cpp': t('Checking with llama.cpp'),
  'Asking the cluster': t('Asking the cluster'),
  'Waiting for a worker': t('Waiting for a worker'),
  'Preparing a worker': t('Preparing a worker'),
  'Continuing with another worker': t('Continuing with another worker'),
  'Fetching the result': t('Fetching the result'),
  'The cluster is busy: waiting until all workers have room': t(
    'The cluster is busy: waiting until all workers have room',
  ),
  "The cluster can't be reached; trying again": t("The cluster can't be reached; trying again"),
});

/** Translates the known parts of a phase with numbers, such as "Held-out text 3 of 20". */
export function phaseIn(phase: string): string {
  const [, begun, step, steps] = /^(.+): step (\d+) of (\d+)$/.exec(phase) ?? [];
  if (begun !== undefined)
    return t('{phase}: step {step} of {steps}', { phase: phaseIn(begun), step: step!, steps: steps! });
  const [, from] = /^Training, resumed at step (\d+)$/.exec(phase) ?? [];
  if (from !== undefined) return t('Training, resumed at step {from}', { from });
  const [, later, earlier] = /^Training, back from step (\d+) to step (\d+)$/.exec(phase) ?? [];
  if (earlier !== undefined)
    return t('Training, back from step {step} to step {to}', { step: later!, to: earlier });
  const [, what, done, total] = /^(.+) (\d+) of (\d+)$/.exec(phase) ?? [];
  if (what !== undefined) return `${phaseIn(what)} ${t('{done} of {total}', { done: done!, total: total! })}`;
  const [, at, task] = /^Step (\d+): (.+)$/.exec(phase) ?? [];
  if (at !== undefined) return `${t('Step {step}', { step: at })}: ${phaseIn(task!)}`;
  const [, to] = /^Sending to (.+)$/.exec(phase) ?? [];
  if (to !== undefined) return t('Sending to {host}', { host: to });
  return phases()[phase] ?? tKnown(phase);
}
