/** The answers of the wizards, kept until the work has started. */
import { z } from 'zod';

export const planSchema = z.object({
  /** Paths of the workspace folders to learn. */
  folders: z.array(z.string()).min(1),
  /** A known base, a path or a hub reference: what `train --base` takes. */
  base: z.string(),
  method: z.enum(['lora', 'full']),
  budget: z.object({ minutes: z.number().optional(), steps: z.number().optional() }),
  /** Whether the answers are the recommended ones, continue a run, or were each chosen. */
  path: z.enum(['recommended', 'continue', 'own']).optional(),
  /** The run to continue; only valid with this base, otherwise a new training starts. */
  continues: z.object({ run: z.string(), name: z.string(), base: z.string() }).optional(),
  /** Overrides the setting when TensorFlow could not be installed. */
  backend: z.literal('wasm').optional(),
});
export type Plan = z.infer<typeof planSchema>;

/** The run that a plan continues. */
export const continuedRun = ({ base, continues }: Pick<Draft, 'base' | 'continues'>) =>
  continues?.base === base ? continues : undefined;
/** The answers so far. */
export const draftSchema = planSchema.partial();
export type Draft = z.infer<typeof draftSchema>;

/** The answers for an adapter to import. */
export const importSchema = z.object({
  kind: z.enum(['gguf', 'peft']),
  /** Path of the file, or of PEFT's folder. */
  path: z.string(),
  /** What it was trained on. */
  base: z.string(),
  /** Checks and measures it without TensorFlow. */
  backend: z.literal('wasm').optional(),
});
export type Import = z.infer<typeof importSchema>;
export const importDraftSchema = importSchema.partial();
export type ImportDraft = z.infer<typeof importDraftSchema>;
