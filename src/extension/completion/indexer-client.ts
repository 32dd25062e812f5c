/** Client of the indexer, a separate process: passes on changes, and requests snippets for a prompt. */
import type { ChildProcess } from 'node:child_process';
import * as vscode from 'vscode';
import {
  defaultBudget,
  INDEX_WINDOW,
  type ContextFile,
  type CursorDocument,
} from '../../completion/index.ts';
import { callsOver, type Calls } from '../../platform/processes/calls.ts';
import { endOf, startNode } from '../../platform/processes/start.ts';
import type { NamedFolder } from '../../protocol/folders.ts';
import type { Asked, IndexerCalls, IndexerOwnerCalls } from '../../protocol/repository.ts';
import type { Services } from '../services.ts';
import { settings } from '../settings.ts';
import { placeOf, rootOf } from './recent-files.ts';
import { RecentEdits } from './recent-edits.ts';

/** Changes on disk come in bursts: those within this time are sent together. */
const CHANGES_MS = 300;
/** Pause in typing after which a document's text is sent. */
const TYPING_PAUSE_MS = 500;
/** Longer documents are probably data; see the limit in src/repository/folder-index.ts. */
const MAX_CHARACTERS = 400_000;
const MAX_LINES = 20_000;
/** A process that keeps ending is not started again. */
const MAX_STARTS = 3;
/** One that ran for longer than this does not keep ending. */
const STEADY_MS = 10 * 60_000;
/** A process that is silent for this long while questions wait is suspended or hangs; messages to it would pile up. */
const ANSWER_TIMEOUT_MS = 120_000;
/** A longer edit is probably data. */
const MAX_EDIT_CHARACTERS = 4000;

export interface PartsQuestion {
  document: vscode.TextDocument;
  position: vscode.Position;
  at: CursorDocument;
  /** Folders that the model has learned. */
  learned: readonly Pick<NamedFolder, 'path'>[];
  /** Characters of all parts. */
  budget: number;
}

export class IndexerClient implements vscode.Disposable {
  private readonly edits = new RecentEdits();
  private child: ChildProcess | undefined;
  private starting: Promise<void> | undefined;
  private starts = 0;
  private startedAt = 0;
  private calls: Calls<IndexerCalls> | undefined;
  /** Questions without an answer yet. */
  private waiting = 0;
  private answerTimer: NodeJS.Timeout | undefined;
  private changedFiles = new Set<string>();
  private changesTimer: NodeJS.Timeout | undefined;
  private readonly typingTimers = new Map<vscode.TextDocument, NodeJS.Timeout>();
  private watchers: vscode.Disposable | undefined;
  private disposed = false;

  /** `onChanged` is told files and folders (absolute paths) once the index knows their new state. */
  constructor(
    private readonly services: Pick<Services, 'bundle' | 'node' | 'log'>,
    private readonly onChanged: (files: readonly string[]) => void,
  ) {}

  /** The parts of the repository that belong in the prompt; none until the index is ready. Starts the indexer. */
  async parts(question: PartsQuestion): Promise<readonly ContextFile[]> {
    if (!settings.repositoryInPrompt() || !vscode.workspace.isTrusted) return [];
    const { document, learned } = question;
    const [place, root] = [placeOf(document, learned), rootOf(document, learned)];
    if (!place || root === undefined || document.uri.scheme !== 'file') return [];
    await this.start();
    const { calls } = this;
    if (!calls) return [];
    this.waiting += 1;
    if (this.answerTimer === undefined) this.restartAnswerTimer();
    try {
      const parts = await calls.parts(root, this.buildQuestion(question, place.path));
      return parts.map(({ filename, text }) => ({ filename, text }));
    } catch {
      // The process has ended.
      return [];
    } finally {
      this.waiting -= 1;
      if (calls === this.calls) this.restartAnswerTimer();
    }
  }

  private buildQuestion({ document, position, at, learned, budget }: PartsQuestion, path: string): Asked {
    const folder = rootOf(document, learned);
    const edits = this.edits
      .elsewhere(document, position.line)
      .filter((edit) => edit.text.length <= MAX_EDIT_CHARACTERS && rootOf(edit.document, learned) === folder)
      .map((edit) => ({ path: placeOf(edit.document, learned)?.path ?? '', text: edit.text }));
    return {
      path,
      languageId: at.languageId,
      line: position.line,
      shown: defaultBudget,
      budget,
      edits,
      before: at.before.slice(-INDEX_WINDOW.before),
      after: at.after.slice(0, INDEX_WINDOW.after),
    };
  }

  private start(): Promise<void> {
    this.starting ??= this.launch().catch((error: unknown) => {
      this.starting = undefined;
      this.services.log.warn(`No index: ${String(error)}`);
    });
    return this.starting;
  }

