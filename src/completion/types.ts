/** What goes in and out of the completion core. No editor and no engine in here. */

/** A document at the cursor. Positions are in UTF-16 units, as editors count. */
export interface CursorDocument {
  path: string;
  /** The editor's language identifier, such as `typescript`. */
  languageId: string;
  before: string;
  after: string;
  /** Characters of the document beyond these two, where they aren't the whole of it. */
  hidden?: { before: number; after: number };
  /** Where it is, as the model is told; needed for other files to be told too. */
  place?: RepositoryPath;
}

export interface RepositoryPath {
  /** The workspace folder's name. */
  repository: string;
  /** From the workspace folder on, with slashes. */
  path: string;
}

/** A file that is open, or was not long ago. */
export interface OtherFile {
  /** From the workspace folder on, with slashes. */
  path: string;
  text: string;
}

/** A part of another file, as the model gets to see it. */
export interface ContextFile {
  filename: string;
  text: string;
}

/** What the engine is asked for. */
export interface EngineRequest {
  /** Adapter or model name. */
  model: string;
  prompt: string;
  /**
   * What stands between `prompt` and the cursor: perhaps only the beginning of a token, after which the model would be
   * off its track. The engine writes it anew, as a part of what the model would say there, and does not tell it again.
   */
  heal?: string;
  /** Only for bases with fill-in-the-middle tokens. */
  suffix?: string;
  /** Parts of other files, which the engine lays out as the base knows repositories, with `place`'s file as the last. */
  context?: readonly ContextFile[];
  place?: RepositoryPath;
  maxTokens: number;
  stop: string[];
  /** With a seed, for another answer than the likeliest. */
  temperature?: number;
  seed?: number;
}

/** How far a completion may reach: to the end of the line, or over the lines of a block. */
export type Reach = 'line' | 'block';
