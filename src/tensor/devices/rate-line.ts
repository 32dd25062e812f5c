/** The output of `dist/devices.mjs rate`, which is also cached. */
import { z } from 'zod';
import { textsSchema } from '../../text/message.ts';
import { parseLines } from '../../platform/files/lines.ts';

export const rateSchema = z.object({
  /** Floating-point operations per second. */
  rate: z.number().positive().optional(),
  /** The same in f16, on a GPU that supports it. */
  half: z.number().positive().optional(),
  /** Why the backend can't train here, as a sentence. */
  lack: z.string().optional(),
  texts: textsSchema,
  /** The measurement timed out. */
  late: z.boolean().optional(),
});
export type Rate = z.infer<typeof rateSchema>;

/**
 * The last complete line of the output; undefined if there is none. The f32 rate is printed before f16 is tried, since
 * a driver may crash there.
 */
export function lastRate(printed: string): Rate | undefined {
  return parseLines(rateSchema, printed).values.at(-1);
}
