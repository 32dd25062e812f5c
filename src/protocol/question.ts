/**
 * A question that a child process asks its parent, because a person decides: a JSON line on its stderr. The answer is a
 * line on its stdin, `yes` or `no`. Without an answer, as when the parent has ended, it is no.
 */
import { z } from 'zod';

/** Whether work may be sent to a cluster. */
export const sendQuestionSchema = z.object({
  ask: z.literal('send'),
  /** Host and port of the cluster. */
  host: z.string(),
  /** It goes over the network without encryption. */
  plainText: z.boolean(),
  /** Where checkpoints go; null: they stay on the cluster's nodes. */
  storage: z.string().nullable(),
  /** Bytes of this program, and of the work itself; 0 for what is there already. */
  program: z.int().min(0),
  work: z.int().min(0),
});
export type SendQuestion = z.infer<typeof sendQuestionSchema>;
