/** What the result of a run is compared with, in figures and texts: what is called "before". Pure. */
import { completingBaseId } from '../protocol/panel.ts';
import type { Comparison, Metric } from '../protocol/evaluation.ts';
import type { RunSpec } from '../protocol/run.ts';
import { t } from '../text/l10n.ts';
import { showsLearning } from './task-facts.ts';

type Began = Pick<RunSpec, 'continues' | 'reference' | 'fetched'>;

/** The base, the base with its reference adapter, or the result of the run that this one continues. */
export type Before = 'base' | 'reference' | 'continued';

/**
 * What the result is compared with on the user's text: what training began with. Forgetting is counted from the base,
 * always.
 */
export function beforeOf({ continues, reference, fetched }: Began): Before {
  if (continues ?? fetched?.continues) return 'continued';
  return (reference ?? fetched?.reference) ? 'reference' : 'base';
}

/** Whether figures of this task are compared with the base alone, although others are not. */
export const isAgainstBase = (spec: Began, task: string): boolean =>
  beforeOf(spec) !== 'base' && !showsLearning(task);

/**
 * The metrics of a comparison as columns, with the headings of `columnNames`: of the base as it was downloaded, of the
 * model that training began with if that is another one, and of the result. Undefined where it was not measured.
 */
export function columnsOf(
  spec: Began,
  { task, before, third, after }: Pick<Comparison, 'task' | 'before' | 'third' | 'after'>,
): (Metric | undefined)[] {
  if (beforeOf(spec) === 'base') return [before, after];
  return showsLearning(task) ? [third, before, after] : [before, third, after];
}

export function columnNames(spec: Began): string[] {
  const result = t('with what it learned from you');
  switch (beforeOf(spec)) {
    case 'base':
      return [t('the base as downloaded'), result];
    case 'reference':
      return [t('the base as downloaded'), t('with what comes with the extension'), result];
    case 'continued':
      return [t('the base as downloaded'), t('with what it knew before'), result];
  }
}

/** The name of what the result is compared with. `base`: the base's. */
export function beforeName(spec: Began, base: string): string {
  switch (beforeOf(spec)) {
    case 'continued':
      return spec.continues?.run ?? t('the run that it continues');
    case 'reference':
      return t('{base} with its reference adapter', { base });
    case 'base':
      return base;
  }
}

/** The model that completes the user's code. `withReference`: a base, with its reference adapter. */
export interface CompletingModel {
  id: string;
  withReference: boolean;
}

/** Whether this model is what the run's result was compared with. */
export function isBefore(
  spec: Began & Pick<RunSpec, 'base'>,
  { id, withReference }: CompletingModel,
): boolean {
  const before = beforeOf(spec);
  return before === 'continued'
    ? id === spec.continues?.run
    : id === completingBaseId(spec.base.id) && withReference === (before === 'reference');
}
