/** What the wizards ask for: kept until the work has begun. */
import { z } from 'zod';

export const planSchema = z.object({
  folder: z.string(),
  /** A known base, a path or a hub reference: what `train --base` takes. */
  base: z.string(),
  method: z.enum(['lora', 'full']),
  budget: z.object({ minutes: z.number().optional(), steps: z.number().optional() }),
  /** The run to go on from, on this base: with another one it is a training of its own. */
  continues: z.object({ run: z.string(), name: z.string(), base: z.string() }).optional(),
  /** Whether it learns from what became of completions, too. */
  preferences: z.boolean().optional(),
  /** In place of the setting: chosen where TensorFlow could not be had. */
  backend: z.literal('wasm').optional(),
});
export type Plan = z.infer<typeof planSchema>;

/** The run that a plan goes on from. */
export const continuedBy = ({ base, continues }: Pick<Draft, 'base' | 'continues'>) =>
  continues?.base === base ? continues : undefined;
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
