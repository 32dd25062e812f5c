/** Owns the extension's state. */
import { join } from 'node:path';
import * as vscode from 'vscode';
import { isSameFolder } from '../corpus/reading/folders.ts';
import { foldersOf } from '../protocol/folders.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import { runsDir } from '../platform/files/paths.ts';
import { findNode, type NodeCommand } from '../platform/processes/node.ts';
import { readRun } from '../runs/index.ts';
import { Children } from './children.ts';
import { confirmSending } from './cluster/cluster.ts';
import { requestStop } from './cluster/cluster-runs.ts';
import { CompletionService } from './completion/completion-service.ts';
import { updateWalkthrough } from './get-started.ts';
import { Log, settingAction } from './log.ts';
import { NextEdit } from './next-edit/next-edit.ts';
import { ResultsPanel } from './panel/panel.ts';
import { Throttle } from './panel/throttle.ts';
import { ProgressNotifications } from './runs/progress.ts';
import { RunWatcher } from './runs/run-watcher.ts';
import { RunsView } from './runs/runs-view.ts';
import type { Services } from './services.ts';
import { applyDataDirectory, changesSetting, proxyVariables, settings } from './settings.ts';
import { StatusBar } from './status-bar.ts';
import { Store } from './store.ts';
import { announceEnd, announceReady } from './results/end-message.ts';
import { WhenIdle } from './idle/when-idle.ts';
import { isReadyEarly } from './texts.ts';

/** Completion changes several times at each suggestion. */
const REFRESH_MS = 200;

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
  /** The model in use that is shown, in the list of runs and elsewhere. */
  private shownInUse = '';
  private nodeCommand: Promise<NodeCommand> | undefined;
  /** Runs whose result was announced as usable before all of it was measured. */
  private readonly announcedReady = new Set<string>();

  constructor(readonly extension: vscode.ExtensionContext) {
    const inheritedHome = process.env['FORGET_ME_NOT_HOME'];
    this.applyDataDirectory(inheritedHome);
    this.store = new Store(extension.workspaceState, extension.globalState);
    this.children = new Children(() => this.commandNode(), this.bundle('cli.mjs'), this.log, confirmSending);
    this.runs = new RunWatcher(this.log);
    this.completion = new CompletionService(this);
    this.nextEdit = new NextEdit(this);
    this.panel = new ResultsPanel(this);
    this.progress = new ProgressNotifications(
      this.runs,
      (id) => requestStop(this, id),
      (error) => this.log.showError(error),
    );
    this.view = new RunsView(this.runs, () => this.completion.localModel?.id);
    this.statusBar = new StatusBar(this);
    const throttle = new Throttle(REFRESH_MS, () => this.completionChanged());
    this.disposables.push(
      throttle,
      new WhenIdle(this),
      this.runs.onDidChange((run) => this.onRun(run)),
      this.runs.onDidEnd((run) => this.onEnd(run)),
      this.completion.onDidChange(() => throttle.run()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.refresh()),
      vscode.window.onDidChangeActiveTextEditor(() => this.statusBar.refresh()),
      // Changing the language closes and opens a document.
      vscode.workspace.onDidOpenTextDocument((document) => {
        if (document === vscode.window.activeTextEditor?.document) this.statusBar.refresh();
      }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (changesSetting(event, 'nodePath')) this.nodeCommand = undefined;
        if (changesSetting(event, 'dataDirectory')) {
          this.applyDataDirectory(inheritedHome);
          void this.runs.reload();
          void this.completion.lookAgain();
        }
        if (changesSetting(event, 'completion')) this.completion.settingsChanged();
        if (changesSetting(event, 'nextEdit')) this.nextEdit.settingsChanged();
        this.refresh();
      }),
    );
    this.refresh();
  }

  private applyDataDirectory(inheritedHome: string | undefined): void {
    const refused = applyDataDirectory(inheritedHome);
    if (refused) this.log.showError(refused, settingAction('dataDirectory'));
  }

  /** Follows the runs in progress, and reports those that ended while no window was open. */
  async restoreRuns(): Promise<void> {
    await this.runs.refresh();
    for (const id of this.store.unreportedRuns) {
      const run = this.runs.get(id);
      if (!run) await this.store.markReported(id);
      // Its end is in its events, which are not in memory.
      else if (this.runs.statusOf(run) !== 'live')
        this.onEnd(await readRun(join(runsDir(), id)).catch(() => run));
    }
  }

  /** Follows a run that this window has started, and reports its end. */
  async runStarted(id: string): Promise<void> {
    await this.store.addUnreportedRun(id);
    await this.runs.refresh();
    this.runs.follow(id, true);
  }

  bundle(name: string): string {
    return join(this.extension.extensionPath, 'dist', name);
  }

  node(): Promise<NodeCommand> {
    if (this.nodeCommand) return this.nodeCommand;
    const found = (this.nodeCommand = findNode(settings.nodePath() || undefined));
    // A failure is not remembered: Node may be installed meanwhile.
    found.catch(() => {
      if (this.nodeCommand === found) this.nodeCommand = undefined;
    });
    return found;
  }

  /** For the command line, which does all downloads, and can't ask the editor for its proxy. */
  private async commandNode(): Promise<NodeCommand> {
    const node = await this.node();
    return { ...node, env: { ...proxyVariables(), ...node.env } };
  }

  isHere(run: RunSnapshot): boolean {
    const open = vscode.workspace.workspaceFolders ?? [];
    return foldersOf(run.spec).some(({ path }) => open.some(({ uri }) => isSameFolder(uri.fsPath, path)));
  }

  /** Refreshes everything that shows state. */
  refresh(): void {
    this.view.refresh();
    this.statusBar.refresh();
    this.panel.refresh();
    updateWalkthrough(this);
  }

  /** The other places show nothing of completion but which model is in use. */
  private completionChanged(): void {
    const inUse = `${this.store.inUse}\n${this.completion.inUse?.id}`;
    if (inUse !== this.shownInUse) {
      this.shownInUse = inUse;
      return this.refresh();
    }
    this.statusBar.refresh();
    this.panel.refresh();
  }

  private onRun(run: RunSnapshot | undefined): void {
    this.refresh();
    const live = run ? [run] : this.runs.live;
    for (const liveRun of live) {
      // Nobody is there, and its result speaks for itself.
      if (liveRun.spec.background || !this.isHere(liveRun)) continue;
      if (this.runs.statusOf(liveRun) !== 'live') continue;
      void this.store.addUnreportedRun(liveRun.spec.id);
      this.progress.show(liveRun);
      this.announceWhenReady(liveRun);
    }
  }

  private announceWhenReady(run: RunSnapshot): void {
    if (this.announcedReady.has(run.spec.id) || !isReadyEarly(run)) return;
    this.announcedReady.add(run.spec.id);
    if (this.completion.inUse?.id !== run.spec.id) void announceReady(this, run);
  }

  private onEnd(run: RunSnapshot): void {
    this.refresh();
    if (!this.store.unreportedRuns.includes(run.spec.id)) return;
    void this.store.markReported(run.spec.id);
    void announceEnd(this, run);
  }

  async dispose(): Promise<void> {
    vscode.Disposable.from(...this.disposables, this.panel, this.view, this.statusBar, this.runs).dispose();
    await this.nextEdit.dispose();
    await this.completion.dispose();
    this.log.dispose();
  }
}
