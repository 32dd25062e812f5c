/** Mirrors a run that trains on a cluster into its local directory, in place of a trainer. */
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterFile, DriverLine, ResultLine } from '../protocol/cluster.ts';
import { errorCodes, UserError, type ErrorCode, type ErrorReport } from '../text/errors.ts';
import { runEventSchema, type RunEvent } from '../protocol/events.ts';
import { runStateSchema, type RunState, type RunStatus } from '../protocol/run.ts';
import { readRun } from '../runs/index.ts';
import type { RunWriter } from '../runs/writer.ts';
import { followJob } from './follow-job.ts';
import { isTransient } from './back-off.ts';
import type { JobState, RayClient } from './ray/client.ts';
import { fetchResult, deleteStoredResult } from './results.ts';
import { writeCluster } from './store.ts';

/** Interval for repeating the stop request until the job ends, in milliseconds. */
const STOP_RETRY_MS = 15_000;
/** A request to cancel a run also comes with a signal; the stop file is visible within this time, in milliseconds. */
const STOP_DELAY_MS = 1000;

interface FollowOptions {
  client: RayClient;
  dir: string;
  file: ClusterFile;
  writer: RunWriter;
  /** Stops following without stopping the job. */
  detach: AbortSignal;
  pollMs?: number;
}

/**
 * Follows the job to its end and returns how the run ended; undefined if detached. Throws the error of a run that
 * failed on the cluster or was lost by it, which is also recorded in cluster.json. After errors of followJob and
 * fetchResult, the job can be attached to again.
 */
export async function followRunJob(options: FollowOptions): Promise<RunStatus | undefined> {
  const { client, dir, file, writer, detach, pollMs } = options;
  const { events } = await readRun(dir);
  const mirror = new Mirror(writer, events.length - file.eventsBefore);
  const stopRequest = forwardStop(client, file, writer);
  const recordEnd = (ended: NonNullable<ClusterFile['ended']>) => writeCluster(dir, { ...file, ended });
  try {
    const cluster = client.cluster.address.host;
    await writer.state({ status: 'running', phase: 'Asking the cluster', cluster });
    const job = await followJob(client, file.submissionId, {
      onLine: (line) => mirror.handleLine(line),
      onForeignLine: (line) => console.error(line),
      onConnectionChange: (error) => void mirror.showConnection(error),
      signal: detach,
      ...(pollMs !== undefined && { pollMs }),
    });
    if (!job) return undefined;
    // A job may have been stopped after its last step but before it handed over its result.
    if (mirror.done && mirror.result) {
      await mirror.showPhase('Fetching the result');
      const onTrouble = (error: UserError | undefined) => void mirror.showConnection(error);
      const fetchOptions = { signal: detach, patience: writer.stopped, onTrouble, lookMs: pollMs };
      await fetchResult(client, mirror.result, dir, fetchOptions);
      await mirror.finish();
      await recordEnd('done');
      await deleteStoredResult(file, mirror.result, dir);
      return 'done';
    }
    const failure = mirror.failure ?? jobFailure(client, job);
    // If it was stopped, from here or elsewhere, it may have ended with an error.
    const stopped = writer.stopped.aborted || job.status === 'STOPPED';
    await recordEnd(failure && !stopped ? 'failed' : 'cancelled');
    if (!failure || stopped) return 'cancelled';
    throw failure;
  } catch (error) {
    if (detach.aborted) return undefined;
    // Don't wait any longer for a result that can't be fetched now; attaching to the job again fetches it.
    if (writer.stopped.aborted && isTransient(error)) return 'cancelled';
    if (error instanceof UserError && error.code === 'cluster-lost') await recordEnd('lost');
    throw error;
  } finally {
    stopRequest.end();
  }
}

/**
 * Writes the driver's lines as the run's events and state. The driver's output is read from the beginning each time.
 */
export class Mirror {
  done: RunEvent | undefined;
  result: ResultLine | undefined;
  failure: UserError | undefined;
  /** Whether the failure is already among the run's events. */
  failureReported = false;
  private eventCount = 0;
  private phase: string | undefined;

  /** `knownEvents`: how many of the job's events the run already has. */
  constructor(
    private readonly writer: RunWriter,
    private readonly knownEvents: number,
  ) {}

  async handleLine(line: DriverLine): Promise<void> {
    if (line.type === 'started') await this.showPhase('Waiting for a worker');
    else if (line.type === 'task') await this.handleTask(line);
    else if (line.type === 'line') await this.handleRunLine(line.line);
    else if (line.type === 'result') this.result = line;
    else if (line.type === 'failed') this.failure = toUserError(line);
  }

