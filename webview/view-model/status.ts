/** The state of a run in words, and what the user can do about it. */
import { joined, t, translate, whole } from '../../src/text/l10n.ts';
import { isReady, notBetter } from '../../src/findings/offer.ts';
import type { RunSnapshot } from '../../src/protocol/panel.ts';
import { hasResult, isLive, effectiveStatusOf, type EffectiveStatus } from '../../src/findings/run-status.ts';
import { secondsLeft } from '../../src/findings/run-time.ts';
import { phaseIn } from '../../src/findings/phases.ts';
import { formatDuration } from './format.ts';
import { textOf } from '../../src/text/message.ts';

export interface StatusView {
  kind: EffectiveStatus;
  label: string;
  /** One sentence about what is happening or what happened. */
  sentence: string;
  /** What to do next, if there is something to do. */
  next?: string;
  progress?: { done: number; total: number };
  live: boolean;
  canStop: boolean;
  canUse: boolean;
  /** Whether some metrics are not measured yet. */
  canMeasure: boolean;
}

/** The trainer writes a heartbeat every few seconds. A loaded machine may delay it, but not by a minute. */
const SILENCE_MS = 60_000;

const labels = (): Record<EffectiveStatus, string> => ({
  queued: t('Queued'),
  running: t('Training'),
  evaluating: t('Measuring'),
  done: t('Done'),
  failed: t('Failed'),
  cancelled: t('Stopped'),
  interrupted: t('Interrupted'),
});

export const statusIn = (kind: EffectiveStatus): string => labels()[kind];

/** Whether its owner's heartbeat is recent. `now` in milliseconds; in a report, the time at which that was written. */
const hasRecentHeartbeat = ({ state, spec }: RunSnapshot, now: number): boolean =>
  !(now - Date.parse(state.heartbeat ?? spec.createdAt) > SILENCE_MS);

/** `alive`: whether its owner is, if the host has told. */
export function readStatus(
  snapshot: RunSnapshot,
  now: number,
  alive = hasRecentHeartbeat(snapshot, now),
): StatusView {
  const { state, spec, summary } = snapshot;
  const kind = effectiveStatusOf(snapshot, alive, now);
  const live = isLive(kind);
  const at = { step: whole(state.step), steps: whole(state.steps) };
  const resume = t('Resume it from its last checkpoint with {button}.', { button: `{resume ${spec.id}}` });
  const view: StatusView = {
    kind,
    label: statusIn(kind),
    sentence: '',
    live,
    canStop: live,
    canMeasure: hasResult(snapshot, kind) && (!summary || summary.pending !== undefined),
    canUse:
      (hasResult(snapshot, kind) || isReady(snapshot)) && summary?.served?.ok !== false && !isWorse(snapshot),
  };
  switch (kind) {
    case 'queued':
      return { ...view, sentence: state.phase ? phaseIn(state.phase) : t('Waiting to start.') };
    case 'running':
      return {
        ...view,
        sentence: withTimeLeft(
          t('{phase}: step {step} of {steps}', { phase: phaseIn(state.phase ?? 'Training'), ...at }),
          state.etaSeconds,
        ),
        progress: { done: state.step, total: state.steps },
      };
    case 'evaluating':
      return {
        ...view,
        sentence: withTimeLeft(
          // The label says "Measuring" already.
          state.phase && phaseIn(state.phase) !== view.label
            ? phaseIn(state.phase)
            : t('Measuring what was learned and forgotten'),
          secondsLeft(state, now) ?? state.etaSeconds,
        ),
      };
    case 'interrupted':
      if (hasResult(snapshot, kind))
        return {
          ...view,
          sentence: t('Measuring was stopped; the result is kept.'),
          ...(view.canMeasure && {
            next: t('{button} measures the rest.', { button: `{evaluate ${spec.id}}` }),
          }),
        };
      return {
        ...view,
        sentence: t(
          'Training was interrupted at step {step} of {steps}: the trainer no longer responds.',
          at,
        ),
        next: resume,
      };
    case 'cancelled':
      return {
        ...view,
        sentence: t('Stopped at step {step} of {steps}; its checkpoint is kept.', at),
        next: resume,
      };
    case 'failed':
      return {
        ...view,
        sentence: state.error
          ? translate(textOf(state.error, 'message'))
          : t('The run failed at step {step} of {steps}.', at),
        next: afterFailure(
          state.error ? translate(textOf(state.error, 'next')) : t("See trainer.log in the run's folder."),
          snapshot,
          resume,
        ),
      };
    case 'done':
      return {
        ...view,
        sentence: '',
        next: notChecked(snapshot),
      };
  }
}

/** A sentence with the remaining time, if known. */
const withTimeLeft = (what: string, seconds: number | undefined): string =>
  seconds
    ? t('{what}, about {time} left.', { what, time: formatDuration(seconds) })
    : t('{clause}.', { clause: what });

/** Adds the offer to resume, unless resuming would fail in the same way. */
function afterFailure(next: string, { state }: RunSnapshot, resume: string): string {
  const canResume = state.error?.code !== 'diverged' && !/\bresume\b/.test(next);
  return canResume ? joined([next, resume]) : next;
}

const isWorse = ({ spec, summary }: RunSnapshot) =>
  summary !== undefined && notBetter(spec.name, summary) !== undefined;

/** A result completes code only if the served model was checked to match the trained one. */
function notChecked(snapshot: RunSnapshot): string | undefined {
  const { served } = snapshot.summary ?? {};
  if (served?.ok || isWorse(snapshot)) return undefined;
  if (served)
    return t(
      'The model that llama.cpp serves does not match the trained one, so this result is not offered for completion.',
    );
  return t(
    'It has not been checked yet that the served model matches the trained one: "Use for Completion" checks it first, which takes about ten seconds.',
  );
}
