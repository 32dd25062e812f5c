/** Input and output of the completion core, which knows neither an editor nor a server. */

/** A document at the cursor. Lengths are in UTF-16 units, as in editors. */
export interface CursorDocument {
  path: string;
  /** The editor's language identifier, such as `typescript`. */
  languageId: string;
  before: string;
  after: string;
  /** Whether its lines end with "\r\n"; by default, if the text around the cursor has such a line end. */
  crlf?: boolean;
  /** Number of further characters before `before` and after `after`, if these are not the whole document. */
  hidden?: { before: number; after: number };
  /** The file's location, for the prompt; required for parts of other files in the prompt. */
  place?: RepositoryPath;
}

/** A document at the cursor, and the adapter or model that completes it. */
export interface CompletionPlace extends CursorDocument {
  adapter: string;
}

/** The user's settings, given with each request, so that a change takes effect at once. */
export interface CompletionSettings {
  /** Longest completion, in tokens. */
  maxTokens: number;
  /** Debounce before the model is queried, in ms; 0 means none. By default it adapts to the user's typing speed. */
  debounceMs?: number;
  /** Minimum chance (0 to 1) a suggestion needs to be shown, unless requested by a key. Default: 0, show everything. */
  minChance?: number;
  /** Factor on the model's probabilities for what is worth a look (answer/trust.ts). Default: 1. */
  trust?: number;
}

export interface RepositoryPath {
  /** The workspace folder's name. */
  repository: string;
  /** Path relative to the workspace folder, with slashes. */
  path: string;
}

/** A file that is open or was open recently. */
export interface OtherFile {
  /** Path relative to the workspace folder, with slashes. */
  path: string;
  text: string;
}

/** A snippet of another file in the prompt. */
export interface ContextFile {
  filename: string;
  text: string;
}

/** A request to the model. */
export interface ModelRequest {
  /** Adapter or model name. */
  model: string;
  prompt: string;
  /** Only with `suffix`: the beginning of the gap, which is already typed. It comes after `prompt`. */
  begun?: string;
  /**
   * The text between that and the cursor (token healing). It may be only the beginning of a token, which would mislead
   * the model, so the model generates it again and returns only what comes after it.
   */
  heal?: string;
  /** Only for bases with fill-in-the-middle tokens. */
  suffix?: string;
  /** Snippets of other files, to be laid out in the base's format for repositories, with `place`'s file last. */
  context?: readonly ContextFile[];
  place?: RepositoryPath;
  maxTokens: number;
  stop: string[];
}

/** What the model answered, and why it ended: by itself or at a stop text, or at the token limit. */
export interface RawAnswer {
  text: string;
  finishReason: 'stop' | 'length';
}

/** The gap the model fills in. */
export interface Gap {
  /** The text before the gap, within the budget, and the text after the cursor. */
  prefix: string;
  suffix: string;
  /** The text between the start of the gap and the cursor. */
  begun: string;
}
