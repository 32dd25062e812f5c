import type { FileHandle } from 'node:fs/promises';
import { runEventSchema, type NewRunEvent } from '../protocol/events.ts';
import { parseLine } from '../platform/files/lines.ts';
import { openRegular } from '../platform/files/regular-file.ts';
import type { RunState } from '../protocol/run.ts';
import { watchForStop } from './cancel.ts';
import { eventsPath, readSpec, readState, statePath } from './files.ts';
import { StateWriter } from './heartbeat.ts';
import { removeLeftovers } from './leftovers.ts';
import { lockRun, type Lock } from './lock.ts';
import { processStart, pidNamespace } from './processes.ts';

/** Writes to a run directory on behalf of its owner. */
export interface RunWriter {
  /** Appends an event to events.jsonl, with a timestamp. */
  event(event: NewRunEvent): Promise<void>;
  /** Updates state.json; a key set to undefined is removed. */
  state(patch: Partial<RunState>): Promise<void>;
  /** Fires when the owner is asked to stop (see cancelRun). */
  readonly stopped: AbortSignal;
  /** Releases the run: no more heartbeat, no owner, no lock. */
  close(): Promise<void>;
}

/**
 * Takes the run's lock and writes heartbeats until closed. Does not change the status.
 * Errors: run-locked, run-not-found, run-newer, run-damaged.
 */
export async function openRunWriter(dir: string): Promise<RunWriter> {
  await readSpec(dir);
  const lock = await lockRun(dir);
  await removeLeftovers(dir, { own: true });
  let events: FileHandle | undefined;
  try {
    const before = await readState(dir);
    events = await openRegular(eventsPath(dir), 'a+');
    await repairLastLine(events);
    const writer = new Writer(dir, events, before, lock);
    await writer.state({});
    return writer;
  } catch (error) {
    await events?.close();
    await lock.release();
    throw error;
  }
}

/**
 * Resets an ended run to `queued`, so that stop requests from here on reach its next owner. Throws like openRunWriter.
 */
export async function queueRun(dir: string): Promise<void> {
  const writer = await openRunWriter(dir);
  const queuedAt = new Date().toISOString();
  await writer.state({ status: 'queued', queuedAt, phase: undefined }).finally(() => writer.close());
}

class Writer implements RunWriter {
  private readonly stateWriter: StateWriter;
  private current: RunState;
  private appended: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | undefined;
  private readonly stop: ReturnType<typeof watchForStop>;

  constructor(
    dir: string,
    private readonly events: FileHandle,
    state: RunState,
    private readonly lock: Lock,
  ) {
    const { pid } = process;
    this.current = { ...state, pid, pidStarted: processStart(pid), machine: pidNamespace() };
    this.stateWriter = new StateWriter(statePath(dir), this.current);
    this.stop = watchForStop(dir, lock.token);
  }

  get stopped(): AbortSignal {
    return this.stop.signal;
  }

  event(event: NewRunEvent): Promise<void> {
    const { type, ...rest } = event;
    const line = `${JSON.stringify({ type, time: new Date().toISOString(), ...rest })}\n`;
    const write = this.appended.then(() => this.append(line));
    this.appended = write.catch(() => undefined);
    return write;
  }

  /** Undoes a partial write (disk full), which the next line would be appended to. */
  private async append(line: string): Promise<void> {
    const { size } = await this.events.stat();
    try {
      await this.events.appendFile(line);
    } catch (error) {
      await this.events.truncate(size).catch(() => undefined);
      throw error;
    }
  }

  state(patch: Partial<RunState>): Promise<void> {
    const next: RunState = { ...this.current, ...patch };
    // An earlier error is obsolete once the run continues.
    if (patch.status && !patch.error && patch.status !== 'failed') delete next.error;
    this.current = next;
    return this.stateWriter.write(next);
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    try {
      await this.appended;
      await this.state({ pid: undefined, pidStarted: undefined, machine: undefined, heartbeat: undefined });
    } finally {
      await this.stateWriter.stop();
      await this.events.close();
      await this.stop.close();
      await this.lock.release();
    }
  }
}

/** Repairs an incomplete last line of a killed owner: removes it, or adds the line end if only that is missing. */
async function repairLastLine(events: FileHandle): Promise<void> {
  const { size } = await events.stat();
  const reach = Math.min(size, 1 << 20);
  const tail = Buffer.alloc(reach);
  await events.read(tail, 0, reach, size - reach);
  const end = tail.lastIndexOf(0x0a) + 1;
  if (end === reach) return;
  const whole = parseLine(runEventSchema, tail.toString('utf8', end)).ok;
  if (whole) await events.appendFile('\n');
  else await events.truncate(size - reach + end);
}
