/** What `dist/devices.mjs rate` prints, and what is kept of it. */
import { z } from 'zod';
import { textsSchema } from '../../text/message.ts';
import { parseLines } from '../../platform/files/lines.ts';

export const rateSchema = z.object({
  /** Floating-point operations per second. */
  rate: z.number().positive().optional(),
  /** The same in f16, on a GPU that has it. */
  half: z.number().positive().optional(),
  /** Why the backend can't train here, as a sentence. */
  lack: z.string().optional(),
  texts: textsSchema,
  /** The lack is that it was not done in time. */
  late: z.boolean().optional(),
});
export type Rate = z.infer<typeof rateSchema>;

/**
 * The last whole line of what it printed, which has the most; undefined if there is none. It prints what it found in f32
 * before it tries f16, where a driver may end it.
 */
export function lastRate(printed: string): Rate | undefined {
  return parseLines(rateSchema, printed).values.at(-1);
}
