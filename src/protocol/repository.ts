/** Messages between the extension host and the indexer of its workspace, over Node's channel between parent and child. */
import { z } from 'zod';

/** Where parts of a prompt come from; each can be left out, to measure its worth. */
export const partSources = [
  'definitions',
  'own',
  'callers',
  'imports',
  'similar',
  'co-change',
  'edits',
  'diagnostics',
] as const;
export type PartSource = (typeof partSources)[number];

/** What a prompt at a cursor is made of. Lengths in UTF-16 units. */
export const askedSchema = z.object({
  /** Relative to the repository, with "/". */
  path: z.string(),
  languageId: z.string(),
  /** The text around the cursor, or the nearest part of it. */
  before: z.string(),
  after: z.string(),
  /** The cursor's line in the file, from 0. */
  line: z.int(),
  /** Characters of the file on each side of the cursor that the prompt has anyway. */
  shown: z.object({ before: z.int(), after: z.int() }),
  /** Most characters of all parts. */
  budget: z.int(),
  /** Lines that a person has just changed, the newest first. Paths like `path`. */
  edits: z.array(z.object({ path: z.string(), text: z.string() })),
  /** Errors and warnings on the cursor's lines, with the line of code. */
  problems: z.array(z.object({ message: z.string(), line: z.string() })),
  /** Default: those of src/repository/choose.ts. */
  sources: z.array(z.enum(partSources)).optional(),
});
export type Asked = z.infer<typeof askedSchema>;

/** A part of a file. In the order in which they belong into a prompt: the most useful one last. */
export const partSchema = z.object({
  filename: z.string(),
  text: z.string(),
  sources: z.array(z.enum(partSources)),
});
export type Part = z.infer<typeof partSchema>;

/** Files and folders are absolute paths. */
export const toIndexerSchema = z.discriminatedUnion('type', [
  /** Files or folders were changed, made or removed on disk. */
  z.object({ type: z.literal('changed'), files: z.array(z.string()) }),
  /** The unsaved text of an open document; without `text`, what is on disk counts again. */
  z.object({ type: z.literal('document'), file: z.string(), text: z.string().optional() }),
  /** Answered with `parts`. `root`: the folder that `path` is relative to. */
  z.object({ type: z.literal('ask'), id: z.int(), root: z.string(), asked: askedSchema }),
]);
export type ToIndexer = z.infer<typeof toIndexerSchema>;

export const fromIndexerSchema = z.discriminatedUnion('type', [
  /** A folder is indexed. `read`: files that had to be read, because they are new or changed since last time. */
  z.object({
    type: z.literal('indexed'),
    folder: z.string(),
    files: z.int(),
    read: z.int(),
    seconds: z.number(),
    memoryBytes: z.number(),
  }),
  z.object({ type: z.literal('parts'), id: z.int(), parts: z.array(partSchema) }),
  /** What went wrong and is done without. */
  z.object({ type: z.literal('warning'), message: z.string() }),
]);
export type FromIndexer = z.infer<typeof fromIndexerSchema>;
