/** Calls between the extension host and the indexer of its workspace (platform/processes/calls.ts). */

/** The sources of snippets in a prompt; each can be left out to measure its value. */
export const partSources = ['definitions', 'own', 'callers', 'imports', 'similar', 'edits'] as const;
export type PartSource = (typeof partSources)[number];

/** A request for snippets at a cursor. Lengths are in UTF-16 units. */
export interface Asked {
  /** Relative to the repository, with "/". */
  path: string;
  languageId: string;
  /** The text around the cursor, or the nearest part of it. */
  before: string;
  after: string;
  /** The cursor's line in the file, from 0. */
  line: number;
  /** Characters of the file on each side of the cursor that the prompt contains anyway. */
  shown: { before: number; after: number };
  /** Maximum characters of all parts together. */
  budget: number;
  /** Lines that the user has just changed, newest first. Paths are like `path`. */
  edits: { path: string; text: string }[];
  /** Default: all. */
  sources?: PartSource[] | undefined;
}

/** A part of a file. Parts are in prompt order: the most useful one last. */
export interface Part {
  filename: string;
  text: string;
  sources: PartSource[];
}

/** Files and folders are absolute paths. Changes resolve once the index has them. */
export interface IndexerCalls {
  /** Files or folders were changed, created or deleted on disk. */
  changed(files: string[]): Promise<void>;
  /** The unsaved text of an open document; without `text`, the file on disk counts again. */
  document(file: string, text?: string): Promise<void>;
  /** `root`: the folder that `asked.path` is relative to. */
  parts(root: string, asked: Asked): Promise<Part[]>;
}

export interface Indexed {
  folder: string;
  files: number;
  /** Number of files that had to be read, because they are new or changed since last time. */
  read: number;
  seconds: number;
  memoryBytes: number;
}

export interface IndexerOwnerCalls {
  indexed(folder: Indexed): void;
  /** A problem that it works around. */
  warning(message: string): void;
}
