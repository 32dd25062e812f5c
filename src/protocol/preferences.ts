/** What the user did with a shown completion: a line of a folder's preferences file. See docs/file-formats.md. */
import { z } from 'zod';

/** Longest `later`, in characters: longer than any completion. */
export const MAX_LATER = 4000;

export const preferenceSchema = z.object({
  /** When the completion was shown (ISO). */
  time: z.iso.datetime(),
  /** The workspace folder's name, and the file in it, with slashes. */
  repository: z.string(),
  path: z.string(),
  languageId: z.string(),
  /** The text before and after the place that was in the prompt; lines end with `\n`, here and in all texts below. */
  prefix: z.string(),
  suffix: z.string(),
  shown: z.string().min(1),
  /**
   * Length of the beginning of `shown` that was in the file when a part was last accepted with a key; 0 if none was.
   */
  accepted: z.int().min(0),
  /** The text at the place `seconds` later, or when its file was closed. */
  later: z.string().max(MAX_LATER),
  seconds: z.number().min(0),
  /** The model that completed: a run, or `base:` and the name of a base; and the base of either. */
  run: z.string(),
  base: z.object({ id: z.string(), sha256: z.string() }),
});
export type Preference = z.infer<typeof preferenceSchema>;
