/**
 * Parts of the repository in the prompt: asked for when the cursor has moved on, kept while it stays near, and joined
 * with windows of open files under one budget. A source that is late or fails costs no completion.
 */
import { OtherFiles } from './other-files.ts';
import { wellFormed } from '../code/text.ts';
import type { ContextFile, CursorDocument, OtherFile } from '../types.ts';
import { lengthsOf } from './window.ts';

/** Longest wait for the parts; later ones are for the next request. */
const DEADLINE_MS = 50;
/**
 * Characters that the cursor may move before a new choice. Requests do not count: each key makes one, and on a slow
 * machine it takes thirty keys until the prompt with a new choice was read.
 */
const MOVE = 1200;
/** Requests before it is asked again after it had nothing: the index may not have been there. */
const REQUESTS = 30;
/** Share of the budget that parts of the repository may use; open files get the rest. */
const SHARE = 0.75;

/** Gives parts of files in at most `budget` characters, the most useful last. */
export type PartsSource = (document: CursorDocument, budget: number) => Promise<readonly ContextFile[]>;

export interface PromptSources {
  files?: (() => readonly OtherFile[]) | undefined;
  parts?: PartsSource | undefined;
}

interface Kept {
  path: string;
  at: number;
  requests: number;
  /** Undefined while the source has not answered. */
  parts?: readonly ContextFile[];
  budget: number;
  /** Resolves when the source has answered, or when nobody should wait for it any longer. */
  asked?: Promise<void>;
  /** What the document's prompts had until then: the model has read it. */
  before?: readonly ContextFile[] | undefined;
  context: readonly ContextFile[] | undefined;
}

export class RepositoryParts {
  private readonly others = new OtherFiles();
  private kept: Kept | undefined;

  constructor(private readonly sleep: (milliseconds: number) => Promise<void>) {}

  /** The other files in a prompt, in at most `budget()` characters, which is asked for a new choice only. */
  async choose(
    document: CursorDocument,
    { files, parts }: PromptSources,
    budget: () => number,
  ): Promise<readonly ContextFile[]> {
    const open = files ?? (() => []);
    const kept = this.near(document) ?? this.ask(document, parts, budget());
    if (!kept.parts) await kept.asked;
    return this.joined(kept, document, open);
  }

  /** The choice of before, if the cursor is still near its place. */
  private near(document: CursorDocument): Kept | undefined {
    const { kept } = this;
    if (kept?.path !== document.path) return undefined;
    kept.requests += 1;
    const moved = Math.abs(kept.at - lengthsOf(document).before);
    const had = kept.parts?.length !== 0;
    return moved < MOVE && (had || kept.requests < REQUESTS) ? kept : undefined;
  }

  private ask(document: CursorDocument, source: PartsSource | undefined, budget: number): Kept {
    const at = lengthsOf(document).before;
    const last = this.kept?.path === document.path ? this.kept : undefined;
    const before = last?.context ?? last?.before;
    const kept: Kept = { ...{ path: document.path, at, requests: 0, budget, before }, context: undefined };
    this.kept = kept;
    if (!source) kept.parts = [];
    else {
      const answered = source(document, Math.floor(budget * SHARE))
        .catch(() => [])
        .then((parts: readonly ContextFile[]) => {
          kept.parts = parts.map(({ filename, text }) => ({ filename, text: wellFormed(text) }));
          // What was chosen without them is chosen again.
          kept.context = undefined;
        });
      kept.asked = Promise.race([answered, this.sleep(DEADLINE_MS)]);
    }
    return kept;
  }

  private joined(kept: Kept, document: CursorDocument, files: () => readonly OtherFile[]) {
    if (kept.context) return kept.context;
    // Another prompt now, and yet another when the parts are here, would both be read anew.
    if (!kept.parts && kept.before) return kept.before;
    const parts = kept.parts ?? [];
    const used = parts.reduce((sum, { text }) => sum + text.length, 0);
    const windows = this.others.choose(document, files, kept.budget - used);
    const context = [...windows.filter((window) => !repeats(window, parts)), ...parts];
    // Until the parts are here, the windows' own rules decide how long they stay.
    if (kept.parts) kept.context = context;
    return context;
  }

  forget(): void {
    this.others.forget();
    this.kept = undefined;
  }
}

/** Whether most of a window's lines are in a part of the same file. */
function repeats(window: ContextFile, parts: readonly ContextFile[]): boolean {
  const part = parts.filter(({ filename }) => filename === window.filename).map(({ text }) => text);
  if (part.length === 0) return false;
  const has = new Set(part.join('\n').split('\n'));
  const lines = window.text.split('\n').filter((line) => line.trim());
  return lines.filter((line) => has.has(line)).length * 2 > lines.length;
}
