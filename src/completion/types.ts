/** What goes in and out of the completion core. No editor and no engine in here. */

/** A document at the cursor. Positions are in UTF-16 units, as editors count. */
export interface CursorDocument {
  path: string;
  /** The editor's language identifier, such as `typescript`. */
  languageId: string;
  before: string;
  after: string;
}

/** What the engine is asked for. */
export interface CompletionAsk {
  /** Adapter or model name. */
  model: string;
  prompt: string;
  /** Only for bases with fill-in-the-middle tokens. */
  suffix?: string;
  maxTokens: number;
  stop: string[];
}

/** How far a completion may reach: to the end of the line, or over the lines of a block. */
export type Reach = 'line' | 'block';
