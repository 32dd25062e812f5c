/** Mirrors a run that trains on a cluster into its local directory, in place of a trainer. */
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterFile, DriverLine, ResultLine } from '../protocol/cluster.ts';
import { runEventSchema, type RunEvent } from '../protocol/events.ts';
import { runStateSchema } from '../protocol/run.ts';
import { isStopRequested, openRunWriter, readRun, type RunWriter } from '../runs/index.ts';
import { reportError, type UserError } from '../text/errors.ts';
import { toUserError, jobFailure, type FollowOptions, type Mirror, type Outcome } from './mirror.ts';
import { isTransient } from './back-off.ts';
import type { JobState, RayClient } from './ray/client.ts';
import { fetchResult } from './results.ts';

/** Interval for repeating the stop request until the job ends, in milliseconds. */
const STOP_RETRY_MS = 15_000;
/** A request to cancel a run also comes with a signal; the stop file is visible within this time, in milliseconds. */
const STOP_DELAY_MS = 1000;

export function mirrorRun(options: FollowOptions, open?: typeof openRunWriter): Promise<RunMirror> {
  const { dir, pollMs } = options;
  const detach = detachUnlessStopped(options.detach, () => isStopRequested(dir), pollMs);
  return RunMirror.open({ ...options, detach }, `{resume ${basename(dir)}}`, open);
}

/** The driver's output is read from the beginning each time. */
export class RunMirror implements Mirror {
  done: RunEvent | undefined;
  result: ResultLine | undefined;
  fetched: ResultLine | undefined;
  failure: UserError | undefined;
  readonly detach: AbortSignal;
  /** Whether the failure is already among the run's events. */
  private failureReported = false;
  private eventCount = 0;
  private phase: string | undefined;
  private readonly stopRequest: { end(): void };

  /** `knownEvents`: how many of the job's events the run already has. */
  private constructor(
    private readonly options: FollowOptions,
    private readonly writer: RunWriter,
    private readonly knownEvents: number,
    readonly resume: string,
  ) {
    this.detach = options.detach;
    this.stopRequest = forwardStop(options.client, options.file, writer);
  }

  /** Errors: run-locked, and those of readRun. */
  static async open(options: FollowOptions, resume: string, open = openRunWriter): Promise<RunMirror> {
    const { client, dir, file } = options;
    const writer = await open(dir);
    const { events } = await readRun(dir);
    const mirror = new RunMirror(options, writer, events.length - file.eventsBefore, resume);
    const cluster = client.cluster.address.host;
    await writer.state({ status: 'running', phase: 'Asking the cluster', cluster });
    return mirror;
  }

  /** Fires when the run is asked to stop, which stops the job. */
  get stopped(): AbortSignal {
    return this.writer.stopped;
  }

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

  async showConnection(error: UserError | undefined): Promise<void> {
    await this.writer.state({ phase: error ? "The cluster can't be reached; trying again" : this.phase });
  }

  async finish(job: JobState): Promise<Outcome> {
    // A job may have been stopped after its last step but before it handed over its result.
    if (!this.done || !this.result) {
      const failure = this.failure ?? jobFailure(this.options.client, job);
      // If it was stopped, from here or elsewhere, it may have ended with an error.
      const stopped = this.stopped.aborted || job.status === 'STOPPED';
      return failure && !stopped ? { ended: 'failed', failure } : { ended: 'cancelled' };
    }
    try {
      await this.fetch(this.stopped, (error) => void this.showConnection(error));
      return { ended: 'done' };
    } catch (error) {
      // Don't wait any longer for a result that can't be fetched now; attaching to the job again fetches it.
      if (!this.detach.aborted && this.stopped.aborted && isTransient(error)) return {};
      throw error;
    }
  }

  /** Fetches the result that the job has reported. `stopWaiting` and errors: see fetchResult. */
  async fetch(
    stopWaiting: AbortSignal,
    onConnectionChange: (error: UserError | undefined) => void,
  ): Promise<void> {
    const { client, dir, detach: signal, pollMs } = this.options;
    await this.showPhase('Fetching the result');
    await fetchResult(client, this.result!, dir, { signal, stopWaiting, onConnectionChange, pollMs });
    this.fetched = this.result;
    if (this.eventCount > this.knownEvents) await this.writer.event(this.done!);
  }

  async recordOutcome({ ended, failure }: Outcome): Promise<void> {
    const error = failure && reportError(failure);
    // A full disk may accept no more events, but the state once more.
    if (error && !this.failureReported)
      await this.writer.event({ type: 'error', ...error }).catch(() => undefined);
    const status = error ? 'failed' : ended === 'done' ? ended : 'cancelled';
    const cleared = { phase: undefined, etaSeconds: undefined };
    await this.writer.state({ status, ...(error && { error }), ...cleared });
  }

  async close(): Promise<void> {
    this.stopRequest.end();
    await this.writer.close();
  }

  private async handleTask({ status, code, message }: DriverLine & { type: 'task' }): Promise<void> {
    if (status === 'failed') this.failure ??= toUserError({ code, message });
    const phases: Partial<Record<typeof status, string>> = {
      waiting: 'Waiting for a worker',
      preparing: 'Preparing a worker',
      retrying: 'Continuing with another worker',
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
    await this.writer.state({ status, step, steps, learningRate, etaSeconds, phase });
  }
}

/** Once the run's owner is asked to stop, asks the job to stop, repeatedly until it has ended. */
function forwardStop(client: RayClient, file: ClusterFile, { stopped }: RunWriter): { end(): void } {
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
