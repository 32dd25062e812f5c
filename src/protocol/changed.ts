/** What `changed RUN` answers: how much there is to learn since a run. */
import { z } from 'zod';

export const changedSchema = z.object({
  run: z.string(),
  /** Files that are new or have another text. */
  files: z.int(),
  /** Of the text to learn, what is new or changed, in bytes. */
  share: z.number(),
  /** Whether that is worth a training. */
  enough: z.boolean(),
});
export type Changed = z.infer<typeof changedSchema>;
