/**
 * Entry: `node trainer.mjs RUN_DIR`. It owns the run directory until it exits. It computes nothing itself, so that the
 * training's memory is freed before the evaluation needs it.
 */
import { basename, join } from 'node:path';
import { openRunWriter, type RunWriter } from '../../runs/writer.ts';
import { asUserError, logged, reportError, UserError } from '../../text/errors.ts';
import { yieldToEditor } from '../../platform/processes/low-priority.ts';
import { RAY_TRAIN, type RunStatus } from '../../protocol/run.ts';
import { readState } from '../../runs/files.ts';
import { readRun, readSpec } from '../../runs/index.ts';
import { joinTraining } from '../../runs/training-lock.ts';
import { listCheckpoints } from '../checkpoints/store.ts';
import { costPlace, PREPARING, rememberCost, TRAINING } from '../measured-costs.ts';
import { runEvaluator } from '../checkpoints/evaluator-child.ts';
import { awakeMs } from '../../platform/machine/awake.ts';
import { RunClock, timesLeft } from './run-clock.ts';
import { retryAfterGpuLoss } from './through-losses.ts';
import { EVALUATING, trainedBefore } from './trained-before.ts';
import { runTraining } from './worker-child.ts';
import { msg, withValue } from '../../text/message.ts';
import { removeFolder } from '../../platform/files/write-file.ts';

const dir = process.argv[2]!;
const cancel = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => cancel.abort());
// The run continues when the terminal that started it is closed.
process.on('SIGHUP', () => undefined);

/** Trains, then evaluates. Returns how it ended. */
async function trainAndEvaluate(dir: string, writer: RunWriter, signal: AbortSignal): Promise<RunStatus> {
  // The run was cancelled before this process took it over.
  if ((await readState(dir)).status === 'cancelled') return 'cancelled';
  const started = awakeMs();
  const trained =
    (await trainedBefore(dir, writer)) ??
    (await retryAfterGpuLoss(dir, writer, signal, () => runTraining(dir, writer, signal)));
  if (!trained) return 'cancelled';
  await writer.event({ type: 'phase', phase: EVALUATING });
  await writer.state({ status: 'evaluating', phase: EVALUATING });
  const { stopped } = await runEvaluator(dir, writer, signal);
  const seconds = (awakeMs() - started) / 1000;
  await writer.event({ type: 'done', ...trained, seconds, ...(stopped && { measuringStopped: true }) });
  const { tokensPerSecond } = trained;
  if (tokensPerSecond > 0) await rememberDuration(dir, TRAINING, 1 / tokensPerSecond);
  // The base in f32, and checkpoints: several times the size of the base.
  await removeFolder(join(dir, RAY_TRAIN));
  return 'done';
}

/** Caches how long a part took, for the estimates of later runs. */
async function rememberDuration(dir: string, part: string, seconds: number): Promise<void> {
  const { spec, events } = await readRun(dir);
  await rememberCost(costPlace(spec, events), part, { seconds, items: 1 });
}

/** The run's writer, which adds the expected end to the state. */
async function openClockedWriter(dir: string): Promise<RunWriter> {
  const { expected } = await readSpec(dir);
  const done = (await listCheckpoints(dir)).at(-1);
  const writer = await openRunWriter(dir);
  const clock = new RunClock(
    writer,
    timesLeft(expected, done ?? 0, await readState(dir)),
    // A resumed run has less to prepare.
    (seconds) =>
      void (done === undefined && rememberDuration(dir, PREPARING, seconds).catch(() => undefined)),
  );
  return {
    stopped: writer.stopped,
    event: (event) => writer.event(event),
    state: (patch) => clock.state(patch),
    close: () => writer.close(),
  };
}

/** Records an error; one that is due to a cancellation is not a failure. */
async function recordError(writer: RunWriter, error: unknown): Promise<void> {
  if (cancel.signal.aborted) return writer.state({ status: 'cancelled', phase: undefined });
  const { code, what, whatNext } = asUserError(error);
  const resume = `{resume ${basename(dir)}}`;
  // The computation's advice to resume does not know which run it is.
  const next =
    code === 'disk-full'
      ? msg`Free some space, then resume it with ${resume}.`
      : withValue(whatNext, 'resume', resume);
  const report = reportError(new UserError(code, what, next));
  if (!(error instanceof UserError)) console.error(error);
  process.exitCode = 1;
  await writer.event({ type: 'error', ...report }).catch(() => undefined);
  await writer.state({ status: 'failed', error: report, phase: undefined });
}

async function train(dir: string): Promise<void> {
  const writer = await openClockedWriter(dir);
  writer.stopped.addEventListener('abort', () => cancel.abort());
  try {
    const status = await trainAndEvaluate(dir, writer, cancel.signal);
    await writer.state({ status, phase: undefined });
  } catch (error) {
    await recordError(writer, error);
  } finally {
    await writer.close();
  }
}

try {
  yieldToEditor((await readSpec(dir)).background ? 'background' : 'training');
  const training = await joinTraining(basename(dir), () => cancel.abort());
  await train(dir).finally(() => training.release());
} catch (error) {
  console.error(logged(error));
  process.exitCode = 1;
}
process.exit();
