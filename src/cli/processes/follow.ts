/** Shows the progress of a run on the terminal (or as JSON lines) until its trainer has ended. */
import { formatDuration } from '../view/format.ts';
import type { Announcement } from './announce.ts';
import type { LaunchedTrainer } from './launch.ts';
import { LiveLine, note, printProgress } from '../view/output.ts';
import { formatError } from '../../text/errors.ts';
import { describeRollback, type RunEvent } from '../../protocol/events.ts';
import { forTerminal } from '../../text/next-step.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import type { RunState } from '../../protocol/run.ts';
import { FORGETTING } from '../../findings/forgetting-metric.ts';
import { isReady } from '../../findings/offer.ts';
import { verdictIn, verdictOf } from '../../findings/verdict.ts';
import { secondsLeft, timeLeftIn } from '../../findings/run-time.ts';
import { factsOfTask } from '../../findings/task-facts.ts';
import { cancelRun, followRun, readRun } from '../../runs/index.ts';
import { english } from '../../text/message.ts';

/**
 * Resolves with the run's last state. Ctrl+C cancels the run and lets it write a checkpoint; a run on a cluster
 * continues.
 */
export async function followToEnd(
  dir: string,
  trainer: LaunchedTrainer,
  { json, announcement }: { json: boolean; announcement: Announcement },
): Promise<RunSnapshot> {
  const stop = new AbortController();
  void trainer.ended.then(() => stop.abort());
  const view = json
    ? new JsonProgress(announcement)
    : new TerminalProgress(trainer.eventsBefore, announcement);
  let evaluating = false;
  const onInterrupt = () => {
    if (trainer.cluster) return stop.abort();
    const what = evaluating
      ? 'Stopping the measuring; the result is kept.'
      : 'Stopping after this step; a checkpoint is kept.';
    note('', what);
    cancelRun(dir).catch((error: unknown) => note(formatError(error)));
  };
  process.on('SIGINT', onInterrupt);
  try {
    await followRun(
      dir,
      (snapshot) => {
        evaluating = snapshot.state.status === 'evaluating';
        view.show(snapshot);
      },
      stop.signal,
    );
    const last = await readRun(dir);
    view.show(last);
    return last;
  } finally {
    process.off('SIGINT', onInterrupt);
    view.end();
  }
}

class JsonProgress {
  private shown = '';
  constructor(private readonly announcement: Announcement) {}

  show(snapshot: RunSnapshot): void {
    const { state } = snapshot;
    this.announcement.take(snapshot);
    const what = `${state.step} ${taskName(state)}`;
    if (what === this.shown) return;
    this.shown = what;
    printProgress({
      phase: state.phase ?? state.status,
      done: state.step,
      total: state.steps,
      unit: 'steps',
      etaSeconds: state.etaSeconds,
      leftSeconds: secondsLeft(state),
    });
  }
  end(): void {}
}

/** On a terminal, one line that rewrites itself; elsewhere, a line for each important event. */
class TerminalProgress {
  private shown = '';
  private evaluating = false;
  private decided = false;
  private readonly line = new LiveLine(process.stdout);
  /** `printed`: number of events that were there before. */
  constructor(
    private printed: number,
    private readonly announcement: Announcement,
  ) {}

  show(snapshot: RunSnapshot): void {
    for (const event of snapshot.events.slice(this.printed)) {
      if (event.type === 'phase') this.evaluating = event.phase === 'Evaluating';
      // Metrics of the result are printed in a table at the end.
      if (event.type !== 'evaluation' || !this.evaluating) this.print(describe(event));
    }
    this.printed = snapshot.events.length;
    const times = this.announcement.take(snapshot);
    if (times) this.print(`  ${times}`);
    if (!this.decided && isReady(snapshot)) {
      this.decided = true;
      this.print(`  ${verdictIn(verdictOf(snapshot.summary))} What is measured next can take this back.`);
    }
    if (this.line.live) this.rewrite(snapshot);
    else this.printTask(snapshot);
  }

  /** Without a terminal, prints one line for each task of the evaluation, not for each item ("HumanEval 3 of 40"). */
  private printTask({ state }: RunSnapshot): void {
    const task = taskName(state);
    if (task && task !== 'Evaluating' && task !== this.shown) this.print(`  ${task}${timeLeft(state)}`);
    this.shown = task;
  }

  private rewrite({ state, events }: RunSnapshot): void {
    const step = events.findLast((event) => event.type === 'step');
    const speed =
      step && state.status === 'running'
        ? `, loss ${step.loss.toFixed(3)}, ${Math.round(step.tokensPerSecond)} tokens/s`
        : '';
    const steps = state.status === 'evaluating' ? '' : `: step ${state.step} of ${state.steps}`;
    this.shown = `${state.phase ?? state.status}${steps}${speed}${timeLeft(state)}`;
    this.line.show(this.shown);
  }

  private print(text: string | undefined): void {
    if (!text) return;
    this.line.print(forTerminal(text));
  }

  end(): void {
    if (this.shown) this.line.clear();
  }
}

/** The task being measured, without its progress: "HumanEval". Empty before measuring. */
const taskName = ({ status, phase = '' }: RunState): string =>
  status === 'evaluating' ? phase.replace(/ \d+ of \d+$/, '') : '';

const timeLeft = (state: RunState): string => {
  const remaining = timeLeftIn(state);
  return remaining === undefined ? '' : `, ${remaining}`;
};

/** The line that stays on screen for an event; undefined for events that are not shown. */
function describe(event: RunEvent): string | undefined {
  switch (event.type) {
    case 'phase':
      return event.phase;
    case 'start':
      return `  ${event.backend} (${event.backendReason}); ${(event.trainableParameters / 1e6).toFixed(1)}M trainable parameters; ${event.trainTokens} tokens to train on, ${event.heldOutTokens} held out`;
    case 'step':
      return event.step === 1 || event.step % 10 === 0
        ? `  step ${event.step}: loss ${event.loss.toFixed(3)}, ${Math.round(event.tokensPerSecond)} tokens/s, about ${formatDuration(event.etaSeconds)} left`
        : undefined;
    case 'evaluation':
      return describeEvaluation(event);
    case 'length':
      return `  ${event.steps} steps fit into ${event.minutes} minutes`;
    case 'rate':
      return `  learning rate ${event.learningRate}, ${event.why}`;
    case 'rollback':
      return `  ${english(describeRollback(event))}`;
    case 'earlyStop':
      return `  stopped at step ${event.step}: ${event.why}`;
    case 'best':
      return `  the result is the checkpoint of step ${event.step}: ${event.why}`;
    case 'warning':
      return `  warning: ${event.message}`;
    default:
      return undefined;
  }
}

/** Shows only the main metric of a task, and not the base's KL from itself. */
function describeEvaluation({ step, result }: Extract<RunEvent, { type: 'evaluation' }>): string | undefined {
  const { task, metric, value, low, high, setting } = result;
  if (setting.startsWith('during training')) return `  step ${step}: held-out ${metric} ${value.toFixed(3)}`;
  const main = task === FORGETTING ? metric : factsOfTask(task)?.main;
  if (main !== metric || (step === 0 && task === 'retention')) return undefined;
  const interval = `[${low.toFixed(3)}, ${high.toFixed(3)}]`;
  return `  ${step === 0 ? 'before training' : `step ${step}`}: ${task} ${metric} ${value.toFixed(3)} ${interval}`;
}
