/** Texts about a run, made from its snapshot alone. Independent of the editor, so that they can be tested. */
import { isReady, notBetter, whyNotOffered } from '../findings/offer.ts';
import { endText, type OtherInUse } from '../findings/end-text.ts';
import { sentenceIn } from '../findings/summary-sentence.ts';
import { verdictOf } from '../findings/verdict.ts';
import { completedLines } from '../findings/counts.ts';
import { servedMismatch } from '../runs/verify.ts';
import type { DoctorReport } from '../protocol/doctor.ts';
import { UserError } from '../text/errors.ts';
import { completionMetrics, findComparison, measuredHere } from '../protocol/evaluation.ts';
import type { RunEvent } from '../protocol/events.ts';
import type { Changed } from '../protocol/changed.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import {
  dayOf,
  decimal,
  fullTime,
  joined,
  t,
  timeOfDay,
  titleIn,
  translate,
  withButtons,
} from '../text/l10n.ts';
import { hasResult, isLive, effectiveStatusOf } from '../findings/run-status.ts';
import { secondsLeft, shareDone, timeLeftIn } from '../findings/run-time.ts';
import { phaseIn } from '../findings/phases.ts';
import { tokensPerStep } from '../protocol/run.ts';
import { formatDuration, roughly } from '../text/units.ts';
import { plain } from './plain.ts';
import { textOf } from '../text/message.ts';

/** A run's status as the user sees it, with all that is under way as one. */
export type RunStatus = 'live' | 'done' | 'failed' | 'cancelled' | 'interrupted';

/** @param alive whether the run's process is alive (`isAlive` in src/runs) */
export function runStatus(run: RunSnapshot, alive: boolean, now = Date.now()): RunStatus {
  const status = effectiveStatusOf(run, alive, now);
  return isLive(status) ? 'live' : status;
}

