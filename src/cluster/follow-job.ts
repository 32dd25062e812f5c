/** Follows a job on a cluster: each of the driver's lines once, through lost connections and restarted dashboards. */
import { driverLineSchema, type DriverLine } from '../protocol/cluster.ts';
import { msg, UserError } from '../text/errors.ts';
import { parseLine } from '../platform/files/lines.ts';
import { LOOK_MS, mayPass, waitAfter } from './patience.ts';
import { isOver, NoWebSocket, type JobState, type RayClient } from './ray/client.ts';

/** A cluster that is starting again may not know its jobs at once. */
const LOOKS_UNTIL_LOST = 3;
/** Where all logs are read again each time: for so many characters a look is left out, and at most so many in a row. */
const CHARACTERS_FOR_A_LOOK = 100_000;
const MOST_LOOKS_LEFT_OUT = 60;

export interface JobHandlers {
  /** Called with one line after another. */
  onLine(line: DriverLine): Promise<void> | void;
  /** A line of the logs that is not the driver's. */
  onOther?(line: string): void;
  /** The cluster can't be reached for now, or again; `error` is the reason. */
  onTrouble?(error: UserError | undefined): void;
  signal: AbortSignal;
  /** For tests: how long to wait. */
  lookMs?: number | undefined;
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
  const source = new LogSource(client, id, reader, signal);
  let failures = 0;
  let absent = 0;
  while (!signal.aborted) {
    try {
      const state = await client.job(id, signal);
      if (failures > 0) handlers.onTrouble?.(undefined);
      // The way to it may be another one now.
      if (failures > 0) source.blocked = false;
      failures = 0;
      absent = state ? 0 : absent + 1;
      if (absent >= LOOKS_UNTIL_LOST) throw lost(client);
      if (state && isOver(state.status)) {
        await source.whole();
        await reader.end();
        return state;
      }
      if (state) await source.readOn();
    } catch (error) {
      if (error instanceof HandlerError) throw error.cause;
      if (signal.aborted) return undefined;
      if (!mayPass(error)) throw error;
      failures += 1;
      handlers.onTrouble?.(error);
    }
    await waitAfter(failures, lookMs, signal);
  }
  return undefined;
}

/** Where a job's logs come from: a connection that follows them, or all of them again and again. */
class LogSource {
  /** WebSockets don't get through. */
  blocked = false;
  /** Looks that are left out before all logs are read again. */
  private rest = 0;

  constructor(
    private readonly client: RayClient,
    private readonly id: string,
    private readonly reader: LogReader,
    private readonly signal: AbortSignal,
  ) {}

  /** Reads until the connection ends. Without one, reads what there is so far: the more that is, the less often. */
  async readOn(): Promise<void> {
    if (this.blocked) {
      this.rest -= 1;
      return this.rest < 0 ? this.whole() : undefined;
    }
    this.reader.begin();
    try {
      for await (const text of this.client.tail(this.id, this.signal)) await this.reader.read(text);
    } catch (error) {
      if (error instanceof HandlerError || error instanceof UserError) throw error;
      await this.whole();
      // The cluster itself answers, so it is not away.
      this.blocked = error instanceof NoWebSocket;
    }
  }

  async whole(): Promise<void> {
    const text = await this.client.logs(this.id, this.signal);
    this.rest = Math.min(Math.floor(text.length / CHARACTERS_FOR_A_LOOK), MOST_LOOKS_LEFT_OUT);
    await this.reader.whole(text);
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
    msg`The cluster at ${address.host} does not know this job any more: it was started anew, or the job was deleted there.`,
    msg`Start it again with {resume}; where it had --storage, it goes on from its last checkpoint.`,
  );
