import type { RunState } from '../protocol/run.ts';
import { FRESH_MS, isHere, isProcessAlive } from './processes.ts';
import { isAlive } from './status.ts';

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
