/**
 * The text shown when a run is done: first whether it helped and what completes the user's code now, which is all that
 * the editor shows; then the metrics, then what is not measured yet. Pure.
 */
import { joined, t } from '../text/l10n.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import { nextStepWithoutOffer, whyNotOffered } from './offer.ts';
import { metricsIn, leftToMeasure, pendingIn } from './summary-sentence.ts';
import { verdictIn, verdictOf } from './verdict.ts';

/** Names of models: what completes the user's code, if it was not compared, and what the result was compared with. */
export interface OtherInUse {
  inUse: string;
  before: string;
}

/**
 * One or more sentences per line, without empty lines. `chosen`: whether the result completes, or just completed, the
 * user's code.
 */
export function endText(
  { spec, state, summary, events }: Pick<RunSnapshot, 'spec' | 'state' | 'summary' | 'events'>,
  chosen = false,
  other?: OtherInUse,
): string[] {
  const { step } = state;
  const steps = step === 1 ? t('1 step') : t('{steps} steps', { steps: step });
  const verdict = verdictOf(summary);
  const refused = summary !== undefined && isRefused(summary);
  // Its owner may have died while it measured.
  const stopped =
    state.status === 'evaluating' || events.findLast((event) => event.type === 'done')?.measuringStopped;
  const left = summary ? leftToMeasure(summary, pendingIn(summary)) : '';
  const lines = [
    joined([
      t('{name}: trained, {steps}.', { name: spec.name, steps }),
      verdictIn(verdict, other?.before),
      useOf(refused, chosen, other),
      refused ? nextStepWithoutOffer(summary) : '',
    ]),
    summary ? metricsIn(summary) : '',
    joined([
      stopped ? t('Measuring was stopped; the result is kept.') : '',
      left,
      left || !summary ? t('{button} measures the rest.', { button: `{evaluate ${spec.id}}` }) : '',
    ]),
  ];
  return lines.filter(Boolean);
}

const isRefused = (summary: NonNullable<RunSnapshot['summary']>): boolean =>
  summary.served?.ok === false || whyNotOffered(summary) !== undefined;

function useOf(refused: boolean, chosen: boolean, other: OtherInUse | undefined): string {
  if (refused)
    return chosen ? t('Your completions no longer use it.') : t('Nothing changed in your completions.');
  if (other) return t('Your code is completed by {model}, which was not compared.', { model: other.inUse });
  return chosen ? t('Your completions use it now.') : t('Your completions can use it.');
}
