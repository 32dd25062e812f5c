/**
 * Records what the user did with completions, if the setting is on. A worker thread looks for secrets and writes the
 * records into the data directory.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import * as vscode from 'vscode';
import { surroundings, type CursorDocument } from '../../completion/index.ts';
import { preferencesFile } from '../../corpus/preferences/store.ts';
import type { KeepRequest, KeeperMessage } from '../../corpus/preferences/keeper.ts';
import { startThread } from '../../platform/processes/start.ts';
import { LONGEST_LATER, type Preference } from '../../protocol/preferences.ts';
import type { Outcome, OutcomeListener } from './acceptance.ts';
import type { CompletionModel } from './completion-model.ts';
import { settings } from '../settings.ts';

/** VS Code waits at most five seconds for its extensions to close. */
const CLOSING_MS = 4000;

/** A completion that is shown now. */
export interface ShownNow {
  model: Pick<CompletionModel, 'id' | 'base'>;
  document: vscode.TextDocument;
  /** The document as in the request, up to where the completion begins. */
  at: CursorDocument;
  /** Where the text after the completion begins, in UTF-16 units. */
  end: number;
}

export class UseRecorder {
  private worker: Worker | undefined;
  private forgottenAt = 0;

  /**
   * @param script of the worker thread
   * @param closingMs the longest that closing waits for records to be written
   */
  constructor(
    private readonly script: string,
    private readonly warn: (message: string) => void,
    private readonly closingMs = CLOSING_MS,
  ) {}

  /** The listener that records the outcome of a completion; undefined if nothing is recorded. */
  listenerFor({ model, document, at, end }: ShownNow): OutcomeListener | undefined {
    const folder = vscode.workspace.getWorkspaceFolder(document.uri);
    // What a model elsewhere wrote says nothing about a base of this machine.
    if (!wanted() || !model.base || !at.place || folder?.uri.scheme !== 'file') return undefined;
    const { prefix, suffix } = surroundings(at);
    const began = new Date();
    const { id, sha256 } = model.base;
    const known = {
      time: began.toISOString(),
      ...at.place,
      languageId: at.languageId,
      prefix,
      suffix,
      run: model.id,
      base: { id, sha256 },
    };
    return {
      end,
      line: at.before.slice(at.before.lastIndexOf('\n') + 1),
      tell: (outcome) => {
        // Completions shown before the records were deleted are not recorded either.
        if (!wanted() || began.getTime() <= this.forgottenAt) return;
        this.keep({ file: preferencesFile(folder.uri.fsPath), preference: { ...known, ...plain(outcome) } });
      },
    };
  }

  /** Drops the outcomes of all completions shown up to now. */
  forget(): void {
    this.forgottenAt = Date.now();
  }

  private keep(record: KeepRequest): void {
    this.worker ??= this.start();
    this.worker.postMessage(record satisfies KeeperMessage);
  }

  private start(): Worker {
    const worker = startThread(this.script);
    worker.unref();
    const failed = (message: unknown) => this.warn(`A completion was not recorded: ${String(message)}`);
    worker.on('message', failed);
    worker.on('error', (error) => {
      failed(error.message);
      this.worker = undefined;
    });
    return worker;
  }

  /** Resolves when all records are written, or after `closingMs`. */
  async close(): Promise<void> {
    const { worker } = this;
    if (!worker) return;
    this.worker = undefined;
    worker.ref();
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('end' satisfies KeeperMessage);
    await Promise.race([ended, sleep(this.closingMs, undefined, { ref: false })]);
    await worker.terminate();
  }
}

const wanted = () => settings.learnFromUse && vscode.workspace.isTrusted;

/** Converts to Unix line ends, the only ones that models see. */
function plain({ shown, accepted, later, seconds }: Outcome) {
  const unix = (text: string) => text.replaceAll('\r\n', '\n');
  return {
    shown: unix(shown),
    accepted: unix(shown.slice(0, accepted)).length,
    later: unix(later).slice(0, LONGEST_LATER),
    seconds,
  } satisfies Partial<Preference>;
}
