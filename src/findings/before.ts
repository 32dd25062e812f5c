/** What the result of a run is compared with, in figures and texts: what is called "before". Pure. */
import { completingBaseId } from '../protocol/panel.ts';
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
