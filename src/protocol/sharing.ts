/**
 * manifest.json of a published adapter: its description, and the checksum of each of its files. See
 * docs/file-formats.md.
 */
import { z } from 'zod';
import { blanked, isPlain } from '../text/foreign-text.ts';

/** The newest format. An adapter published by a newer version is refused rather than guessed at. */
export const SHARED_FORMAT = 1;
export const MANIFEST = 'manifest.json';

/**
 * A plain name without a path: nothing untrusted may decide where it is written. On Windows, some names are devices.
 */
const plainName = z
  .string()
  .regex(/^(?!(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))[a-z0-9](?:[\w.-]{0,98}[\w-])?$/i);
/** For display on one line: no line ends, and no terminal escapes or invisible characters. */
const plainText = z.string().max(2000).refine(isPlain);
/** Longer texts are truncated: the rest of a licence, for example, can be read at its source. */
const MAX_LINE_LENGTH = 500;

/**
 * Converts a text to the form allowed in the manifest: white space and characters that are not plain become spaces.
 * Pure.
 */
export function onOneLine(text: string): string {
  const line = blanked(text).replace(/\s+/g, ' ').trim();
  return line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH - 1)}…` : line;
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
  /** The run whose result it is, and the step of its weights. */
  run: plainName,
  step: z.int().min(0),
  /** What it learned and forgot. */
  sentence: plainText.optional(),
  base: z.object({ id: plainText, sha256, licence: plainText.optional() }),
  /** What it was trained on, without its text. */
  corpus: z.object({ digest: plainText.optional(), documents: z.int(), trainTokens: z.int() }).optional(),
  /** The publisher's note about its use. */
  licence: plainText.optional(),
  versions: z.record(plainText, plainText),
  files: z.array(sharedFileSchema).min(1).max(32),
});
export type SharedManifest = z.infer<typeof sharedManifestSchema>;

/** In run.json: where a fetched adapter came from. */
export const fetchedSchema = z.object({
  /** The folder, bucket or repository, without credentials. */
  from: z.string(),
  name: z.string(),
  version: z.int().min(1),
  publishedAt: z.string(),
  /** SHA-256 of its manifest, which contains those of all files. */
  sha256: z.string(),
  /** Its run id on the machine where it was trained. */
  run: z.string(),
  licence: z.string().optional(),
  /** The reference adapter that its training began with, and that its figures call before. It is not here. */
  reference: z.object({ sha256: z.string() }).optional(),
  /** The same if it began with the adapter of another run. */
  continues: z.object({ sha256: z.string() }).optional(),
});
export type Fetched = z.infer<typeof fetchedSchema>;

/** "parser version 3" */
export const sharedLabel = ({ name, version }: { name: string; version: number }): string =>
  `${name} version ${version}`;

export const isSharedName = (name: string): boolean => plainName.safeParse(name).success;
