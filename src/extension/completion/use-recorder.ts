/**
 * Records what the user did with completions, if the setting is on. A worker thread filters out secrets and writes the
 * records to the data directory.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import * as vscode from 'vscode';
import { surroundings, type CursorDocument } from '../../completion/index.ts';
import { preferencesFile } from '../../corpus/preferences/store.ts';
import type { KeepRequest, KeeperMessage } from '../../corpus/preferences/keeper.ts';
import { startThread } from '../../platform/processes/start.ts';
import { MAX_LATER, type Preference } from '../../protocol/preferences.ts';
import type { Outcome, OutcomeListener } from './acceptance.ts';
import type { CompletionModel } from './completion-model.ts';
import { settings } from '../settings.ts';

/** VS Code waits at most five seconds for its extensions to close. */
const CLOSE_TIMEOUT_MS = 4000;

/** A completion that is being shown. */
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
   * @param closeTimeoutMs how long closing waits for records to be written
   */
  constructor(
    private readonly script: string,
    private readonly warn: (message: string) => void,
    private readonly closeTimeoutMs = CLOSE_TIMEOUT_MS,
  ) {}

  /** The listener that records the outcome of a completion; undefined if nothing is recorded. */
  listenerFor({ model, document, at, end }: ShownNow): OutcomeListener | undefined {
    const folder = vscode.workspace.getWorkspaceFolder(document.uri);
    // A remote model's text says nothing about a base on this machine.
    if (!isRecording() || !model.base || !at.place || folder?.uri.scheme !== 'file') return undefined;
    const { prefix, suffix } = surroundings(at);
    const shownAt = new Date();
    const { id, sha256 } = model.base;
    const fields = {
      time: shownAt.toISOString(),
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
      report: (outcome) => {
        // Completions shown before the records were deleted are not recorded either.
        if (!isRecording() || shownAt.getTime() <= this.forgottenAt) return;
        this.write({
          file: preferencesFile(folder.uri.fsPath),
          preference: { ...fields, ...withUnixLineEnds(outcome) },
        });
      },
    };
  }

  /** Drops the outcomes of all completions shown up to now. */
  forget(): void {
    this.forgottenAt = Date.now();
  }

  private write(record: KeepRequest): void {
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

  /** Resolves when all records are written, or after `closeTimeoutMs`. */
  async close(): Promise<void> {
    const { worker } = this;
    if (!worker) return;
    this.worker = undefined;
    worker.ref();
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('end' satisfies KeeperMessage);
    await Promise.race([ended, sleep(this.closeTimeoutMs, undefined, { ref: false })]);
    await worker.terminate();
  }
}

const isRecording = () => settings.recordCompletions() && vscode.workspace.isTrusted;

/** Converts to Unix line ends, the only ones that models see. */
function withUnixLineEnds({ shown, accepted, later, seconds }: Outcome) {
  const unix = (text: string) => text.replaceAll('\r\n', '\n');
  return {
    shown: unix(shown),
    accepted: unix(shown.slice(0, accepted)).length,
    later: unix(later).slice(0, MAX_LATER),
    seconds,
  } satisfies Partial<Preference>;
}
