/** Owns the extension's state. */
import { join } from 'node:path';
import * as vscode from 'vscode';
import { foldersOf } from '../protocol/folders.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import { findNode, type NodeCommand } from '../platform/processes/node.ts';
import { Children } from './children.ts';
import { askToSend } from './cluster/cluster.ts';
import { askToStop } from './cluster/runs-there.ts';
import { CompletionService } from './completion/completion-service.ts';
import { tickSteps } from './get-started.ts';
import { Log } from './log.ts';
import { NextEdit } from './next-edit/next-edit.ts';
import { ResultsPanel } from './panel/panel.ts';
import { ProgressNotifications } from './runs/progress.ts';
import { RunWatcher } from './runs/run-watcher.ts';
import { RunsView } from './runs/runs-view.ts';
import type { Services } from './services.ts';
import { applyDataDirectory, changesSetting, settings } from './settings.ts';
import { StatusBar } from './status-bar.ts';
import { Store } from './store.ts';
import { tellEnd, tellReady } from './results/end-message.ts';
import { MeasureWhenIdle } from './results/measure-when-idle.ts';
import { isReadyEarly } from './texts.ts';

export class Context implements Services, vscode.Disposable {
  readonly log = new Log();
  readonly store: Store;
  readonly children: Children;
  readonly runs: RunWatcher;
  readonly completion: CompletionService;
  readonly nextEdit: NextEdit;
  readonly panel: ResultsPanel;
  readonly progress: ProgressNotifications;
  private readonly view: RunsView;
  private readonly statusBar: StatusBar;
  private readonly disposables: vscode.Disposable[] = [];
  private nodeFound: Promise<NodeCommand> | undefined;
  /** Runs whose result was announced as usable before all of it was measured. */
  private readonly toldReady = new Set<string>();

  constructor(readonly extension: vscode.ExtensionContext) {
    const inheritedHome = process.env['FORGET_ME_NOT_HOME'];
    applyDataDirectory(inheritedHome);
    this.store = new Store(extension.workspaceState, extension.globalState);
    this.children = new Children(() => this.node(), this.bundle('cli.mjs'), this.log, askToSend);
    this.runs = new RunWatcher(this.log);
    this.completion = new CompletionService(this);
    this.nextEdit = new NextEdit(this);
    this.panel = new ResultsPanel(this);
    this.progress = new ProgressNotifications(
      this.runs,
      (id) => askToStop(this, id),
      (error) => this.log.show(error),
    );
    this.view = new RunsView(this.runs, this.store);
    this.statusBar = new StatusBar(this);
    this.disposables.push(
      new MeasureWhenIdle(this),
      this.runs.onDidChange((run) => this.onRun(run)),
      this.runs.onDidEnd((run) => this.onEnd(run)),
      this.completion.onDidChange(() => this.refresh()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.refresh()),
      vscode.window.onDidChangeActiveTextEditor(() => this.statusBar.refresh()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (changesSetting(event, 'nodePath')) this.nodeFound = undefined;
        if (changesSetting(event, 'dataDirectory')) {
          applyDataDirectory(inheritedHome);
          void this.runs.moveTo();
        }
        if (changesSetting(event, 'completion')) this.completion.settingsChanged();
        if (changesSetting(event, 'nextEdit')) this.nextEdit.settingsChanged();
        this.refresh();
      }),
    );
    this.refresh();
  }

  /** Finds runs that are running, or ended while no window was open, and follows or reports them. */
  async takeUp(): Promise<void> {
    await this.runs.refresh();
    for (const id of this.store.awaited) {
      const run = this.runs.get(id);
      if (!run) await this.store.told(id);
      else if (this.runs.standing(run) !== 'live') this.onEnd(run);
    }
  }

  /** A run was started from this window: follows it, and reports its end. */
  async begun(id: string): Promise<void> {
    await this.store.await(id);
    await this.runs.refresh();
    this.runs.follow(id, true);
  }

  bundle(name: string): string {
    return join(this.extension.extensionPath, 'dist', name);
  }

  node(): Promise<NodeCommand> {
    this.nodeFound ??= findNode(settings.nodePath || undefined);
    return this.nodeFound;
  }

  isHere(run: RunSnapshot): boolean {
    const learned = foldersOf(run.spec).map(({ path }) => path);
    return (vscode.workspace.workspaceFolders ?? []).some(({ uri }) => learned.includes(uri.fsPath));
  }

  /** Redraws everything that shows state. */
  refresh(): void {
    this.view.refresh();
    this.statusBar.refresh();
    this.panel.refresh();
    tickSteps(this);
  }

  private onRun(run: RunSnapshot | undefined): void {
    this.refresh();
    const live = run ? [run] : this.runs.live;
    for (const liveRun of live) {
      if (!this.isHere(liveRun) || this.runs.standing(liveRun) !== 'live') continue;
      void this.store.await(liveRun.spec.id);
      this.progress.show(liveRun);
      this.tellWhenReady(liveRun);
    }
  }

  private tellWhenReady(run: RunSnapshot): void {
    if (this.toldReady.has(run.spec.id) || !isReadyEarly(run)) return;
    this.toldReady.add(run.spec.id);
    if (this.completion.inUse?.id !== run.spec.id) void tellReady(this, run);
  }

  private onEnd(run: RunSnapshot): void {
    this.refresh();
    if (!this.store.awaited.includes(run.spec.id)) return;
    void this.store.told(run.spec.id);
    void tellEnd(this, run);
  }

  async dispose(): Promise<void> {
    vscode.Disposable.from(...this.disposables, this.panel, this.view, this.statusBar, this.runs).dispose();
    await this.nextEdit.dispose();
    await this.completion.dispose();
    this.log.dispose();
  }
}
