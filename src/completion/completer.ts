/** What the completion core is asked, and what it answers. */
import type { Calibration } from './answer/chance.ts';
import type { ContextBudget } from './prompt/context.ts';
import type { OnPiece } from './fetch.ts';
import type { PartsSource } from './prompt/repository-parts.ts';
import type { CompletionStatistics } from './statistics.ts';
import type { AskedPlace, ContextFile, ModelRequest, OtherFile } from './types.ts';

export interface CompleterOptions {
  /**
   * Asks the model, and must stop it when the signal aborts. If it calls `onText` with each piece as it is generated,
   * the first line is shown before the rest, and the model is stopped when the block has ended. With a piece may come
   * its log-probability, in nats: how likely the model finds it.
   */
  request: (request: ModelRequest, signal: AbortSignal, onText: OnPiece) => Promise<string>;
  /** Whether the base has fill-in-the-middle tokens; may take a while if the server has to start. */
  fillInTheMiddle: () => boolean | Promise<boolean>;
  /** Longest completion in tokens; read at every request. */
  maxTokens: () => number;
  /** Pause before the model is asked, in ms; 0: none. By default the pause follows the person's typing. */
  debounceMs?: number;
  budget?: ContextBudget;
  /** How the model's own certainty becomes a chance. */
  calibration?: Calibration;
  /** Told how long the model took until there was something to show, or nothing. */
  onAnswer?: (milliseconds: number) => void;
  /** While a completion is shown, request what follows it. */
  ahead?: boolean;
  /** The adapters were trained on whole repositories (see PromptOptions). */
  wholeRepositories?: boolean;
  /** Monotonic clock, in milliseconds. */
  now?: () => number;
  sleep?: (milliseconds: number) => Promise<void>;
}

export interface CompleteInput extends AskedPlace {
  /** Length of the selection at each cursor; `[0]` is one cursor without a selection. */
  selections?: readonly number[];
  /** Requested with a key: without a pause, and also in places where typing requests nothing. */
  invoked?: boolean;
  /** Least chance, from 0 to 1, of what is shown unless it was requested with a key. Default: 0, everything. */
  least?: number;
  /** Files that are or were open, the most recent first; called only now and then. Needs `place`. */
  files?: () => readonly OtherFile[];
  /** Parts of the repository's files; asked now and then. Needs `place`. */
  parts?: PartsSource;
  /** Parts of other files, if they are already chosen. */
  context?: readonly ContextFile[];
  signal?: AbortSignal;
}

export interface Completion {
  text: string;
  source: 'cache' | 'model';
  /** The text is a first line, and more is being generated. Resolves to whether asking again now gives a longer one. */
  more?: Promise<boolean>;
  /** So many milliseconds it is not to be shown, because the person types; a key in that time makes it obsolete. */
  delay: number;
}

export interface Completer {
  /** What to show at the cursor, or undefined. Throws the errors of `request`, unless nobody waits any more. */
  complete(input: CompleteInput): Promise<Completion | undefined>;
  /** Other completions than `shown`, for a person who asks for more. Throws the errors of `request`. */
  alternatives(input: CompleteInput, shown: string): Promise<string[]>;
  /**
   * Lets the model read the prompt of a place where somebody may write next, so that the first answer comes sooner.
   * Does nothing while something else is asked; the next request ends it, and goes on from what was read.
   */
  readAhead(input: CompleteInput): Promise<void>;
  /** The adapter's figures since this completer was created. */
  statistics(adapter: string): Readonly<CompletionStatistics>;
  /** Stops requests and forgets answers, because there is another base or server. */
  reset(): void;
}
