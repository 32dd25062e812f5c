/**
 * Follows a job on a cluster: delivers each of the driver's lines once, despite lost connections and dashboard
 * restarts.
 */
import { driverLineSchema, type DriverLine } from '../protocol/cluster.ts';
import { msg, UserError } from '../text/errors.ts';
import { parseLine } from '../platform/files/lines.ts';
import { POLL_MS, isTransient, backOff } from './back-off.ts';
import { isFinished, NoWebSocket, type JobState, type RayClient } from './ray/client.ts';

/** A restarting cluster may not know its jobs immediately. */
const POLLS_UNTIL_LOST = 3;
/** If all logs have to be re-read each time: skip one poll for this many characters, up to this many polls in a row. */
const CHARACTERS_PER_SKIP = 100_000;
const MAX_SKIPPED_POLLS = 60;

export interface JobHandlers {
  /** Called sequentially, line by line. */
  onLine(line: DriverLine): Promise<void> | void;
  /** Called for a log line that is not from the driver. */
  onForeignLine?(line: string): void;
  /** Called when the cluster becomes unreachable, with the reason, or reachable again, with undefined. */
  onConnectionChange?(error: UserError | undefined): void;
  signal: AbortSignal;
  /** Polling interval; for tests. */
  pollMs?: number | undefined;
}

/**
 * Resolves when the job has ended and all its output was handled; undefined if `signal` fired. Errors: cluster-lost if
 * the cluster does not know the job, cluster-token, and what the handlers throw.
 */
export async function followJob(
  client: RayClient,
  id: string,
  handlers: JobHandlers,
): Promise<JobState | undefined> {
  const { signal, pollMs = POLL_MS } = handlers;
  const reader = new LogReader(handlers);
  const source = new LogSource(client, id, reader, signal);
  let failures = 0;
  let absent = 0;
  while (!signal.aborted) {
    try {
      const state = await client.job(id, signal);
      if (failures > 0) handlers.onConnectionChange?.(undefined);
      // The route to it may have changed.
      if (failures > 0) source.blocked = false;
      failures = 0;
      absent = state ? 0 : absent + 1;
      if (absent >= POLLS_UNTIL_LOST) throw lost(client);
      if (state && isFinished(state.status)) {
        await source.readAll();
        await reader.end();
        return state;
      }
      if (state) await source.readMore();
    } catch (error) {
      if (error instanceof HandlerError) throw error.cause;
      if (signal.aborted) return undefined;
      if (!isTransient(error)) throw error;
      failures += 1;
      handlers.onConnectionChange?.(error);
    }
    await backOff(failures, pollMs, signal);
  }
  return undefined;
}

/** Source of a job's logs: a WebSocket that tails them, or repeated reads of the whole logs. */
class LogSource {
  /** Whether WebSockets are blocked. */
  blocked = false;
  /** Polls to skip before all logs are read again. */
  private pollsToSkip = 0;

  constructor(
    private readonly client: RayClient,
    private readonly id: string,
    private readonly reader: LogReader,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Reads until the connection ends. Without a connection, reads the logs so far: the longer they are, the less often.
   */
  async readMore(): Promise<void> {
    if (this.blocked) {
      this.pollsToSkip -= 1;
      return this.pollsToSkip < 0 ? this.readAll() : undefined;
    }
    this.reader.restart();
    try {
      for await (const text of this.client.tail(this.id, this.signal)) await this.reader.read(text);
    } catch (error) {
      if (error instanceof HandlerError || error instanceof UserError) throw error;
      await this.readAll();
      // The cluster itself responds, so only the WebSocket is blocked.
      this.blocked = error instanceof NoWebSocket;
    }
  }

  async readAll(): Promise<void> {
    const text = await this.client.logs(this.id, this.signal);
    this.pollsToSkip = Math.min(Math.floor(text.length / CHARACTERS_PER_SKIP), MAX_SKIPPED_POLLS);
    await this.reader.readAll(text);
  }
}

/** Wraps an error of a handler, as opposed to one of the connection. */
class HandlerError extends Error {}

/** Reads log texts that each start from the beginning, and passes on each line once. */
class LogReader {
  /** Characters consumed in total, and of the text that is currently being read. */
  private consumed = 0;
  private position = 0;
  /** The incomplete last line. */
  private partialLine = '';

  constructor(private readonly handlers: Pick<JobHandlers, 'onLine' | 'onForeignLine'>) {}

  /** The next text starts from the beginning again. */
  restart(): void {
    this.position = 0;
  }

  /** Reads a whole log. */
  async readAll(text: string): Promise<void> {
    this.restart();
    await this.read(text);
  }

  /** Reads the next part of a log. */
  async read(text: string): Promise<void> {
    const alreadyRead = Math.max(0, this.consumed - this.position);
    this.position += text.length;
    const fresh = text.slice(alreadyRead);
    this.consumed = Math.max(this.consumed, this.position);
    const lines = (this.partialLine + fresh).split('\n');
    this.partialLine = lines.pop()!;
    for (const line of lines) await this.handle(line);
  }

  /** Handles the last line, which may lack its line end. */
  async end(): Promise<void> {
    const line = this.partialLine;
    this.partialLine = '';
    await this.handle(line);
  }

  private async handle(line: string): Promise<void> {
    if (!line.trim()) return;
    const parsed = parseLine(driverLineSchema, line);
    try {
      if (parsed.ok) await this.handlers.onLine(parsed.value);
      else this.handlers.onForeignLine?.(line);
    } catch (error) {
      throw new HandlerError('', { cause: error });
    }
  }
}

const lost = ({ cluster: { address } }: RayClient) =>
  new UserError(
    'cluster-lost',
    msg`The cluster at ${address.host} does not know this job any more: it was restarted, or the job was deleted there.`,
    msg`Start it again with {resume}; with --storage, it continues from its last checkpoint.`,
  );
