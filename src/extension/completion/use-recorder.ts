/**
 * Keeps what became of completions, where the person wants that: it goes to a thread that looks for secrets and writes it
 * into the data directory.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import * as vscode from 'vscode';
import { surroundings, type CursorDocument } from '../../completion/index.ts';
import { preferencesFile } from '../../preferences/store.ts';
import type { ToKeep, ToKeeper } from '../../preferences/keeper.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { LONGEST_LATER, type Preference } from '../../protocol/preferences.ts';
import type { Outcome, OutcomeListener } from './acceptance.ts';
import { settings } from '../settings.ts';

/** VS Code waits five seconds for its extensions, and no longer. */
const CLOSING_MS = 4000;

/** A completion that is shown now. */
export interface ShownNow {
  run: RunSnapshot;
  document: vscode.TextDocument;
  /** As it was asked about, up to where the completion begins. */
  at: CursorDocument;
  /** Where the text begins that was to follow the completion, in UTF-16 units. */
  end: number;
}

export class UseRecorder {
  private worker: Worker | undefined;
  private forgottenAt = 0;

  /**
   * @param script of the thread
   * @param closingMs how long closing waits at most for what is still to be written
   */
  constructor(
    private readonly script: string,
    private readonly warn: (message: string) => void,
    private readonly closingMs = CLOSING_MS,
  ) {}

  /** Hears what becomes of a completion; undefined where nothing is kept. */
  listenerFor({ run, document, at, end }: ShownNow): OutcomeListener | undefined {
    const folder = vscode.workspace.getWorkspaceFolder(document.uri);
    if (!wanted() || !at.place || folder?.uri.scheme !== 'file') return undefined;
    const { prefix, suffix } = surroundings(at);
    const began = new Date();
    const { id, sha256 } = run.spec.base;
    const known = {
      time: began.toISOString(),
      ...at.place,
      languageId: at.languageId,
      prefix,
      suffix,
      run: run.spec.id,
      base: { id, sha256 },
    };
    return {
      end,
      line: at.before.slice(at.before.lastIndexOf('\n') + 1),
      tell: (outcome) => {
        // What was shown before they were deleted is gone too.
        if (!wanted() || began.getTime() <= this.forgottenAt) return;
        this.keep({ file: preferencesFile(folder.uri.fsPath), preference: { ...known, ...plain(outcome) } });
      },
    };
  }

  /** Keeps nothing of what has been shown up to now. */
  forget(): void {
    this.forgottenAt = Date.now();
  }

  private keep(record: ToKeep): void {
    this.worker ??= this.start();
    this.worker.postMessage(record satisfies ToKeeper);
  }

  private start(): Worker {
    const worker = new Worker(this.script, { execArgv: [] });
    worker.unref();
    const failed = (message: unknown) =>
      this.warn(`What became of a completion was not kept: ${String(message)}`);
    worker.on('message', failed);
    worker.on('error', (error) => {
      failed(error.message);
      this.worker = undefined;
    });
    return worker;
  }

  /** Comes back when all that it was told of is written. */
  async close(): Promise<void> {
    const { worker } = this;
    if (!worker) return;
    this.worker = undefined;
    worker.ref();
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('end' satisfies ToKeeper);
    await Promise.race([ended, sleep(this.closingMs, undefined, { ref: false })]);
    await worker.terminate();
  }
}

const wanted = () => settings.learnFromUse && vscode.workspace.isTrusted;

/** Models know one kind of line end. */
function plain({ shown, accepted, later, seconds }: Outcome) {
  const unix = (text: string) => text.replaceAll('\r\n', '\n');
  return {
    shown: unix(shown),
    accepted: unix(shown.slice(0, accepted)).length,
    later: unix(later).slice(0, LONGEST_LATER),
    seconds,
  } satisfies Partial<Preference>;
}