/** "6 kB", "98 MB", "2.4 GB". */
export function size(bytes: number): string {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${decimal(bytes / 1e9, 1)} GB`;
}

/** Percent of the whole run including measuring, if known; else of the training. */
export function percentOf({ state }: RunSnapshot): number {
  const steps = state.steps > 0 ? Math.min(1, state.step / state.steps) : 0;
  return Math.floor(100 * (shareDone(state) ?? steps));
}

const lastStep = (events: RunEvent[]) => events.findLast((event) => event.type === 'step');

/** The phase of a run that hasn't reported any. */
const phaseOf = (status: string): string =>
  ({ queued: t('Starting'), evaluating: t('Measuring') })[status] ?? t('Training');

/** The progress notification's line: phase, step of steps, loss, time left. */
export function progressLine({ state, events }: RunSnapshot): string {
  const phase = state.phase === undefined ? phaseOf(state.status) : phaseIn(state.phase);
  const parts = [phase];
  if (state.status === 'running' && state.step > 0) {
    parts[0] = t('{phase}: step {step} of {steps}', { phase, step: state.step, steps: state.steps });
    const step = lastStep(events);
    if (step) parts.push(t('loss {loss}', { loss: decimal(step.loss, 2) }));
  }
  const left = timeLeftIn(state);
  if (left !== undefined) parts.push(left);
  if (state.cluster) parts.push(t('on the cluster at {host}', { host: state.cluster }));
  return parts.join(' · ');
}

/** A few words for the status bar: "measuring, about 2 min left", "training 42% · cluster". */
export function shortProgress(snapshot: RunSnapshot): string {
  const { cluster } = snapshot.state;
  return [shortPhase(snapshot), ...(cluster ? [t('cluster')] : [])].join(' · ');
}

function shortPhase(snapshot: RunSnapshot): string {
  const { state } = snapshot;
  const left = secondsLeft(state);
  const time = left && formatDuration(left);
  if (state.status === 'evaluating')
    return time ? t('measuring, about {time} left', { time }) : t('measuring');
  if (state.status === 'queued') return t('starting');
  if (!time) return t('training {percent}%', { percent: percentOf(snapshot) });
  return state.step > 0
    ? t('training, about {time} left', { time })
    : t('starting, about {time} left', { time });
}

/** A run as a quick pick shows it. */
export const runItem = (run: RunSnapshot, status: RunStatus, inUse: boolean) => ({
  label: plain(run.spec.name),
  description: runDescription(run, status, inUse),
  detail: run.summary ? sentenceIn(run.summary) : '',
  run,
});

/** As runItem, for runs that can complete code. */
export function servableItem(run: RunSnapshot, status: RunStatus, inUse: boolean) {
  const item = runItem(run, status, inUse);
  return isChecked(run)
    ? item
    : { ...item, description: `${item.description} · ${t('will be checked first')}` };
}

/** One line after the name in the Runs view. */
export function runDescription(snapshot: RunSnapshot, status: RunStatus, inUse: boolean): string {
  const { spec, state } = snapshot;
  const method = spec.hyper.method === 'lora' ? 'LoRA' : t('full');
  const shown = hasResult(snapshot, status) ? 'done' : status;
  const where = {
    live: shortProgress(snapshot),
    done: shortGain(snapshot),
    failed: t('failed: {code}', { code: state.error?.code ?? t('unknown') }),
    cancelled: t('stopped at step {step}', { step: state.step }),
    interrupted: t('interrupted at step {step}', { step: state.step }),
  }[shown];
  const how = spec.background ? t('in the background') : '';
  return [inUse ? t('in use') : '', method, how, where, shortTime(spec.createdAt)]
    .filter(Boolean)
    .join(' · ');
}

/** How much there is to learn since a run. */
export function changeText({ files, share: of }: Changed): string {
  const share = Math.round(100 * of);
  return files === 1
    ? t('1 file is new or changed, {share}% of the text to learn.', { share })
    : t('{files} files are new or changed, {share}% of the text to learn.', { files, share });
}

/** The time of day, and the day unless it is today. */
export function shortTime(iso: string): string {
  const then = new Date(iso);
  const time = timeOfDay(then);
  if (then.toDateString() === new Date().toDateString()) return time;
  return `${dayOf(then)}, ${time}`;
}

/** The gain in completed lines if measured, as it tells a programmer most. */
function shortGain({ summary, state }: RunSnapshot): string {
  if (summary && whyNotOffered(summary)) return t('no better than before');
  const comparisons = measuredHere(summary);
  const lines = completedLines(comparisons);
  if (lines) return lines;
  const bits = findComparison(comparisons, 'workspace', 'bits per byte');
  if (bits) {
    const [before, after] = [bits.before, bits.after].map(({ value }) => decimal(value, 2));
    return t('{before} → {after} bits/byte', { before: before!, after: after! });
  }
  return t('{steps} steps', { steps: state.steps });
}

/** The paragraphs of the tooltip. */
export function runTooltip(snapshot: RunSnapshot, status: RunStatus): string[] {
  const { spec, state, summary, corpus } = snapshot;
  const { hyper } = spec;
  const lines = [
    `${spec.name} (${spec.id})`,
    summary ? sentenceIn(summary) : '',
    status === 'live' ? progressLine(snapshot) : '',
    state.error ? withButtons(...textsOf(state.error)).text : '',
    [
      spec.base.id,
      hyper.method === 'lora' ? `LoRA r=${hyper.rank}` : t('full fine-tuning'),
      spec.imported
        ? t('imported from {path}', { path: spec.imported.from })
        : t('{steps} steps of {tokens} tokens, learning rate {rate}', {
            steps: state.steps,
            tokens: tokensPerStep(hyper),
            rate: hyper.learningRate,
          }),
    ].join(', '),
    corpus
      ? t('{files} files: {trained} tokens to train on, {heldOut} held out', {
          files: corpus.kept,
          trained: roughly(corpus.trainTokens),
          heldOut: roughly(corpus.heldOutTokens),
        })
      : '',
    fullTime(new Date(spec.createdAt)),
  ];
  return lines.filter(Boolean);
}

/** What happened and what to do. */
const textsOf = (error: NonNullable<RunSnapshot['state']['error']>) => [
  textOf(error, 'message'),
  textOf(error, 'next'),
];

/** Whether it helped and what completes the user's code now: the panel has the metrics. */
function resultSentence(snapshot: RunSnapshot, chosen: boolean, other: OtherInUse | undefined): string {
  const { spec, summary } = snapshot;
  const { name } = spec;
  if (!summary) return t('{name} is trained, but not measured yet.', { name });
  const isOpen = verdictOf(summary).kind === 'not measured' && whyNotOffered(summary) === undefined;
  if (isOpen && !chosen && !other)
    return t('{name} is trained, but too little was measured to tell whether it is better.', { name });
  return endText(snapshot, chosen, other)[0] ?? '';
}

/** How a run ended. `chosen`, `other`: see `endText`. */
export function endSentence(
  snapshot: RunSnapshot,
  status: RunStatus,
  chosen = false,
  other?: OtherInUse,
): string {
  const { spec, state } = snapshot;
  const { name } = spec;
  const { step, steps, error } = state;
  if (hasResult(snapshot, status)) return resultSentence(snapshot, chosen, other);
  switch (status) {
    case 'failed':
      return t('Fine-tuning of {name} failed: {why} [{code}]', {
        name,
        why: error ? joined(textsOf(error).map(translate)) : t('no reason was recorded.'),
        code: error?.code ?? 'internal',
      });
    case 'cancelled':
      return t('Fine-tuning of {name} was stopped at step {step} of {steps}; the checkpoint is kept.', {
        name,
        step,
        steps,
      });
    default:
      return t(
        'Fine-tuning of {name} was interrupted at step {step} of {steps}; it can be resumed from its last checkpoint.',
        { name, step, steps },
      );
  }
}

/** A run that diverged would diverge again from the same checkpoint. */
export const canResume = ({ state }: RunSnapshot): boolean => state.error?.code !== 'diverged';

/** Whether it was ever checked that the served model matches the trained one. */
export const isChecked = ({ summary }: RunSnapshot) => summary?.served !== undefined;

/**
 * How good a result is on the user's text, higher is better, by the first of these that was measured; and what it can be
 * compared with: the same metric on the same text. Not gains, which are counted from different models.
 */
function qualityOf({ spec, corpus, summary }: RunSnapshot): { value: number; comparable: string } {
  const comparisons = measuredHere(summary);
  const bits = findComparison(comparisons, 'workspace', 'bits per byte');
  const found = completionMetrics(comparisons).characters ?? bits;
  if (!found || !corpus?.digest) return { value: 0, comparable: spec.id };
  const { value } = found.after;
  return { value: found === bits ? -value : value, comparable: `${corpus.digest} ${found.metric}` };
}

/** Of results that can be compared, the best comes first, in the place of the newest. `runs`: newest first. */
export function bestFirst(runs: readonly RunSnapshot[]): RunSnapshot[] {
  const groups = new Map<string, { run: RunSnapshot; value: number }[]>();
  for (const run of runs) {
    const { value, comparable } = qualityOf(run);
    groups.set(comparable, [...(groups.get(comparable) ?? []), { run, value }]);
  }
  return [...groups.values()].flatMap((group) =>
    group.toSorted((a, b) => b.value - a.value).map(({ run }) => run),
  );
}

/** Why a run can't complete code; undefined when it can, possibly only after a check (`isChecked`). */
export function whyNotServable(snapshot: RunSnapshot, status: RunStatus): UserError | undefined {
  const { spec, summary } = snapshot;
  if (!hasResult(snapshot, status) && !isReady(snapshot))
    return new UserError(
      'run-not-finished',
      t('{name} is not finished, so there is nothing to complete with yet.', { name: spec.name }),
      t('Let it finish, or resume it.'),
    );
  const served = summary?.served;
  if (served && !served.ok) return new UserError('adapter-mismatch', ...servedMismatch(served));
  return summary && notBetter(spec.name, summary);
}

/** With less measuring left, the message at the end comes early enough. */
const EARLY_SECONDS = 30;

/** Whether the result can be used although some metrics are still being measured, which will take a while. */
export const isReadyEarly = (run: RunSnapshot): boolean =>
  isReady(run) &&
  (secondsLeft(run.state) ?? run.state.etaSeconds ?? 0) >= EARLY_SECONDS &&
  !whyNotServable(run, 'live');

const statusMarks = { ok: '✓', note: '·', missing: '–', broken: '✗' };

/** How to install something: our own commands by their title in the editor, others as typed. */
function installHint(typed: string): string {
  const [step] = withButtons(typed).steps;
  // From the palette, "Install TensorFlow" is without CUDA.
  return step && step.subject !== 'gpu'
    ? t('Get it with the command **{command}**.', { command: `Forget-Me-Not: ${titleIn(step)}` })
    : t('Get it with `{command}`.', { command: typed });
}

/** The doctor's report as Markdown. */
export function doctorText(report: DoctorReport): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const lines = report.checks.map((check) => {
    const title = cell(translate(textOf(check, 'title')));
    const text = cell(withButtons(textOf(check, 'text')).text);
    return `| ${statusMarks[check.status]} | **${title}** | ${text}${check.command ? ` ${cell(installHint(check.command))}` : ''} |`;
  });
  return `# Forget-Me-Not ${report.version}\n\n${withButtons(textOf(report, 'summary')).text}\n\n| | | |\n|-|-|-|\n${lines.join('\n')}\n`;
}
