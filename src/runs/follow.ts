import { watch, type FSWatcher } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunSnapshot } from '../protocol/panel.ts';
import { RunReader } from './read.ts';
import type { RunState } from '../protocol/run.ts';
import { FRESH_MS, isHere, isProcessAlive } from './processes.ts';
import { isAlive } from './status.ts';

/** The run is also polled, because watching misses changes on some file systems. */
const POLL_MS = 1000;
/** Changes come in bursts; the run is read once per burst. */
const SETTLE_MS = 50;
/** Longest time without a call, so that a caller that waits for an owner can notice that none arrives. */
const QUIET_MS = 5000;

/**
 * Calls `onSnapshot` immediately, at every change, when the owner has died, and at least every 5 s. `alive`: whether
 * the owner is alive. Resolves when `signal` fires. Throws like readRun and `onSnapshot`.
 */
export async function followRun(
  dir: string,
  onSnapshot: (snapshot: RunSnapshot, alive: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const reader = await RunReader.open(dir);
  const owner = new OwnerWatch(POLL_MS);
  const alarm = new Alarm(dir);
  const stop = () => alarm.ring();
  signal.addEventListener('abort', stop);
  try {
    let shown: { at: number; alive: boolean } | undefined;
    while (!signal.aborted) {
      const { news, alive } = await reader.refresh(true, owner.isAlive);
      const due = !shown || news || alive !== shown.alive || performance.now() - shown.at >= QUIET_MS;
      if (due && !signal.aborted) {
        shown = { at: performance.now(), alive };
        onSnapshot(reader.snapshot(), alive);
      }
      await alarm.wait(POLL_MS, signal);
    }
  } finally {
    signal.removeEventListener('abort', stop);
    alarm.close();
  }
}

/** Rings when something in the folder changes. */
class Alarm {
  private readonly watcher: FSWatcher | undefined;
  private rung = false;
  private wake: (() => void) | undefined;

  constructor(dir: string) {
    try {
      this.watcher = watch(dir, { persistent: false }, () => this.ring());
      this.watcher.on('error', () => this.watcher?.close());
    } catch {
      // The system's limit of file watches is reached: rely on polling.
    }
  }

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  /** Waits until it rings, for at most `ms`. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.rung)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    this.wake = undefined;
    if (this.rung && !signal.aborted) await sleep(SETTLE_MS);
    this.rung = false;
  }

  close(): void {
    this.watcher?.close();
  }
}

/**
 * Judges the owner of a run that is read about every `interval` ms. An owner that was alive and whose start time the
 * system does not report, or that is on another machine, is given up only when its process is gone, or when it was
 * silent for long while we were awake: after a sleep, its heartbeat is old until it has renewed it.
 */
export class OwnerWatch {
  private wasAlive = false;
  private heartbeat: string | undefined;
  private silentMs = 0;
  private lookedAt = 0;

  constructor(private readonly interval: number) {}

  readonly isAlive = (state: RunState): boolean => {
    const now = performance.now();
    // On some systems, this clock goes on during sleep.
    const awakeMs = Math.min(now - this.lookedAt, this.interval);
    this.silentMs = state.heartbeat === this.heartbeat ? this.silentMs + awakeMs : 0;
    this.heartbeat = state.heartbeat;
    this.lookedAt = now;
    this.wasAlive = isAlive(state) || (this.wasAlive && this.mayBeAlive(state));
    return this.wasAlive;
  };

  private mayBeAlive({ pid, pidStarted, machine, heartbeat }: RunState): boolean {
    if (pid === undefined || heartbeat === undefined || this.silentMs >= FRESH_MS) return false;
    return !isHere(machine) || (pidStarted === undefined && isProcessAlive(pid));
  }
}
