/** What the evaluator says on stdout, one object a line; its parent turns it into events and state. */
import { z } from 'zod';
import { intervalSchema, metricSchema, summarySchema } from './evaluation.ts';

export const evaluatorMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('progress'),
    /** For the person: "HumanEval, base". */
    phase: z.string(),
    done: z.int(),
    total: z.int(),
    etaSeconds: z.number().optional(),
  }),
  /** A figure as soon as it is known; step 0 is the base, any other step the result. `change`: from the base's. */
  z.object({
    type: z.literal('result'),
    step: z.int(),
    result: metricSchema,
    change: intervalSchema.optional(),
  }),
  /** Something that could not be measured, and why; the rest goes on. */
  z.object({ type: z.literal('warning'), message: z.string() }),
  z.object({ type: z.literal('summary'), summary: summarySchema }),
  z.object({ type: z.literal('failed'), code: z.string(), message: z.string(), next: z.string() }),
]);
export type EvaluatorMessage = z.infer<typeof evaluatorMessageSchema>;
