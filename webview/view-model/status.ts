/** The state of a run in words, and what the user can do about it. */
import { isReady, notBetter } from '../../src/evaluation/figures/offer.ts';
import type { RunSnapshot } from '../../src/protocol/panel.ts';
import { formatDuration } from './format.ts';

/** `interrupted`: its state says that it runs, but its process has sent no heartbeat for a while. */
export type StatusKind = RunSnapshot['state']['status'] | 'interrupted';

export interface StatusView {
  kind: StatusKind;
  label: string;
  /** One sentence about what is happening or what happened. */
  sentence: string;
  /** What to do next, if there is something to do. */
  next?: string;
  progress?: { done: number; total: number };
  live: boolean;
  canStop: boolean;
  canUse: boolean;
  /** Some figures are not measured yet. */
  canMeasure: boolean;
}

/** The trainer writes a heartbeat every few seconds. A loaded machine may delay it, but not by a minute. */
const SILENCE_MS = 60_000;

const labels: Record<StatusKind, string> = {
  queued: 'Queued',
  running: 'Training',
  evaluating: 'Evaluating',
  paused: 'Paused',
  done: 'Done',
  failed: 'Failed',
  cancelled: 'Stopped',
  interrupted: 'Interrupted',
};

/** `now` in milliseconds; in a report, the time at which it was written. */
function statusKind({ state, spec }: RunSnapshot, now: number): StatusKind {
  if (state.status === 'running' || state.status === 'evaluating') {
    const heard = Date.parse(state.heartbeat ?? spec.createdAt);
    if (Number.isFinite(heard) && now - heard > SILENCE_MS) return 'interrupted';
  }
  return state.status;
}

export function readStatus(snapshot: RunSnapshot, now: number): StatusView {
  const { state, spec, summary } = snapshot;
  const kind = statusKind(snapshot, now);
  const live = kind === 'queued' || kind === 'running' || kind === 'evaluating';
  const at = `step ${state.step} of ${state.steps}`;
  const resume = `Resume it from its last checkpoint with {resume ${spec.id}}.`;
  const left = state.etaSeconds ? `, about ${formatDuration(state.etaSeconds)} left` : '';
  const view: StatusView = {
    kind,
    label: labels[kind],
    sentence: '',
    live,
    canStop: live,
    canMeasure: hasResult(snapshot, kind) && (!summary || summary.pending !== undefined),
    canUse:
      (hasResult(snapshot, kind) || isReady(snapshot)) && summary?.served?.ok !== false && !isWorse(snapshot),
  };
  switch (kind) {
    case 'queued':
      return { ...view, sentence: state.phase ?? 'Waiting to start.' };
    case 'running':
      return {
        ...view,
        sentence: `${state.phase ?? 'Training'}: ${at}${left}.`,
        progress: { done: state.step, total: state.steps },
      };
    case 'evaluating':
      return { ...view, sentence: `${state.phase ?? 'Measuring what was learned and forgotten'}${left}.` };
    case 'paused':
      return { ...view, sentence: `Paused at ${at}.`, next: resume };
    case 'interrupted':
      return {
        ...view,
        sentence: `Training was interrupted at ${at}: the trainer no longer responds.`,
        next: resume,
      };
    case 'cancelled':
      return { ...view, sentence: `Stopped at ${at}; its checkpoint is kept.`, next: resume };
    case 'failed':
      return {
        ...view,
        sentence: state.error?.message ?? `The run failed at ${at}.`,
        next: afterFailure(state.error?.next ?? 'See trainer.log in the run directory.', snapshot, resume),
      };
    case 'done':
      return {
        ...view,
        sentence: summary ? '' : `Trained for ${state.steps} steps; it has not been evaluated.`,
        next: whyNotOffered(snapshot),
      };
  }
}

/** Adds the offer to resume, unless resuming would fail in the same way. */
function afterFailure(next: string, { state }: RunSnapshot, resume: string): string {
  const canResume = state.error?.code !== 'diverged' && !/\bresume\b/.test(next);
  return canResume ? `${next} ${resume}` : next;
}

/** Whether complete weights exist: the run is done, or was interrupted only while it was measured. */
const hasResult = ({ state, events }: RunSnapshot, kind: StatusKind) =>
  kind === 'done'
    ? events.some(({ type }) => type === 'done')
    : kind === 'interrupted' && state.status === 'evaluating';

const isWorse = ({ spec, summary }: RunSnapshot) =>
  summary !== undefined && notBetter(spec.name, summary) !== undefined;

/**
 * A result completes code only if it is better than the base and the served model was checked to match the trained one.
 */
function whyNotOffered({ spec, summary }: RunSnapshot): string | undefined {
  const worse = summary && notBetter(spec.name, summary);
  if (worse) return `${worse.message} ${worse.next}`;
  if (summary?.served?.ok) return undefined;
  if (summary?.served)
    return 'The model that llama.cpp serves does not match the trained one, so this result is not offered for completion.';
  return 'It has not been checked yet that the served model matches the trained one: Use for Completion checks it first, which takes about ten seconds.';
}
