/** Mirrors a run that trains on a cluster into its directory here, in the place of a trainer. */
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterFile, DriverLine, ResultLine } from '../protocol/cluster.ts';
import { errorCodes, UserError, type ErrorCode, type ErrorReport } from '../text/errors.ts';
import { msg, textOf, withValue } from '../text/message.ts';
import { runEventSchema, type RunEvent } from '../protocol/events.ts';
import { runStateSchema, type RunState, type RunStatus } from '../protocol/run.ts';
import { readRun } from '../runs/index.ts';
import type { RunWriter } from '../runs/writer.ts';
import { followJob } from './follow-job.ts';
import { mayPass } from './patience.ts';
import type { JobState, RayClient } from './ray/client.ts';
import { fetchResult, forgetResult } from './results.ts';
import { writeCluster } from './store.ts';

/** How often a job that does not end is asked to stop, in milliseconds. */
const ASK_AGAIN_MS = 15_000;
/** A request to cancel a run comes with a signal, too, and is seen within this time, in milliseconds. */
const HEED_MS = 1000;

interface Following {
  client: RayClient;
  dir: string;
  file: ClusterFile;
  writer: RunWriter;
  /** Ends the following and leaves the job as it is. */
  detach: AbortSignal;
  lookMs?: number;
}

/**
 * Follows the job to its end, and returns how the run ended; undefined if it was left. A run that failed there throws
 * its error, as does one that the cluster lost; both are recorded in cluster.json. Errors: those of followJob and
 * fetchResult, after which the job can be attached to again.
 */
export async function followRunJob(following: Following): Promise<RunStatus | undefined> {
  const { client, dir, file, writer, detach, lookMs } = following;
  const { events } = await readRun(dir);
  const mirror = new Mirror(writer, events.length - file.eventsBefore);
  const stopping = stopWhenAsked(client, file, writer);
  const end = (ended: NonNullable<ClusterFile['ended']>) => writeCluster(dir, { ...file, ended });
  try {
    const cluster = client.cluster.address.host;
    await writer.state({ status: 'running', phase: 'Asking the cluster', cluster });
    const job = await followJob(client, file.submissionId, {
      onLine: (line) => mirror.take(line),
      onOther: (line) => console.error(line),
      onTrouble: (error) => void mirror.trouble(error),
      signal: detach,
      ...(lookMs !== undefined && { lookMs }),
    });
    if (!job) return undefined;
    // A job may have been stopped after its last step, before it handed its result over.
    if (mirror.done && mirror.result) {
      await mirror.say('Fetching the result');
      const onTrouble = (error: UserError | undefined) => void mirror.trouble(error);
      const how = { signal: detach, patience: writer.stopped, onTrouble, lookMs };
      await fetchResult(client, mirror.result, dir, how);
      await mirror.finish();
      await end('done');
      await forgetResult(file, mirror.result, dir);
      return 'done';
    }
    const failure = mirror.failure ?? failureOf(client, job);
    // Stopped from here or from elsewhere, it may have ended with an error.
    const stopped = writer.stopped.aborted || job.status === 'STOPPED';
    await end(failure && !stopped ? 'failed' : 'cancelled');
    if (!failure || stopped) return 'cancelled';
    throw failure;
  } catch (error) {
    if (detach.aborted) return undefined;
    // A result that can't be fetched now is no longer waited for; who attaches to the job again gets it.
    if (writer.stopped.aborted && mayPass(error)) return 'cancelled';
    if (error instanceof UserError && error.code === 'cluster-lost') await end('lost');
    throw error;
  } finally {
    stopping.end();
  }
}

/** What the driver tells, as the run's events and state. The driver tells all from the beginning each time. */
export class Mirror {
  done: RunEvent | undefined;
  result: ResultLine | undefined;
  failure: UserError | undefined;
  /** Whether the run's events have the failure already. */
  toldFailure = false;
  private told = 0;
  private phase: string | undefined;

  /** `known`: how many of the job's events the run has already. */
  constructor(
    private readonly writer: RunWriter,
    private readonly known: number,
  ) {}

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

  /** The result is here. */
  async finish(): Promise<void> {
    if (this.done && this.told > this.known) await this.writer.event(this.done);
  }

  async trouble(error: UserError | undefined): Promise<void> {
    await this.writer.state({ phase: error ? "The cluster can't be reached; trying again" : this.phase });
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

/** An error that the driver tells; its words are whole sentences already. */
export function asError(report: Partial<Omit<ErrorReport, 'code'>> & { code?: string }): UserError {
  const { code } = report;
  const known = (errorCodes as readonly string[]).includes(code ?? '');
  return new UserError(
    known ? (code as ErrorCode) : 'cluster-failed',
    textOf(report, 'message') ?? msg`The task failed on the cluster.`,
    textOf(report, 'next') ?? msg`The job's logs in the cluster's dashboard may say more.`,
  );
}

/** What became of a job whose driver said nothing of it; undefined if it was stopped. */
export function failureOf({ cluster }: RayClient, { status, message }: JobState): UserError | undefined {
  if (status === 'STOPPED') return undefined;
  const { host } = cluster.address;
  return new UserError(
    'cluster-failed',
    message
      ? msg`The job on the cluster at ${host} ended without a result: ${message}.`
      : msg`The job on the cluster at ${host} ended without a result.`,
    msg`Its logs in the cluster's dashboard say more; then go on with {resume}.`,
  );
}

/** Asks the job to stop once the run's owner is asked to, until it has ended. */
export function stopWhenAsked(client: RayClient, file: ClusterFile, { stopped }: RunWriter): { end(): void } {
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

/** Where a text says "resume", it does not know which run it is. */
export const withRun = (error: UserError, dir: string): UserError =>
  new UserError(error.code, error.what, withValue(error.whatNext, 'resume', `{resume ${basename(dir)}}`));
