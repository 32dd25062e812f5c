/** Documents from any source: a folder's files, a data set's rows, instruction pairs. */

/** A run of text in a document. */
export interface Piece {
  text: string;
  /** Whether the text counts in the loss; else it is only context. */
  learned: boolean;
  /** Special tokens in the text are meant as such. Only for a chat template's own words, never a person's text. */
  special?: boolean;
}

export interface SourceDocument {
  /** For the manifest and for people: a path relative to the folder with "/", or "row 12". */
  path: string;
  pieces: Piece[];
  /** The text continues elsewhere: no end token follows it. */
  unfinished?: boolean;
  /** Documents with the same word here are held out together: each says much about the others. */
  together?: string;
  /** For what has a history: how far back it is, from 0 (newest) to 1. Then the newest are held out. */
  age?: number;
  /** A task of repeating an edit. */
  edit?: true;
}
