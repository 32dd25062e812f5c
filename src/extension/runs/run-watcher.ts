/**
 * Keeps the runs on disk in memory: live runs are followed, the others are read again when something hints at a change.
 */
import { watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { runsDir } from '../../platform/files/paths.ts';
import { followRun, isAlive, RunCache } from '../../runs/index.ts';
import type { Log } from '../log.ts';
import { START_GRACE_MS } from '../../findings/run-status.ts';
import { forButtons } from '../../text/next-step.ts';
import { UserError } from '../../text/errors.ts';
import { runStatus, type RunStatus } from '../texts.ts';

/** After a hint of a change, the runs are read once there was no further hint for this long. */
const SETTLE_MS = 300;

/** A run disappears when it is deleted, or not sent to the cluster after all. */
const isGone = (error: unknown) => error instanceof UserError && error.code === 'run-not-found';

export class RunWatcher implements vscode.Disposable {
  private readonly snapshots = new Map<string, RunSnapshot>();
  private readonly shelf = new RunCache();
  /** Ids of the runs whose events are needed. */
  private idsWithEvents: readonly string[] = [];
  private readonly following = new Map<string, AbortController>();
  /** Whether the owners of followed runs are alive. */
  private readonly alive = new Map<string, boolean>();
  private readonly loggedDamaged = new Set<string>();
  private readonly changed = new vscode.EventEmitter<RunSnapshot | undefined>();
  private readonly ended = new vscode.EventEmitter<RunSnapshot>();
  private readonly left = new vscode.EventEmitter<string>();
  private readonly disposables: vscode.Disposable[] = [this.changed, this.ended, this.left];
  private directory: FSWatcher | undefined;
  private settle: NodeJS.Timeout | undefined;
  private reading: Promise<void> | undefined;
  /** Whether the runs of this data directory were read. */
  private wereRead = false;
  /** Ids of the runs that are there but could not be read. */
  private unreadable: readonly string[] = [];

  /** Fires with the changed run; undefined: the list of runs has changed. */
  readonly onDidChange = this.changed.event;
  /** A followed run has ended: done, failed, cancelled or interrupted. */
  readonly onDidEnd = this.ended.event;
  /**
   * Fires with the id of a run that is no longer followed: it ended, was deleted, or is in the previous data directory.
   */
  readonly onDidLeave = this.left.event;

  constructor(private readonly log: Log) {
    this.disposables.push(
      vscode.window.onDidChangeWindowState(({ focused }) => focused && this.refreshSoon()),
    );
  }

  /** Newest first. */
  get all(): RunSnapshot[] {
    return [...this.snapshots.values()].sort((a, b) => b.spec.createdAt.localeCompare(a.spec.createdAt));
  }
  get(id: string): RunSnapshot | undefined {
    return this.snapshots.get(id);
  }
  /** False while that is not known. */
  isMissing(id: string): boolean {
    return this.wereRead && !this.snapshots.has(id) && !this.unreadable.includes(id);
  }
  statusOf(snapshot: RunSnapshot): RunStatus {
    return runStatus(snapshot, this.alive.get(snapshot.spec.id) ?? isAlive(snapshot.state));
  }
  get live(): RunSnapshot[] {
    return this.all.filter((run) => this.statusOf(run) === 'live');
  }

  /** Keeps only the events of these runs and of live ones in memory. */
  async keepEventsOf(ids: readonly string[]): Promise<void> {
    if (ids.join() === this.idsWithEvents.join()) return;
    this.idsWithEvents = ids;
    // A read in progress may already have passed these runs.
    await this.reading;
    await this.refresh();
  }

  /** Reads new and changed runs, and follows live ones. */
  async refresh(): Promise<void> {
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    await this.reading;
  }

  private async read(): Promise<void> {
    try {
      // Followed runs are read by followRun.
      const isFollowed = (id: string) => this.following.has(id) && this.snapshots.has(id);
      const { runs: scanned, damaged } = await this.shelf.scan(
        (id) => this.idsWithEvents.includes(id),
        isFollowed,
      );
      for (const id of this.snapshots.keys()) if (!isFollowed(id)) this.snapshots.delete(id);
      for (const { snapshot } of scanned) this.snapshots.set(snapshot.spec.id, snapshot);
      this.unreadable = damaged.flatMap(({ id, error }) => (error.code === 'run-not-found' ? [] : [id]));
      for (const { id, error } of damaged)
        this.logDamaged(id, `${error.message} ${forButtons(error.next).text}`);
      for (const { snapshot, alive } of scanned)
        if (runStatus(snapshot, alive) === 'live') this.follow(snapshot.spec.id);
      this.watchDirectory();
      this.wereRead = true;
      this.changed.fire(undefined);
    } catch (error) {
      this.log.showError(error);
    }
  }

  /** A run that can't be read must not hide the others; the log says once why it is missing. */
  private logDamaged(id: string, why: string): void {
    if (this.loggedDamaged.has(id)) return;
    this.loggedDamaged.add(id);
    this.log.warn(`Run ${id} can't be shown: ${why}`);
  }

  private refreshSoon(): void {
    clearTimeout(this.settle);
    this.settle = setTimeout(() => void this.refresh(), SETTLE_MS);
  }

  /** A new directory is a run started by another window or in a terminal. */
  private watchDirectory(): void {
    if (this.directory || this.snapshots.size === 0) return;
    try {
      this.directory = watch(runsDir(), { persistent: false }, () => this.refreshSoon());
      this.directory.on('error', () => this.forgetDirectory());
    } catch (error) {
      this.log.warn(
        `The runs can't be watched (${(error as Error).message}); they are read when the window gets the focus.`,
      );
    }
  }

  private forgetDirectory(): void {
    this.directory?.close();
    this.directory = undefined;
  }

  /** Starts over after the data directory has changed. */
  async reload(): Promise<void> {
    this.forgetDirectory();
    for (const controller of this.following.values()) controller.abort();
    this.snapshots.clear();
    this.wereRead = false;
    await this.refresh();
  }

  /**
   * Reports every change of a run until it is over.
   * @param justStarted its trainer was just started, so the final state left by an earlier trainer is ignored
   */
  follow(id: string, justStarted = false): void {
    if (this.following.has(id)) return;
    const oldState = justStarted ? JSON.stringify(this.snapshots.get(id)?.state) : undefined;
    const startedAt = performance.now();
    const controller = new AbortController();
    this.following.set(id, controller);
    const onSnapshot = (snapshot: RunSnapshot, alive: boolean) => {
      if (controller.signal.aborted) return;
      this.snapshots.set(id, snapshot);
      this.alive.set(id, alive);
      this.changed.fire(snapshot);
      if (runStatus(snapshot, alive) === 'live') return;
      if (JSON.stringify(snapshot.state) === oldState && performance.now() - startedAt < START_GRACE_MS)
        return;
      controller.abort();
      this.ended.fire(snapshot);
    };
    followRun(join(runsDir(), id), onSnapshot, controller.signal)
      .catch((error: unknown) => !controller.signal.aborted && !isGone(error) && this.log.showError(error))
      .finally(() => {
        this.following.delete(id);
        this.alive.delete(id);
        this.left.fire(id);
      });
  }

  dispose(): void {
    clearTimeout(this.settle);
    this.forgetDirectory();
    for (const controller of this.following.values()) controller.abort();
    vscode.Disposable.from(...this.disposables).dispose();
  }
}