  private async launch(): Promise<void> {
    const { command, env } = await this.services.node();
    // It was stopped meanwhile, and another launch was faster.
    if (this.child) return;
    if (this.disposed || !settings.repositoryInPrompt()) {
      this.starting = undefined;
      return;
    }
    const folders = vscode.workspace.workspaceFolders?.filter(({ uri }) => uri.scheme === 'file') ?? [];
    if (folders.length === 0) return;
    const { log } = this.services;
    this.starts += 1;
    if (this.starts > MAX_STARTS)
      return log.warn(
        'The index keeps ending and is not started again: to try, turn forgetMeNot.completion.repository off and on.',
      );
    this.startedAt = performance.now();
    const paths = folders.map(({ uri }) => uri.fsPath);
    const child = startNode(this.services.bundle('indexer.mjs'), paths, {
      ...{ command, env },
      // A small young generation: there are many objects, and few survive.
      flags: ['--max-semi-space-size=4'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      serialization: 'advanced',
    });
    this.child = child;
    this.calls = callsOver<IndexerCalls, IndexerOwnerCalls>(child, {
      indexed({ folder, files, read, seconds, memoryBytes }) {
        const megabytes = Math.round(memoryBytes / 1e6);
        log.info(
          `index: ${folder} has ${files} files, ${read} read in ${seconds.toFixed(1)} s, ${megabytes} MB`,
        );
      },
      warning: (message) => log.warn(`index: ${message}`),
    });
    child.on('message', () => this.restartAnswerTimer());
    void endOf(child, 'exit').then(({ how, error }) => {
      if (!this.ended(child)) return;
      log.warn(error ? `The index could not be started: ${error.message}` : `The index has ended (${how})`);
    });
    this.watchers ??= this.watch();
    for (const document of vscode.workspace.textDocuments) if (document.isDirty) this.sendText(document);
  }

  private killUnresponsive(): void {
    const { child } = this;
    if (!child || !this.ended(child)) return;
    this.services.log.warn('The index does not answer, and was ended.');
    child.kill('SIGKILL');
  }

  /** Call this when it has sent a message, got a question, or ended. */
  private restartAnswerTimer(): void {
    clearTimeout(this.answerTimer);
    this.answerTimer =
      this.waiting > 0 ? setTimeout(() => this.killUnresponsive(), ANSWER_TIMEOUT_MS) : undefined;
  }

  /** False if it had been stopped before. */
  private ended(child: ChildProcess): boolean {
    if (this.child !== child) return false;
    this.child = undefined;
    this.starting = undefined;
    if (performance.now() - this.startedAt > STEADY_MS) this.starts = 0;
    this.calls?.$close();
    this.calls = undefined;
    clearTimeout(this.answerTimer);
    this.answerTimer = undefined;
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
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.sendTextSoon(document)),
      vscode.workspace.onDidSaveTextDocument((document) => this.discardText(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.discardText(document)),
      // The folders are arguments.
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.stop()),
    );
  }

  private changed(file: string): void {
    this.changedFiles.add(file);
    this.changesTimer ??= setTimeout(() => {
      const files = [...this.changedFiles];
      void this.announce(files, this.calls?.changed(files));
      this.changedFiles = new Set();
      this.changesTimer = undefined;
    }, CHANGES_MS);
  }

  private async announce(files: readonly string[], known: Promise<void> | undefined): Promise<void> {
    // The process may end meanwhile.
    await known?.catch(() => undefined);
    if (!this.disposed) this.onChanged(files);
  }

  private sendTextSoon(document: vscode.TextDocument): void {
    if (document.uri.scheme !== 'file' || document.lineCount > MAX_LINES) return;
    clearTimeout(this.typingTimers.get(document));
    this.typingTimers.set(
      document,
      setTimeout(() => this.sendText(document), TYPING_PAUSE_MS),
    );
  }

  private sendText(document: vscode.TextDocument): void {
    this.typingTimers.delete(document);
    if (document.uri.scheme !== 'file' || document.lineCount > MAX_LINES) return;
    // Otherwise undone to what is on disk, or reloaded from there.
    const text = document.isDirty ? document.getText() : undefined;
    if (text !== undefined && text.length > MAX_CHARACTERS) return;
    const { fsPath } = document.uri;
    void this.announce([fsPath], this.calls?.document(fsPath, text));
  }

  private discardText(document: vscode.TextDocument): void {
    clearTimeout(this.typingTimers.get(document));
    this.typingTimers.delete(document);
    if (document.uri.scheme === 'file') void this.calls?.document.asEvent(document.uri.fsPath);
  }

  /** Ends the process; the next question starts another. */
  stop(): void {
    const { child } = this;
    this.starting = undefined;
    this.starts = 0;
    if (!child) return;
    this.ended(child);
    // It writes its index and ends.
    if (child.connected) child.disconnect();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.changesTimer);
    for (const timer of this.typingTimers.values()) clearTimeout(timer);
    this.watchers?.dispose();
    this.edits.dispose();
    this.stop();
  }
}
