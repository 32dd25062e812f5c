/**
 * Snippets of the repository in the prompt: requested when the cursor has moved or a file of theirs has changed, kept
 * otherwise, and combined with windows of open files under one budget. A source that is late or fails does not hold up
 * the completion.
 */
import { OtherFiles } from './other-files.ts';
import { wellFormed } from '../code/text.ts';
import type { ContextFile, CursorDocument, OtherFile } from '../types.ts';
import { fullLengths } from './window.ts';

/** Longest wait for the snippets; if they come later, the next request uses them. */
const DEADLINE_MS = 50;
/**
 * Characters the cursor may move before a new choice. Requests do not count: each keystroke makes one, and on a slow
 * machine it takes thirty keystrokes until the prompt with a new choice has been read.
 */
const MOVE = 1200;
/** Requests before a new choice if there are no snippets: nobody says whether open files have changed. */
const REQUESTS = 30;
/** Fraction of the budget for snippets of the repository; open files get the rest. */
const SHARE = 0.75;

/** Returns snippets of files, at most `budget` characters, the most useful last. */
export type PartsSource = (document: CursorDocument, budget: number) => Promise<readonly ContextFile[]>;

export interface PromptSources {
  files?: (() => readonly OtherFile[]) | undefined;
  parts?: PartsSource | undefined;
}

interface Selection {
  path: string;
  /** The document's name in prompts. */
  filename: string | undefined;
  at: number;
  requests: number;
  /** Undefined while the source has not answered. */
  parts?: readonly ContextFile[];
  budget: number;
  /** Resolves when the source has answered, or at the deadline. */
  asked?: Promise<void>;
  /** The previous context of this document's prompts, which the model has read. */
  before?: readonly ContextFile[] | undefined;
  context: readonly ContextFile[] | undefined;
  /** One of its files has changed. */
  stale?: boolean;
}

export class RepositoryParts {
  private readonly openFiles = new OtherFiles();
  private selection: Selection | undefined;

  constructor(private readonly sleep: (milliseconds: number) => Promise<void>) {}

  /**
   * The snippets of other files in a prompt, at most `budget()` characters; `budget` is called only for a new choice.
   */
  async choose(
    document: CursorDocument,
    { files, parts }: PromptSources,
    budget: () => number,
  ): Promise<readonly ContextFile[]> {
    const open = files ?? (() => []);
    const selection = this.current(document) ?? this.request(document, parts, budget());
    if (!selection.parts) await selection.asked;
    return this.combine(selection, document, open);
  }

  /** The current selection, if the cursor is still near its place and no file may have changed. */
  private current(document: CursorDocument): Selection | undefined {
    const { selection } = this;
    if (selection?.path !== document.path || selection.stale) return undefined;
    selection.requests += 1;
    const moved = Math.abs(selection.at - fullLengths(document).before);
    const hadParts = selection.parts?.length !== 0;
    return moved < MOVE && (hadParts || selection.requests < REQUESTS) ? selection : undefined;
  }

  private request(document: CursorDocument, source: PartsSource | undefined, budget: number): Selection {
    const at = fullLengths(document).before;
    const last = this.selection?.path === document.path ? this.selection : undefined;
    const before = (last?.parts && last.context) ?? last?.before;
    const selection: Selection = {
      path: document.path,
      filename: document.place?.path,
      at,
      requests: 0,
      budget,
      before,
      context: undefined,
    };
    this.selection = selection;
    if (!source) selection.parts = [];
    else {
      const answered = source(document, Math.floor(budget * SHARE))
        .catch(() => [])
        .then((parts: readonly ContextFile[]) => {
          selection.parts = parts.map(({ filename, text }) => ({ filename, text: wellFormed(text) }));
          // Windows of open files were chosen without them: choose again.
          selection.context = undefined;
        });
      selection.asked = Promise.race([answered, this.sleep(DEADLINE_MS)]);
    }
    return selection;
  }

  private combine(selection: Selection, document: CursorDocument, files: () => readonly OtherFile[]) {
    if (selection.context) return selection.context;
    // A new prompt now, and another once the snippets are here, would both be read from scratch.
    if (!selection.parts && selection.before) return selection.before;
    const parts = selection.parts ?? [];
    const used = parts.reduce((sum, { text }) => sum + text.length, 0);
    const windows = this.openFiles.choose(document, files(), selection.budget - used);
    selection.context = [...windows.filter((window) => !repeats(window, parts)), ...parts];
    return selection.context;
  }

  /** See Completer. */
  filesChanged(paths: readonly string[]): void {
    const { selection } = this;
    if (!selection) return;
    const { filename: own, parts = [], context = [] } = selection;
    const isChanged = ({ filename }: ContextFile) =>
      // The document changes with each key.
      filename !== own && paths.some((path) => filename === path || filename.startsWith(`${path}/`));
    if ([...parts, ...context].some(isChanged)) selection.stale = true;
  }

  forget(): void {
    this.openFiles.forget();
    this.selection = undefined;
  }
}

/** Whether most of a window's lines are in a snippet of the same file. */
function repeats(window: ContextFile, parts: readonly ContextFile[]): boolean {
  const part = parts.filter(({ filename }) => filename === window.filename).map(({ text }) => text);
  if (part.length === 0) return false;
  const has = new Set(part.join('\n').split('\n'));
  const lines = window.text.split('\n').filter((line) => line.trim());
  return lines.filter((line) => has.has(line)).length * 2 > lines.length;
}
