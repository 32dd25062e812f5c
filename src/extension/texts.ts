/**
 * What the user reads about a run, made from its snapshot alone. Independent of the editor, so that it can be tested.
 */
import { isReady, notBetter, whyNotOffered } from '../evaluation/figures/offer.ts';
import { completedLines } from '../evaluation/figures/counts.ts';
import { servedOtherwise } from '../runs/verify.ts';
import type { DoctorReport } from '../protocol/doctor.ts';
import { UserError } from '../protocol/errors.ts';
import { findComparison } from '../protocol/evaluation.ts';
import type { RunEvent } from '../protocol/events.ts';
import { forButtons, titleOf } from '../protocol/next-step.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import { tokensPerStep } from '../protocol/run.ts';
import { formatDuration } from '../protocol/units.ts';
import { hasEnded } from '../runs/index.ts';

/** The state of a run for the user: its stored status, or `interrupted` when its process is gone. */
export type Standing = 'live' | 'done' | 'failed' | 'cancelled' | 'interrupted';

/** A trainer that was just started needs at most this long until its first heartbeat. */
export const START_GRACE_MS = 60_000;

/** @param alive whether the run's process lives (`isAlive` of src/runs) */
export function standingOf({ spec, state }: RunSnapshot, alive: boolean, now = Date.now()): Standing {
  if (hasEnded(state)) return state.status;
  if (alive) return 'live';
  const starting = state.status === 'queued' && now - Date.parse(spec.createdAt) < START_GRACE_MS;
  return starting ? 'live' : 'interrupted';
}

