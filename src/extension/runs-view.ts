/** The Runs view: one row a run, newest first. */
import * as vscode from 'vscode';
import type { RunSnapshot } from '../protocol/panel.ts';
import type { RunWatcher } from './run-watcher.ts';
import type { Store } from './store.ts';
import { runDescription, runTooltip, type Standing } from './texts.ts';

const icons: Record<Standing, [string, string?]> = {
  live: ['sync~spin', 'charts.blue'],
  done: ['pass', 'testing.iconPassed'],
  failed: ['error', 'testing.iconFailed'],
  cancelled: ['debug-pause'],
  interrupted: ['warning', 'list.warningForeground'],
};
/** What the menus in package.json look for. */
const menuOf: Record<Standing, string> = {
  live: 'live',
  done: 'done',
  failed: 'failed resumable',
  cancelled: 'cancelled resumable',
  interrupted: 'interrupted resumable',
};

export class RunsView implements vscode.TreeDataProvider<RunSnapshot>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly runs: RunWatcher,
    private readonly store: Store,
  ) {
    const view = vscode.window.createTreeView('forgetMeNot.runs', { treeDataProvider: this });
    this.disposables = [
      this.changed,
      view,
      view.onDidChangeVisibility(({ visible }) => visible && void runs.refresh()),
    ];
  }

  refresh(): void {
    this.changed.fire();
  }

  getChildren(parent?: RunSnapshot): RunSnapshot[] {
    return parent ? [] : this.runs.all;
  }

  getTreeItem(run: RunSnapshot): vscode.TreeItem {
    const standing = this.runs.standing(run);
    const inUse = this.store.inUse === run.spec.id;
    const item = new vscode.TreeItem(run.spec.name);
    item.id = run.spec.id;
    item.description = runDescription(run, standing, inUse);
    item.tooltip = new vscode.MarkdownString(runTooltip(run, standing));
    item.contextValue = menuOf[standing];
    const [icon, colour] = inUse ? ['sparkle', 'charts.yellow'] : icons[standing];
    item.iconPath = new vscode.ThemeIcon(icon!, colour ? new vscode.ThemeColor(colour) : undefined);
    item.accessibilityInformation = { label: `${run.spec.name}, ${item.description}` };
    item.command = { command: 'forgetMeNot.showResults', title: 'Show Results', arguments: [run] };
    return item;
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }
}
