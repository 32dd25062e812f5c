/** Documents from any source: files of a folder, rows of a data set, instruction pairs. */

/** A segment of a document's text. */
export interface Piece {
  text: string;
  /** Whether the text counts in the loss; otherwise it is only context. */
  learned: boolean;
  /**
   * Whether special tokens in the text are parsed as such. Only for a chat template's own text, never for user content.
   */
  special?: boolean;
}

export interface SourceDocument {
  /** For the manifest and for display: a path relative to the folder with "/", or "row 12". */
  path: string;
  pieces: Piece[];
  /**
   * Its source, if documents of another one follow: each is read up to the limit of tokens. The last one, at whose limit
   * reading ends, has no name.
   */
  source?: string;
  /** The text continues elsewhere: no end token follows it. */
  unfinished?: boolean;
  /** Documents with the same value here are held out together, because they reveal much about each other. */
  together?: string;
  /** Age relative to the history, from 0 (newest) to 1. If present, the newest documents are held out. */
  age?: number;
  /** Values of `together` whose documents it shows parts of: it is not learned if one of these is held out. */
  shows?: readonly string[];
  /** For a function: its code; for a commit: its diff. No code should be learned from one and held out in the other. */
  code?: string;
  diff?: string;
}
