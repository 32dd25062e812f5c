/** What `dist/product-rate.mjs` prints. */
import { z } from 'zod';

export const rateSchema = z.object({
  /** Floating-point operations per second. */
  rate: z.number().positive().optional(),
  /** Why the backend can't train here, as a sentence. */
  lack: z.string().optional(),
});
export type Rate = z.infer<typeof rateSchema>;
