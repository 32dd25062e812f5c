/** What became of a completion that was shown: a line of a workspace folder's preferences file. See docs/file-formats.md. */
import { z } from 'zod';

/** Characters of what stood there later: more than any completion has. */
export const LONGEST_LATER = 4000;

export const preferenceSchema = z.object({
  /** When it was shown (ISO). */
  time: z.iso.datetime(),
  /** The workspace folder's name, and the file in it, with slashes. */
  repository: z.string(),
  path: z.string(),
  languageId: z.string(),
  /** What the prompt had of the text before and after the place; `\n` at line ends, as in all that follows. */
  prefix: z.string(),
  suffix: z.string(),
  shown: z.string().min(1),
  /** Characters of it, from its beginning, that stood there when a part of it was last taken by a key; 0: none was. */
  accepted: z.int().min(0),
  /** What stood at the place so many seconds later, when its file was closed at the latest. */
  later: z.string().max(LONGEST_LATER),
  seconds: z.number().min(0),
  /** Who said it: a run, from this base. */
  run: z.string(),
  base: z.object({ id: z.string(), sha256: z.string() }),
});
export type Preference = z.infer<typeof preferenceSchema>;
