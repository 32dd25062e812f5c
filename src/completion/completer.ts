/** The interface of the completion core: its options, inputs and results. */
import type { Calibration } from './answer/chance.ts';
import type { DropReason } from './answer/clean-up.ts';
import type { ContextBudget } from './prompt/context.ts';
import type { OnPiece } from './fetch.ts';
import type { PartsSource } from './prompt/repository-parts.ts';
import type { CompletionStatistics } from './statistics.ts';
import type {
  CompletionPlace,
  CompletionSettings,
  ContextFile,
  ModelRequest,
  OtherFile,
  RawAnswer,
} from './types.ts';

export interface CompleterOptions {
  /**
   * Queries the model, and must stop it when the signal aborts. If it calls `onText` with each piece as it is
   * generated, the first line is shown before the rest, and the model is stopped at the end of the block. A piece may
   * come with its log-probability, in nats.
   */
  request: (request: ModelRequest, signal: AbortSignal, onText: OnPiece) => Promise<RawAnswer>;
  /** Whether the base has fill-in-the-middle tokens; may take a while if the server has to start. */
  fillInTheMiddle: () => boolean | Promise<boolean>;
  budget?: ContextBudget;
  /** Maps the model's log-probabilities to the chance that a suggestion is accepted. */
  calibration?: Calibration;
  /** Called with the time until the model had something to show, or why what it answered is not shown. */
  onAnswer?: (milliseconds: number, dropped: DropReason | undefined) => void;
  /** While a completion is shown, prefetch the one that follows it. */
  ahead?: boolean;
  /** The adapters were trained on whole repositories (see PromptOptions). */
  wholeRepositories?: boolean;
  /** Monotonic clock, in milliseconds. */
  now?: () => number;
  sleep?: (milliseconds: number) => Promise<void>;
}

export interface CompleteInput extends CompletionPlace, CompletionSettings {
  /** Length of the selection at each cursor; `[0]` is one cursor without a selection. */
  selections?: readonly number[];
  /** Requested explicitly, by a key: not debounced, and allowed where typing would request nothing. */
  invoked?: boolean;
  /** What was found here has waited until it may appear: it is shown whatever the time. */
  isDue?: boolean;
  /** Whether the editor would show a text here, as its suggestion list may be open; by default it would. */
  canShow?: (text: string) => boolean;
  /** Open and recently open files, most recent first; called only occasionally. Needs `place`. */
  files?: () => readonly OtherFile[];
  /** Source of snippets from the repository's files; called only occasionally. Needs `place`. */
  parts?: PartsSource;
  /** Snippets of other files, if the caller has already chosen them. */
  context?: readonly ContextFile[];
  signal?: AbortSignal;
}

export interface Completion {
  text: string;
  source: 'cache' | 'model';
  /**
   * Set if `text` is only the first line and more is being generated. Resolves to whether completing again gives a
   * longer text.
   */
  more?: Promise<boolean>;
  /** Milliseconds to wait before showing it, because the user is typing; a key pressed meanwhile makes it obsolete. */
  delay: number;
}

export interface Completer {
  /** What to show at the cursor, if anything. Throws the errors of `request`, unless the call was superseded. */
  complete(input: CompleteInput): Promise<Completion | undefined>;
  /**
   * Has the model read the prompt of a place where the user may type next, so that the first answer comes sooner. Does
   * nothing while a request is in flight; the next request aborts it and reuses the part that was read. Never rejects.
   */
  readAhead(input: CompleteInput): Promise<void>;
  /** Files or folders, named as in prompts, have changed: the next prompt has no earlier snippets of them. */
  filesChanged(paths: readonly string[]): void;
  /** The adapter's statistics since this completer was created. */
  statistics(adapter: string): Readonly<CompletionStatistics>;
  /** Stops requests and clears caches, because the base or the server has changed. */
  reset(): void;
}
