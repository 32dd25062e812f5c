/** Where a run stands, in words, and what the person can do about it. */
import { isReady, notBetter } from '../../src/evaluation/figures/offer.ts';
import type { RunSnapshot } from '../../src/protocol/panel.ts';
import { formatDuration } from './format.ts';

/** `interrupted`: it says that it runs, but its owner has not been heard of for a while. */
export type StatusKind = RunSnapshot['state']['status'] | 'interrupted';

export interface StatusView {
  kind: StatusKind;
  label: string;
  /** One sentence saying what is happening or what happened. */
  sentence: string;
  /** What to do next, where there is something to do. */
  next?: string;
  progress?: { done: number; total: number };
  live: boolean;
  canStop: boolean;
  canUse: boolean;
  /** Something is still to be measured. */
  canMeasure: boolean;
}

/** The owner writes its heartbeat every few seconds; a loaded machine may be late, a minute is not late. */
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

/** `now` in milliseconds; for a report, the time at which it was written. */
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
  const resume = `Go on from its last checkpoint with {resume ${spec.id}}.`;
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
        sentence: `The trainer was interrupted at ${at}: it no longer answers.`,
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

/** Going on is offered as well, but where it would end in the same way. */
function afterFailure(next: string, { state }: RunSnapshot, resume: string): string {
  const canResume = state.error?.code !== 'diverged' && !/\bresume\b/.test(next);
  return canResume ? `${next} ${resume}` : next;
}

/** Weights that are whole: of a run that came to its end, or was interrupted only while it was measured. */
const hasResult = ({ state, events }: RunSnapshot, kind: StatusKind) =>
  kind === 'done'
    ? events.some(({ type }) => type === 'done')
    : kind === 'interrupted' && state.status === 'evaluating';

const isWorse = ({ spec, summary }: RunSnapshot) =>
  summary !== undefined && notBetter(spec.name, summary) !== undefined;

/** A result completes code only where it is better, and after what is served was seen to agree with what was trained. */
function whyNotOffered({ spec, summary }: RunSnapshot): string | undefined {
  const worse = summary && notBetter(spec.name, summary);
  if (worse) return `${worse.message} ${worse.next}`;
  if (summary?.served?.ok) return undefined;
  if (summary?.served)
    return 'What llama.cpp serves does not agree with what was trained, so this result is not offered for completion.';
  return 'It was not checked yet that what is served agrees with what was trained: Use for Completion checks it first, in some ten seconds.';
}