  /** Shows the current phase. */
  async showPhase(phase: string): Promise<void> {
    this.phase = phase;
    await this.writer.state({ phase });
  }

  /** To be called when the result has been fetched. */
  async finish(): Promise<void> {
    if (this.done && this.eventCount > this.knownEvents) await this.writer.event(this.done);
  }

  async showConnection(error: UserError | undefined): Promise<void> {
    await this.writer.state({ phase: error ? "The cluster can't be reached; trying again" : this.phase });
  }

  private async handleTask({ status, code, message }: DriverLine & { type: 'task' }): Promise<void> {
    if (status === 'failed') this.failure ??= toUserError({ code, message });
    const phases: Partial<Record<typeof status, string>> = {
      waiting: 'Waiting for a worker',
      preparing: 'Preparing a worker',
      retrying: 'Going on with another worker',
    };
    const phase = phases[status];
    // The reason for waiting, such as a missing node, is more informative than the phase.
    if (phase) await this.showPhase(message ?? phase);
  }

  private async handleRunLine(line: { type: string }): Promise<void> {
    if (line.type === 'state') return this.handleState(line);
    const event = runEventSchema.safeParse(line).data;
    if (!event) return;
    this.eventCount += 1;
    if (event.type === 'error') {
      this.failure = toUserError(event);
      this.failureReported = true;
    }
    // For the panel, this event means that the result is available locally.
    if (event.type === 'done') this.done = event;
    else if (this.eventCount > this.knownEvents) await this.writer.event(event);
  }

  /** Without the final status, which is written once the result has been fetched. */
  private async handleState(line: object): Promise<void> {
    const { data } = runStateSchema.safeParse(line);
    if (!data) return;
    const { step, steps, learningRate, etaSeconds, phase } = data;
    this.phase = phase;
    const status = data.status === 'evaluating' ? 'evaluating' : 'running';
    await this.writer.state({
      status,
      step,
      steps,
      learningRate,
      etaSeconds,
      phase,
    } satisfies Partial<RunState>);
  }
}

/** An error reported by the driver, whose texts are complete sentences. */
export function toUserError({ code, message, next }: Partial<Record<keyof ErrorReport, string>>): UserError {
  const isKnown = (errorCodes as readonly string[]).includes(code ?? '');
  return new UserError(
    isKnown ? (code as ErrorCode) : 'cluster-failed',
    message ?? 'The task failed on the cluster.',
    next ?? "The job's logs in the cluster's dashboard may say more.",
  );
}

/** The error of a job whose driver reported none; undefined if it was stopped. */
export function jobFailure({ cluster }: RayClient, { status, message }: JobState): UserError | undefined {
  if (status === 'STOPPED') return undefined;
  const { host } = cluster.address;
  return new UserError(
    'cluster-failed',
    message
      ? `The job on the cluster at ${host} ended without a result: ${message}.`
      : `The job on the cluster at ${host} ended without a result.`,
    "Its logs in the cluster's dashboard say more; then go on with {resume}.",
  );
}

/** Once the run's owner is asked to stop, asks the job to stop, repeatedly until it has ended. */
export function forwardStop(client: RayClient, file: ClusterFile, { stopped }: RunWriter): { end(): void } {
  let timer: NodeJS.Timeout | undefined;
  const ask = () =>
    void client.stop(file.submissionId).catch((error: unknown) => console.error((error as Error).message));
  const begin = () => {
    ask();
    timer = setInterval(ask, STOP_RETRY_MS);
  };
  stopped.addEventListener('abort', begin);
  if (stopped.aborted) begin();
  return {
    end() {
      stopped.removeEventListener('abort', begin);
      clearInterval(timer);
    },
  };
}

/**
 * A signal that fires some time after `requested`, unless a run turns out to be `stopped`: cancelling a run also sends
 * a signal, and its job is then followed to its end.
 */
export function detachUnlessStopped(
  requested: AbortSignal,
  stopped: () => Promise<boolean>,
  delayMs = STOP_DELAY_MS,
): AbortSignal {
  const detach = new AbortController();
  const handleStop = async () => {
    await sleep(delayMs);
    if (!(await stopped())) detach.abort();
  };
  requested.addEventListener('abort', () => void handleStop());
  if (requested.aborted) void handleStop();
  return detach.signal;
}

/** Adds the run's id to "resume" in advice. */
export const withRunId = (error: UserError, dir: string): UserError =>
  new UserError(error.code, error.message, error.next.replace('{resume}', `{resume ${basename(dir)}}`));
