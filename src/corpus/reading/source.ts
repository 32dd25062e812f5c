/** Where documents come from: a folder's files, a data set's rows, instruction pairs. */

/** A run of text in a document. */
export interface Piece {
  text: string;
  /** Counts in the loss; else it is only read. */
  learned: boolean;
  /** Special tokens in the text are meant as such: a chat template's own words, never a person's. */
  special?: boolean;
}

export interface SourceDocument {
  /** For the manifest and the person: a path relative to the folder with "/", or "row 12". */
  path: string;
  pieces: Piece[];
  /** It goes on elsewhere: no end follows its text. */
  unfinished?: boolean;
}
