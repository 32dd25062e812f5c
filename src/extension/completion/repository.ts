/** The workspace's index, in a process of its own: passes on what changes, and asks for parts of a prompt. */
import type { ChildProcess } from 'node:child_process';
import * as vscode from 'vscode';
import { INDEX_WINDOW, type ContextFile, type CursorDocument } from '../../completion/index.ts';
import { callsOver, type Calls } from '../../platform/processes/calls.ts';
import { endOf, startNode } from '../../platform/processes/start.ts';
import type { NamedFolder } from '../../protocol/folders.ts';
import type { Asked, IndexerCalls, IndexerOwnerCalls } from '../../protocol/repository.ts';
import type { Services } from '../services.ts';
import { settings } from '../settings.ts';
import { placeOf, rootOf } from './recent-files.ts';
import { RecentEdits } from './recent-edits.ts';

/** Changes on disk come in crowds: these many ms of them are told at once. */
const CROWD_MS = 300;
/** Pause in typing after which a document's text is told. */
const TYPED_MS = 500;
/** Longer documents are data; see MOST_BYTES in src/repository/folder-index.ts. */
const MOST_CHARACTERS = 400_000;
const MOST_LINES = 20_000;
/** A process that keeps ending is not started again. */
const MOST_STARTS = 3;
/** One that says nothing for so long while questions wait is stopped, or hangs; what it is told would pile up. */
const PATIENCE_MS = 120_000;
/** Characters of an edit; a longer one is of data. */
const LONGEST_EDIT = 4000;
/** Lines around the cursor whose errors are told. */
const NEAR_LINES = 2;
const MOST_PROBLEMS = 3;

export interface PartsQuestion {
  document: vscode.TextDocument;
  position: vscode.Position;
  at: CursorDocument;
  /** Folders that the model has learned. */
  learned: readonly Pick<NamedFolder, 'path'>[];
  /** Characters that the prompt has of the document itself. */
  shown: Asked['shown'];
  /** Characters of all parts. */
  budget: number;
}

export class Repository implements vscode.Disposable {
  private readonly edits = new RecentEdits();
  private child: ChildProcess | undefined;
  private starting: Promise<void> | undefined;
  private starts = 0;
  private calls: Calls<IndexerCalls> | undefined;
  /** Questions without an answer yet. */
  private waiting = 0;
  private patience: NodeJS.Timeout | undefined;
  private crowd = new Set<string>();
  private crowdTimer: NodeJS.Timeout | undefined;
  private readonly typed = new Map<vscode.TextDocument, NodeJS.Timeout>();
  private watching: vscode.Disposable | undefined;
  private disposed = false;

  constructor(private readonly services: Pick<Services, 'bundle' | 'node' | 'log'>) {}

  /** The parts of the repository that belong into a prompt; none until the index is there. Starts it. */
  async parts(question: PartsQuestion): Promise<readonly ContextFile[]> {
    if (!settings.repositoryInPrompt || !vscode.workspace.isTrusted) return [];
    const { document, learned } = question;
    const [place, root] = [placeOf(document, learned), rootOf(document, learned)];
    if (!place || root === undefined || document.uri.scheme !== 'file') return [];
    await this.start();
    const { calls } = this;
    if (!calls) return [];
    this.waiting += 1;
    if (this.patience === undefined) this.waitOn();
    try {
      const parts = await calls.parts(root, this.asked(question, place.path));
      return parts.map(({ filename, text }) => ({ filename, text }));
    } catch {
      // It has ended.
      return [];
    } finally {
      this.waiting -= 1;
      if (calls === this.calls) this.waitOn();
    }
  }

  private asked({ document, position, at, learned, shown, budget }: PartsQuestion, path: string): Asked {
    const folder = rootOf(document, learned);
    const edits = this.edits
      .elsewhere(document, position.line)
      .filter((one) => one.text.length <= LONGEST_EDIT && rootOf(one.document, learned) === folder)
      .map((one) => ({ path: placeOf(one.document, learned)?.path ?? '', text: one.text }));
    return {
      ...{ path, languageId: at.languageId, line: position.line, shown, budget, edits },
      before: at.before.slice(-INDEX_WINDOW.before),
      after: at.after.slice(0, INDEX_WINDOW.after),
      problems: problemsAt(document, position.line),
    };
  }

  private start(): Promise<void> {
    this.starting ??= this.launch().catch((error: unknown) =>
      this.services.log.warn(`No index: ${String(error)}`),
    );
    return this.starting;
  }

