/**
 * A question from a child process to its parent that the user has to decide: a JSON line on its stderr. The answer is a
 * line on its stdin, `yes` or `no`. No answer, for example because the parent has ended, means no.
 */
import { z } from 'zod';

/** Whether work may be sent to a cluster. */
export const sendQuestionSchema = z.object({
  ask: z.literal('send'),
  /** Host and port of the cluster. */
  host: z.string(),
  /** It would be sent over the network unencrypted. */
  plainText: z.boolean(),
  /** Where checkpoints go; null: they stay on the cluster's nodes. */
  storage: z.string().nullable(),
  /** Bytes of this program, and of the work itself; 0 for what is already there. */
  program: z.int().min(0),
  work: z.int().min(0),
  /** The file of the base, if it is sent, and how many bytes of it are copied to the storage; 0: it is in the work. */
  base: z.object({ name: z.string(), copied: z.int().min(0) }).optional(),
  /** Whether the adapter that training begins with is in the work. */
  adapter: z.boolean().optional(),
});
export type SendQuestion = z.infer<typeof sendQuestionSchema>;
