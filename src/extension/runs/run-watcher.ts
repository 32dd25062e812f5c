/**
 * The runs on disk, kept in memory: running ones are followed, the others are read again when something hints at a
 * change.
 */
import { watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { runsDir } from '../../platform/files/paths.ts';
import { followRun, isAlive, RunShelf } from '../../runs/index.ts';
import type { Log } from '../log.ts';
import { START_GRACE_MS } from '../../findings/run-status.ts';
import { standingOf, type Standing } from '../texts.ts';

/** After a hint of a change, the runs are read once no further hint has come for this long. */
const SETTLE_MS = 300;

export class RunWatcher implements vscode.Disposable {
  private readonly snapshots = new Map<string, RunSnapshot>();
  private readonly shelf = new RunShelf();
  /** Ids of the runs whose events are needed. */
  private wanted: readonly string[] = [];
  private readonly following = new Map<string, AbortController>();
  private readonly damaged = new Set<string>();
  private readonly changed = new vscode.EventEmitter<RunSnapshot | undefined>();
  private readonly ended = new vscode.EventEmitter<RunSnapshot>();
  private readonly left = new vscode.EventEmitter<string>();
  private readonly disposables: vscode.Disposable[] = [this.changed, this.ended, this.left];
  private directory: FSWatcher | undefined;
  private settle: NodeJS.Timeout | undefined;
  private reading: Promise<void> | undefined;

  /** A run changed; undefined: the list of runs did. */
  readonly onDidChange = this.changed.event;
  /** A followed run has ended: done, failed, cancelled or interrupted. */
  readonly onDidEnd = this.ended.event;
  /** A run (its id) is no longer followed: it ended, was deleted, or belongs to the previous data directory. */
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
  standing(snapshot: RunSnapshot): Standing {
    return standingOf(snapshot, isAlive(snapshot.state));
  }
  get live(): RunSnapshot[] {
    return this.all.filter((run) => this.standing(run) === 'live');
  }

  /** Keeps in memory the events of these runs and of running ones only. */
  async wantEvents(ids: readonly string[]): Promise<void> {
    if (ids.join() === this.wanted.join()) return;
    this.wanted = ids;
    // A read in progress may already have passed these runs.
    await this.reading;
    await this.refresh();
  }

  /** Reads the runs that are new or changed, and follows those that are running. */
  async refresh(): Promise<void> {
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    await this.reading;
  }

  private async read(): Promise<void> {
    try {
      // Followed runs are read by followRun.
      const followed = (id: string) => this.following.has(id) && this.snapshots.has(id);
      const { runs: found, damaged } = await this.shelf.scan((id) => this.wanted.includes(id), followed);
      for (const id of this.snapshots.keys()) if (!followed(id)) this.snapshots.delete(id);
      for (const { snapshot } of found) this.snapshots.set(snapshot.spec.id, snapshot);
      for (const { id, error } of damaged) this.tellDamaged(id, `${error.message} ${error.next}`);
      for (const { snapshot, alive } of found)
        if (standingOf(snapshot, alive) === 'live') this.follow(snapshot.spec.id);
      this.watchDirectory();
      this.changed.fire(undefined);
    } catch (error) {
      this.log.show(error);
    }
  }

  /** A run that can't be read does not hide the others; the log says once why it is missing. */
  private tellDamaged(id: string, why: string): void {
    if (this.damaged.has(id)) return;
    this.damaged.add(id);
    this.log.warn(`Run ${id} can't be shown: ${why}`);
  }

  private refreshSoon(): void {
    clearTimeout(this.settle);
    this.settle = setTimeout(() => void this.refresh(), SETTLE_MS);
  }

  /** New directories are runs started by another window or in a terminal. */
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
  async moveTo(): Promise<void> {
    this.forgetDirectory();
    for (const controller of this.following.values()) controller.abort();
    this.snapshots.clear();
    await this.refresh();
  }

  /**
   * Reports every change of a run until it is over.
   * @param begun its trainer was just started, so the end state that an earlier trainer left is ignored
   */
  follow(id: string, begun = false): void {
    if (this.following.has(id)) return;
    const left = begun ? JSON.stringify(this.snapshots.get(id)?.state) : undefined;
    const since = performance.now();
    const controller = new AbortController();
    this.following.set(id, controller);
    const onSnapshot = (snapshot: RunSnapshot, alive: boolean) => {
      if (controller.signal.aborted) return;
      this.snapshots.set(id, snapshot);
      this.changed.fire(snapshot);
      if (standingOf(snapshot, alive) === 'live') return;
      if (JSON.stringify(snapshot.state) === left && performance.now() - since < START_GRACE_MS) return;
      controller.abort();
      this.ended.fire(snapshot);
    };
    followRun(join(runsDir(), id), onSnapshot, controller.signal)
      .catch((error: unknown) => !controller.signal.aborted && this.log.show(error))
      .finally(() => {
        this.following.delete(id);
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
