/** A run that trains on a cluster, in its directory here, in the place of a trainer. */
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterFile, DriverLine, ResultLine } from '../protocol/cluster.ts';
import { runEventSchema, type RunEvent } from '../protocol/events.ts';
import { runStateSchema, type RunState } from '../protocol/run.ts';
import { isAskedToStop, openRunWriter, readRun, type RunWriter } from '../runs/index.ts';
import { reportError, type UserError } from '../text/errors.ts';
import { asError, failureOf, type Following, type Mirror, type Outcome } from './mirror.ts';
import { mayPass } from './patience.ts';
import type { JobState, RayClient } from './ray/client.ts';
import { fetchResult } from './results.ts';

/** How often a job that does not end is asked to stop, in milliseconds. */
const ASK_AGAIN_MS = 15_000;
/** A request to cancel a run comes with a signal, too, and is seen within this time, in milliseconds. */
const HEED_MS = 1000;

export function mirrorRun(following: Following, open?: typeof openRunWriter): Promise<RunMirror> {
  const { dir, lookMs } = following;
  const detach = leaveUnlessStopped(following.detach, () => isAskedToStop(dir), lookMs);
  return RunMirror.open({ ...following, detach }, `{resume ${basename(dir)}}`, open);
}

/** The driver tells all from the beginning each time. */
export class RunMirror implements Mirror {
  done: RunEvent | undefined;
  result: ResultLine | undefined;
  fetched: ResultLine | undefined;
  failure: UserError | undefined;
  readonly detach: AbortSignal;
  /** Whether the run's events have the failure already. */
  private toldFailure = false;
  private told = 0;
  private phase: string | undefined;
  private readonly stopping: { end(): void };

  /** `known`: how many of the job's events the run has already. */
  private constructor(
    private readonly following: Following,
    private readonly writer: RunWriter,
    private readonly known: number,
    readonly resume: string,
  ) {
    this.detach = following.detach;
    this.stopping = stopWhenAsked(following.client, following.file, writer);
  }

  /** Errors: run-locked, and those of readRun. */
  static async open(following: Following, resume: string, open = openRunWriter): Promise<RunMirror> {
    const { client, dir, file } = following;
    const writer = await open(dir);
    const { events } = await readRun(dir);
    const mirror = new RunMirror(following, writer, events.length - file.eventsBefore, resume);
    const cluster = client.cluster.address.host;
    await writer.state({ status: 'running', phase: 'Asking the cluster', cluster });
    return mirror;
  }

  /** Fires when somebody asks for the run to be stopped, which stops the job. */
  get stopped(): AbortSignal {
    return this.writer.stopped;
  }

  async take(line: DriverLine): Promise<void> {
    if (line.type === 'started') await this.say('Waiting for a worker');
    else if (line.type === 'task') await this.takeTask(line);
    else if (line.type === 'line') await this.takeLine(line.line);
    else if (line.type === 'result') this.result = line;
    else if (line.type === 'failed') this.failure = asError(line);
  }

  /** What is done now. */
  async say(phase: string): Promise<void> {
    this.phase = phase;
    await this.writer.state({ phase });
  }

  async trouble(error: UserError | undefined): Promise<void> {
    await this.writer.state({ phase: error ? "The cluster can't be reached; trying again" : this.phase });
  }

  async over(job: JobState): Promise<Outcome> {
    // A job may have been stopped after its last step, before it handed its result over.
    if (!this.done || !this.result) {
      const failure = this.failure ?? failureOf(this.following.client, job);
      // Stopped from here or from elsewhere, it may have ended with an error.
      const stopped = this.stopped.aborted || job.status === 'STOPPED';
      return failure && !stopped ? { ended: 'failed', failure } : { ended: 'cancelled' };
    }
    try {
      await this.fetch(this.stopped, (error) => void this.trouble(error));
      return { ended: 'done' };
    } catch (error) {
      // A result that can't be fetched now is no longer waited for; who attaches to the job again gets it.
      if (!this.detach.aborted && this.stopped.aborted && mayPass(error)) return {};
      throw error;
    }
  }

  /** Fetches the result that the job has told of. `patience` as in fetchResult, whose errors are thrown. */
  async fetch(patience: AbortSignal, onTrouble: (error: UserError | undefined) => void): Promise<void> {
    const { client, dir, detach: signal, lookMs } = this.following;
    await this.say('Fetching the result');
    await fetchResult(client, this.result!, dir, { signal, patience, onTrouble, lookMs });
    this.fetched = this.result;
    if (this.told > this.known) await this.writer.event(this.done!);
  }

  async settle({ ended, failure }: Outcome): Promise<void> {
    const error = failure && reportError(failure);
    // A full disk may take no more events, but the state once more.
    if (error && !this.toldFailure)
      await this.writer.event({ type: 'error', ...error }).catch(() => undefined);
    const status = error ? 'failed' : ended === 'done' ? ended : 'cancelled';
    const over = { phase: undefined, etaSeconds: undefined };
    await this.writer.state({ status, ...(error && { error }), ...over });
  }

  async close(): Promise<void> {
    this.stopping.end();
    await this.writer.close();
  }

  private async takeTask({ status, code, message }: DriverLine & { type: 'task' }): Promise<void> {
    if (status === 'failed') this.failure ??= asError({ code, message });
    const phases: Partial<Record<typeof status, string>> = {
      waiting: 'Waiting for a worker',
      preparing: 'Preparing a worker',
      retrying: 'Going on with another worker',
    };
    const phase = phases[status];
    // Why it waits, such as for a node that the cluster does not have, is more than that it does.
    if (phase) await this.say(message ?? phase);
  }

  private async takeLine(line: { type: string }): Promise<void> {
    if (line.type === 'state') return this.takeState(line);
    const event = runEventSchema.safeParse(line).data;
    if (!event) return;
    this.told += 1;
    if (event.type === 'error') {
      this.failure = asError(event);
      this.toldFailure = true;
    }
    // The panel takes a run with this event for one whose result is here.
    if (event.type === 'done') this.done = event;
    else if (this.told > this.known) await this.writer.event(event);
  }

  /** How it ended is said here, once its result is here. */
  private async takeState(line: object): Promise<void> {
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

/** Asks the job to stop once the run's owner is asked to, until it has ended. */
function stopWhenAsked(client: RayClient, file: ClusterFile, { stopped }: RunWriter): { end(): void } {
  let timer: NodeJS.Timeout | undefined;
  const ask = () =>
    void client.stop(file.submissionId).catch((error: unknown) => console.error((error as Error).message));
  const begin = () => {
    ask();
    timer = setInterval(ask, ASK_AGAIN_MS);
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
 * Fires some time after `asked`, unless a run turns out to be `stopped`: whoever cancels one sends a signal, too, and its
 * job is then followed to its end.
 */
export function leaveUnlessStopped(
  asked: AbortSignal,
  stopped: () => Promise<boolean>,
  heedMs = HEED_MS,
): AbortSignal {
  const leave = new AbortController();
  const heed = async () => {
    await sleep(heedMs);
    if (!(await stopped())) leave.abort();
  };
  asked.addEventListener('abort', () => void heed());
  if (asked.aborted) void heed();
  return leave.signal;
}
