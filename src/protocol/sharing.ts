/** manifest.json of a published adapter: what it is, and the checksum of each of its files. See docs/file-formats.md. */
import { z } from 'zod';
import { blanked, isPlain } from '../text/foreign-text.ts';

/** The newest format. An adapter that a newer version has published is refused, never guessed at. */
export const SHARED_FORMAT = 1;
export const MANIFEST = 'manifest.json';

/** One name, no path: nothing that comes from elsewhere may say where it is written. On Windows, some are devices. */
const plainName = z
  .string()
  .regex(/^(?!(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))[a-z0-9](?:[\w.-]{0,98}[\w-])?$/i);
/** For people, on one line: no line ends, and nothing that a terminal would obey or nobody would see. */
const plainText = z.string().max(2000).refine(isPlain);
/** A longer text is cut: the rest of a licence, say, is where the text came from. */
const LONGEST_LINE = 500;

/** A text as the manifest takes it: white space and what would not be plain become spaces. Pure. */
export function onOneLine(text: string): string {
  const line = blanked(text).replace(/\s+/g, ' ').trim();
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 1)}…` : line;
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const sharedFileSchema = z.object({ path: plainName, bytes: z.int().min(0), sha256 });
export type SharedFile = z.infer<typeof sharedFileSchema>;

export const sharedManifestSchema = z.object({
  format: z.literal(SHARED_FORMAT),
  name: plainName,
  /** Counts up from 1 for each name. */
  version: z.int().min(1),
  publishedAt: plainText,
  /** The run that it is the result of, and the step of its weights. */
  run: plainName,
  step: z.int().min(0),
  /** What it learned and forgot. */
  sentence: plainText.optional(),
  base: z.object({ id: plainText, sha256, licence: plainText.optional() }),
  /** What it was trained on, without its text. */
  corpus: z.object({ digest: plainText.optional(), documents: z.int(), trainTokens: z.int() }).optional(),
  /** What the person who published it says about its use. */
  licence: plainText.optional(),
  versions: z.record(plainText, plainText),
  files: z.array(sharedFileSchema).min(1).max(32),
});
export type SharedManifest = z.infer<typeof sharedManifestSchema>;

/** In run.json: where a fetched adapter came from. */
export const fetchedSchema = z.object({
  /** The folder, bucket or repository, without any credential. */
  from: z.string(),
  name: z.string(),
  version: z.int().min(1),
  publishedAt: z.string(),
  /** SHA-256 of its manifest, which has those of all files. */
  sha256: z.string(),
  /** The run that it was, on the machine where it was trained. */
  run: z.string(),
  licence: z.string().optional(),
});
export type Fetched = z.infer<typeof fetchedSchema>;

/** "parser version 3" */
export const sharedLabel = ({ name, version }: { name: string; version: number }): string =>
  `${name} version ${version}`;

export const isSharedName = (name: string): boolean => plainName.safeParse(name).success;
