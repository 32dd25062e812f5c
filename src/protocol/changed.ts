/** The answer of `changed RUN`: how much there is to learn since that run. */
import { z } from 'zod';

export const changedSchema = z.object({
  run: z.string(),
  /** Files that are new or changed. */
  files: z.int(),
  /** Share of the text that is new or changed, by bytes: 0 to 1. */
  share: z.number(),
  /** Whether that is worth another training. */
  enough: z.boolean(),
});
export type Changed = z.infer<typeof changedSchema>;
