/** The services that every part of the extension may use; created by the context. */
import type * as vscode from 'vscode';
import type { NodeCommand } from '../platform/processes/node.ts';
import type { RunSnapshot } from '../protocol/panel.ts';
import type { Children } from './children.ts';
import type { Log } from './log.ts';
import type { RunWatcher } from './runs/run-watcher.ts';
import type { Store } from './store.ts';

export interface Services {
  readonly extension: vscode.ExtensionContext;
  readonly log: Log;
  readonly store: Store;
  readonly children: Children;
  readonly runs: RunWatcher;
  /** Path of a bundle next to extension.cjs. */
  bundle(name: string): string;
  /** The Node that child processes run on; looked up once. */
  node(): Promise<NodeCommand>;
  /** Whether a run belongs to this window: a folder of it is open here. */
  isHere(run: RunSnapshot): boolean;
}
