/** What the wizards ask for: kept until the work has begun. */
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

/** Of an adapter to import. */
export const importSchema = z.object({
  kind: z.enum(['gguf', 'peft']),
  /** Of the file, or of PEFT's folder. */
  path: z.string(),
  /** What it was trained on. */
  base: z.string(),
  /** It is checked and measured without TensorFlow. */
  backend: z.literal('wasm').optional(),
});
export type Import = z.infer<typeof importSchema>;
export const importDraftSchema = importSchema.partial();
export type ImportDraft = z.infer<typeof importDraftSchema>;
