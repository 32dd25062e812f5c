/** The Runs view: one row per run, newest first. */
import * as vscode from 'vscode';
import { visible } from '../../text/foreign-text.ts';
import { t } from '../../text/l10n.ts';
import type { RunWatcher } from './run-watcher.ts';
import { hasResult } from '../../findings/run-status.ts';
import { canResume, runDescription, runTooltip, type RunStatus } from '../texts.ts';
import { tooltip } from '../editor-ui.ts';

const icons: Record<RunStatus, [string, string?]> = {
  live: ['sync~spin', 'charts.blue'],
  done: ['pass', 'testing.iconPassed'],
  failed: ['error', 'testing.iconFailed'],
  cancelled: ['debug-pause'],
  interrupted: ['warning', 'list.warningForeground'],
};
/** Context values that the menus in package.json match. */
const contextValues: Record<RunStatus, string> = {
  live: 'live',
  done: 'done',
  failed: 'failed resumable',
  cancelled: 'cancelled resumable',
  interrupted: 'interrupted resumable',
};

/** Rows are identified by their run's id, so that a single row can be redrawn while the others stay clickable. */
export class RunsView implements vscode.TreeDataProvider<string>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<string[] | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly disposables: vscode.Disposable[];
  /** The text of each row, in order. */
  private drawn = new Map<string, string>();

  constructor(
    private readonly runs: RunWatcher,
    /** The id of the model that completes code, or would if no remote server did. */
    private readonly inUse: () => string | undefined,
  ) {
    const view = vscode.window.createTreeView('forgetMeNot.runs', { treeDataProvider: this });
    this.disposables = [
      this.changed,
      view,
      view.onDidChangeVisibility(({ visible }) => visible && void runs.refresh()),
    ];
  }

  /** Redraws the rows whose text has changed. */
  refresh(): void {
    const now = new Map(this.runs.all.map(({ spec }) => [spec.id, this.rowText(spec.id)]));
    const sameRows = [...now.keys()].join() === [...this.drawn.keys()].join();
    const changedRows = [...now.keys()].filter((id) => now.get(id) !== this.drawn.get(id));
    this.drawn = now;
    if (!sameRows) this.changed.fire(undefined);
    else if (changedRows.length > 0) this.changed.fire(changedRows);
  }

  private rowText(id: string): string {
    const { description, contextValue } = this.getTreeItem(id);
    return `${String(description)} ${contextValue}`;
  }

  getChildren(parent?: string): string[] {
    return parent ? [] : this.runs.all.map(({ spec }) => spec.id);
  }

  getTreeItem(id: string): vscode.TreeItem {
    const run = this.runs.get(id);
    if (!run) return new vscode.TreeItem(id);
    const status = this.runs.statusOf(run);
    const inUse = this.inUse() === id;
    const item = new vscode.TreeItem(visible(run.spec.name));
    item.id = id;
    item.description = runDescription(run, status, inUse);
    const doneSuffix = status !== 'done' && hasResult(run, status) ? ' done' : '';
    item.contextValue = (canResume(run) ? contextValues[status] : status) + doneSuffix;
    const [icon, colour] = inUse ? ['sparkle', 'charts.yellow'] : icons[status];
    item.iconPath = new vscode.ThemeIcon(icon!, colour ? new vscode.ThemeColor(colour) : undefined);
    item.accessibilityInformation = { label: `${run.spec.name}, ${item.description}` };
    item.command = { command: 'forgetMeNot.showResults', title: t('Show Results'), arguments: [id] };
    return item;
  }

  /** Builds the tooltip only when the pointer rests on a row, so that it is up to date. */
  resolveTreeItem(item: vscode.TreeItem, id: string): vscode.TreeItem {
    const run = this.runs.get(id);
    if (run) item.tooltip = tooltip(runTooltip(run, this.runs.statusOf(run)));
    return item;
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }
}
