/** Follows a job on a cluster: each of the driver's lines once, through lost connections and restarted dashboards. */
import { setTimeout as sleep } from 'node:timers/promises';
import { driverLineSchema, type DriverLine } from '../protocol/cluster.ts';
import { UserError } from '../protocol/errors.ts';
import { parseLine } from '../protocol/lines.ts';
import { isOver, type JobState, type RayClient } from './ray/client.ts';

/** Milliseconds between two looks, and the longest wait after failed ones. */
const LOOK_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** A cluster that is starting again may not know its jobs at once. */
const LOOKS_UNTIL_LOST = 3;
/** Errors that pass: the cluster may be reached again, with the same token. */
const passing: ReadonlySet<string> = new Set(['cluster-down', 'cluster-failed', 'cluster-unknown']);

export const isPassing = (error: unknown): error is UserError =>
  error instanceof UserError && passing.has(error.code);

export interface JobHandlers {
  /** Called with one line after another. */
  onLine(line: DriverLine): Promise<void> | void;
  /** A line of the logs that is not the driver's. */
  onOther?(line: string): void;
  /** The cluster can't be reached for now, or again; `error` is the reason. */
  onTrouble?(error: UserError | undefined): void;
  signal: AbortSignal;
  /** For tests: how long to wait. */
  lookMs?: number;
}

/**
 * Resolves when the job has ended and everything that it printed was handled; undefined if `signal` fired. Errors:
 * cluster-lost if the cluster knows no such job, cluster-token, and what the handlers throw.
 */
export async function followJob(
  client: RayClient,
  id: string,
  handlers: JobHandlers,
): Promise<JobState | undefined> {
  const { signal, lookMs = LOOK_MS } = handlers;
  const reader = new LogReader(handlers);
  let failures = 0;
  let absent = 0;
  while (!signal.aborted) {
    try {
      const state = await client.job(id, signal);
      if (failures > 0) handlers.onTrouble?.(undefined);
      failures = 0;
      absent = state ? 0 : absent + 1;
      if (absent >= LOOKS_UNTIL_LOST) throw lost(client);
      if (state && isOver(state.status)) {
        await reader.whole(await client.logs(id, signal));
        await reader.end();
        return state;
      }
      if (state) await readOn(client, id, reader, signal);
    } catch (error) {
      if (error instanceof HandlerError) throw error.cause;
      if (signal.aborted) return undefined;
      if (!isPassing(error)) throw error;
      failures += 1;
      handlers.onTrouble?.(error);
    }
    await sleep(Math.min(lookMs * 2 ** failures, LONGEST_WAIT_MS), undefined, { signal }).catch(
      () => undefined,
    );
  }
  return undefined;
}

/** Reads until the connection ends. Where WebSockets don't get through, reads what there is so far. */
async function readOn(client: RayClient, id: string, reader: LogReader, signal: AbortSignal): Promise<void> {
  reader.begin();
  try {
    for await (const text of client.tail(id, signal)) await reader.read(text);
  } catch (error) {
    if (error instanceof HandlerError || error instanceof UserError) throw error;
    await reader.whole(await client.logs(id, signal));
  }
}

/** An error of a handler, which is not the connection's. */
class HandlerError extends Error {}

/** Takes texts that begin with the job's first character, and passes on each line once. */
class LogReader {
  /** Characters that were taken, of the whole and of the text that is being read. */
  private taken = 0;
  private position = 0;
  /** The beginning of a line. */
  private rest = '';

  constructor(private readonly handlers: Pick<JobHandlers, 'onLine' | 'onOther'>) {}

  /** What follows begins with the job's first character again. */
  begin(): void {
    this.position = 0;
  }

  /** The whole text. */
  async whole(text: string): Promise<void> {
    this.begin();
    await this.read(text);
  }

  /** The next part of it. */
  async read(text: string): Promise<void> {
    const known = Math.max(0, this.taken - this.position);
    this.position += text.length;
    const fresh = text.slice(known);
    this.taken = Math.max(this.taken, this.position);
    const lines = (this.rest + fresh).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) await this.handle(line);
  }

  /** The last line may lack its end. */
  async end(): Promise<void> {
    const line = this.rest;
    this.rest = '';
    await this.handle(line);
  }

  private async handle(line: string): Promise<void> {
    if (!line.trim()) return;
    const parsed = parseLine(driverLineSchema, line);
    try {
      if (parsed.ok) await this.handlers.onLine(parsed.value);
      else this.handlers.onOther?.(line);
    } catch (error) {
      throw new HandlerError('', { cause: error });
    }
  }
}

const lost = ({ cluster: { address } }: RayClient) =>
  new UserError(
    'cluster-lost',
    `The cluster at ${address.host} does not know this job any more: it was started anew, or the job was deleted there.`,
    'Start it again with {resume}; where it had --storage, it goes on from its last checkpoint.',
  );