  private async launch(): Promise<void> {
    const { command, env } = await this.services.node();
    if (this.disposed || !settings.repositoryInPrompt) {
      this.starting = undefined;
      return;
    }
    const folders = vscode.workspace.workspaceFolders?.filter(({ uri }) => uri.scheme === 'file') ?? [];
    if (folders.length === 0 || (this.starts += 1) > MOST_STARTS) return;
    const paths = folders.map(({ uri }) => uri.fsPath);
    const child = startNode(this.services.bundle('indexer.mjs'), paths, {
      ...{ command, env },
      // Little room for young objects: they are many, and none lives long.
      flags: ['--max-semi-space-size=4'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'advanced',
    });
    this.child = child;
    const { log } = this.services;
    this.calls = callsOver<IndexerCalls, IndexerOwnerCalls>(child, {
      indexed({ folder, files, read, seconds, memoryBytes }) {
        const megabytes = Math.round(memoryBytes / 1e6);
        log.info(
          `index: ${folder} has ${files} files, ${read} read in ${seconds.toFixed(1)} s, ${megabytes} MB`,
        );
      },
      warning: (message) => log.warn(`index: ${message}`),
    });
    child.on('message', () => this.waitOn());
    void endOf(child, 'exit').then(({ how, error }) => {
      if (!this.ended(child)) return;
      log.warn(error ? `The index could not be started: ${error.message}` : `The index has ended (${how})`);
    });
    this.watching ??= this.watch();
    for (const document of vscode.workspace.textDocuments) if (document.isDirty) this.tell(document);
  }

  private giveUp(): void {
    const { child } = this;
    if (!child || !this.ended(child)) return;
    this.services.log.warn('The index does not answer, and was ended.');
    child.kill('SIGKILL');
  }

  /** It said something, was asked something, or ended. */
  private waitOn(): void {
    clearTimeout(this.patience);
    this.patience = this.waiting > 0 ? setTimeout(() => this.giveUp(), PATIENCE_MS) : undefined;
  }

  /** False if it had been stopped before. */
  private ended(child: ChildProcess): boolean {
    if (this.child !== child) return false;
    this.child = undefined;
    this.starting = undefined;
    this.calls?.$close();
    this.calls = undefined;
    clearTimeout(this.patience);
    this.patience = undefined;
    return true;
  }

  private watch(): vscode.Disposable {
    const files = vscode.workspace.createFileSystemWatcher('**/*');
    const changed = ({ scheme, fsPath }: vscode.Uri) => {
      if (scheme === 'file') this.changed(fsPath);
    };
    return vscode.Disposable.from(
      files,
      files.onDidChange(changed),
      files.onDidCreate(changed),
      files.onDidDelete(changed),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.tellSoon(document)),
      vscode.workspace.onDidSaveTextDocument((document) => this.saved(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.saved(document)),
      // The folders are arguments.
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.stop()),
    );
  }

  private changed(file: string): void {
    this.crowd.add(file);
    this.crowdTimer ??= setTimeout(() => {
      void this.calls?.changed.asEvent([...this.crowd]);
      this.crowd = new Set();
      this.crowdTimer = undefined;
    }, CROWD_MS);
  }

  private tellSoon(document: vscode.TextDocument): void {
    if (document.uri.scheme !== 'file' || document.lineCount > MOST_LINES) return;
    clearTimeout(this.typed.get(document));
    this.typed.set(
      document,
      setTimeout(() => this.tell(document), TYPED_MS),
    );
  }

  private tell(document: vscode.TextDocument): void {
    this.typed.delete(document);
    if (document.uri.scheme !== 'file' || document.lineCount > MOST_LINES) return;
    // Undone to what is on disk, or read anew from there.
    if (!document.isDirty) return this.saved(document);
    const text = document.getText();
    if (text.length <= MOST_CHARACTERS) void this.calls?.document.asEvent(document.uri.fsPath, text);
  }

  private saved(document: vscode.TextDocument): void {
    clearTimeout(this.typed.get(document));
    this.typed.delete(document);
    if (document.uri.scheme === 'file') void this.calls?.document.asEvent(document.uri.fsPath);
  }

  /** Ends the process; the next question starts another. */
  stop(): void {
    const { child } = this;
    if (!child) return;
    this.ended(child);
    this.starts = 0;
    // It writes its index and ends.
    if (child.connected) child.disconnect();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.crowdTimer);
    for (const timer of this.typed.values()) clearTimeout(timer);
    this.watching?.dispose();
    this.edits.dispose();
    this.stop();
  }
}

function problemsAt(document: vscode.TextDocument, line: number): Asked['problems'] {
  return vscode.languages
    .getDiagnostics(document.uri)
    .filter(
      ({ severity, range }) =>
        severity <= vscode.DiagnosticSeverity.Warning && Math.abs(range.start.line - line) <= NEAR_LINES,
    )
    .slice(0, MOST_PROBLEMS)
    .map(({ message, range }) => ({
      message: message.slice(0, 300),
      line: document.lineAt(Math.min(range.start.line, document.lineCount - 1)).text.slice(0, 200),
    }));
}