/** "6 kB", "98 MB", "2.4 GB". */
export function size(bytes: number): string {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** "25k", "1.2M": for counts that are only estimates. */
export function roughly(count: number): string {
  if (count < 1000) return String(Math.round(count));
  if (count < 1e6) return `${Math.round(count / 1000)}k`;
  return `${(count / 1e6).toFixed(1)}M`;
}

export function percentOf({ state }: RunSnapshot): number {
  return state.steps > 0 ? Math.min(100, Math.floor((100 * state.step) / state.steps)) : 0;
}

const lastStep = (events: RunEvent[]) => events.findLast((event) => event.type === 'step');

/** The progress notification's line: phase, step of steps, loss, time left. */
export function progressLine({ state, events }: RunSnapshot): string {
  const phase =
    state.phase ?? { queued: 'Starting', evaluating: 'Measuring' }[state.status as string] ?? 'Training';
  const parts = [phase];
  if (state.status === 'running' && state.step > 0) {
    parts[0] = `${phase}: step ${state.step} of ${state.steps}`;
    const step = lastStep(events);
    if (step) parts.push(`loss ${step.loss.toFixed(2)}`);
  }
  if (state.etaSeconds !== undefined && state.etaSeconds > 0)
    parts.push(`about ${formatDuration(state.etaSeconds)} left`);
  return parts.join(' · ');
}

/** A short word for the status bar: "training 42%". */
export function shortProgress(snapshot: RunSnapshot): string {
  const { status } = snapshot.state;
  if (status === 'evaluating') return 'measuring';
  return status === 'queued' ? 'starting' : `training ${percentOf(snapshot)}%`;
}

/** A run as a quick pick shows it. */
export const runItem = (run: RunSnapshot, standing: Standing, inUse: boolean) => ({
  label: run.spec.name,
  description: runDescription(run, standing, inUse),
  detail: run.summary?.sentence ?? '',
  run,
});

/** As runItem, for runs that can complete code. */
export function servableItem(run: RunSnapshot, standing: Standing, inUse: boolean) {
  const item = runItem(run, standing, inUse);
  return isChecked(run) ? item : { ...item, description: `${item.description} · will be checked first` };
}

/** One line after the name in the Runs view. */
export function runDescription(snapshot: RunSnapshot, standing: Standing, inUse: boolean): string {
  const { spec, state } = snapshot;
  const method = spec.hyper.method === 'lora' ? 'LoRA' : 'full';
  const where = {
    live: shortProgress(snapshot),
    done: learnedShort(snapshot),
    failed: `failed: ${state.error?.code ?? 'unknown'}`,
    cancelled: `stopped at step ${state.step}`,
    interrupted: `interrupted at step ${state.step}`,
  }[standing];
  return [inUse ? 'in use' : '', method, where, shortTime(spec.createdAt)].filter(Boolean).join(' · ');
}

/** The time of day, and the day unless it is today. */
function shortTime(iso: string): string {
  const then = new Date(iso);
  const time = then.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
  if (then.toDateString() === new Date().toDateString()) return time;
  return `${then.toLocaleDateString(undefined, { day: 'numeric', month: 'short' })}, ${time}`;
}

/** The gain in completed lines if those were measured, which tell a programmer most. */
function learnedShort({ summary, state }: RunSnapshot): string {
  if (summary && whyNotOffered(summary)) return 'no better than its base';
  const lines = summary && completedLines(summary.comparisons);
  if (lines) return lines;
  const bits = findComparison(summary?.comparisons, 'workspace', 'bits per byte');
  if (bits) return `${bits.before.value.toFixed(2)} → ${bits.after.value.toFixed(2)} bits/byte`;
  return `${state.steps} steps`;
}

/** Several lines for the tooltip, as Markdown. */
export function runTooltip(snapshot: RunSnapshot, standing: Standing): string {
  const { spec, state, summary, corpus } = snapshot;
  const { hyper } = spec;
  const lines = [
    `**${spec.name}** (${spec.id})`,
    summary?.sentence ?? '',
    ...useSentence(snapshot),
    standing === 'live' ? progressLine(snapshot) : '',
    state.error ? forButtons(`${state.error.message} ${state.error.next}`).text : '',
    `${spec.base.id}, ${hyper.method === 'lora' ? `LoRA r=${hyper.rank}` : 'full fine-tuning'}, ${spec.imported ? `imported from ${spec.imported.from}` : `${state.steps} steps of ${tokensPerStep(hyper)} tokens, learning rate ${hyper.learningRate}`}`,
    corpus
      ? `${corpus.kept} files: ${roughly(corpus.trainTokens)} tokens to train on, ${roughly(corpus.heldOutTokens)} held out`
      : '',
    new Date(spec.createdAt).toLocaleString(),
  ];
  return lines.filter(Boolean).join('\n\n');
}

/** How a run ended, in one sentence. */
export function endSentence(snapshot: RunSnapshot, standing: Standing): string {
  const { spec, state, summary } = snapshot;
  switch (standing) {
    case 'done':
      return [
        summary?.sentence ?? `Fine-tuning of ${spec.name} is finished, but its result could not be measured.`,
        ...useSentence(snapshot),
      ].join(' ');
    case 'failed':
      return `Fine-tuning of ${spec.name} failed: ${state.error?.message ?? 'no reason was recorded.'} ${state.error?.next ?? ''} [${state.error?.code ?? 'internal'}]`;
    case 'cancelled':
      return `Fine-tuning of ${spec.name} was stopped at step ${state.step} of ${state.steps}; the checkpoint is kept.`;
    default:
      return `Fine-tuning of ${spec.name} was interrupted at step ${state.step} of ${state.steps}; it can be resumed from its last checkpoint.`;
  }
}

/** The outcome of learning from the user's use of completions, if the run was asked to. */
function useSentence({ events }: RunSnapshot): string[] {
  const event = events.findLast((one) => one.type === 'preferences');
  if (!event) return [];
  if (event.taken) return ['It also learned from how you used completions.'];
  // If nothing was learned, `why` is a complete sentence.
  return [
    event.learned === 0
      ? `It did not learn from how you used completions: ${event.why}`
      : 'Learning from how you used completions made it no better, so that part was dropped.',
  ];
}

/** A run that diverged would diverge again from the same checkpoint. */
export const canResume = ({ state }: RunSnapshot): boolean => state.error?.code !== 'diverged';

/** Whether its weights are written; its evaluation may have crashed, and the trainer with it. */
export const hasResult = ({ state }: RunSnapshot, standing: Standing) =>
  standing === 'done' || (standing === 'interrupted' && state.status === 'evaluating');

/** Whether it was ever checked that the served model matches the trained one. */
export const isChecked = ({ summary }: RunSnapshot) => summary?.served !== undefined;

/** What a result gained on the user's code: characters saved, else bits per byte; unknown counts least. */
function gainOf({ summary }: RunSnapshot): number {
  const find = (metric: string) =>
    findComparison(summary?.comparisons, 'workspace', metric)?.difference.value;
  return find('characters saved') ?? -(find('bits per byte') ?? Infinity);
}

/** Sorts the result that gained most first. */
export const bestFirst = (a: RunSnapshot, b: RunSnapshot): number => gainOf(b) - gainOf(a) || 0;

/** Why a run can't complete code; undefined when it can, possibly only after a check (`isChecked`). */
export function whyNotServable(snapshot: RunSnapshot, standing: Standing): UserError | undefined {
  const { spec, summary } = snapshot;
  if (!hasResult(snapshot, standing) && !isReady(snapshot))
    return new UserError(
      'run-not-finished',
      `${spec.name} is not finished, so there is nothing to complete with yet.`,
      'Let it finish, or resume it.',
    );
  const served = summary?.served;
  if (served && !served.ok) return new UserError('adapter-mismatch', ...servedOtherwise(served));
  return summary && notBetter(spec.name, summary);
}

/** With fewer seconds of measuring left, the message at the end is early enough. */
const LEFT_SECONDS = 30;

/** Whether the result can be used although some figures are still being measured, which will take a while. */
export const isReadyEarly = (run: RunSnapshot): boolean =>
  isReady(run) && (run.state.etaSeconds ?? 0) >= LEFT_SECONDS && !whyNotServable(run, 'live');

const marks = { ok: '✓', note: '·', missing: '–', broken: '✗' };

/** The name of one of our own commands in the editor; other commands as they are typed. */
function howTo(command: string): string {
  const { text, steps } = forButtons(command);
  return steps.length ? `the command **Forget-Me-Not: ${titleOf(steps[0]!)}**` : `\`${text}\``;
}

/** The doctor's report as Markdown. */
export function doctorText({ summary, version, checks }: DoctorReport): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const lines = checks.map(
    ({ status, title, text, command }) =>
      `| ${marks[status]} | **${cell(title)}** | ${cell(forButtons(text).text)}${command ? ` Get it with ${cell(howTo(command))}.` : ''} |`,
  );
  return `# Forget-Me-Not ${version}\n\n${forButtons(summary).text}\n\n| | | |\n|-|-|-|\n${lines.join('\n')}\n`;
}
