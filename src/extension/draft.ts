/** What the wizard asks for: kept until the training has begun. */
import { z } from 'zod';

export const planSchema = z.object({
  folder: z.string(),
  /** A known base, a path or a hub reference: what `train --base` takes. */
  base: z.string(),
  method: z.enum(['lora', 'full']),
  budget: z.object({ minutes: z.number().optional(), steps: z.number().optional() }),
  /** In place of the setting: chosen where TensorFlow could not be had. */
  backend: z.literal('wasm').optional(),
});
export type Plan = z.infer<typeof planSchema>;
/** What is answered so far. */
export const draftSchema = planSchema.partial();
export type Draft = z.infer<typeof draftSchema>;
