/** The evaluator's messages on stdout, one object per line; its parent turns them into events and state. */
import { z } from 'zod';
import { textsSchema } from '../text/message.ts';
import { errorTexts } from '../text/errors.ts';
import { metricAtStep, summarySchema } from './evaluation.ts';

export const evaluatorMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('progress'),
    /** For display: "HumanEval, base". */
    phase: z.string(),
    done: z.int(),
    total: z.int(),
    /** Seconds left of this phase, and until the end. */
    etaSeconds: z.number().optional(),
    leftSeconds: z.number().optional(),
  }),
  /** A metric, sent as soon as it is known. */
  z.object({ type: z.literal('result'), ...metricAtStep }),
  /** What could not be measured, and why; the evaluation continues. */
  z.object({ type: z.literal('warning'), message: z.string(), texts: textsSchema }),
  z.object({ type: z.literal('summary'), summary: summarySchema }),
  z.object({ type: z.literal('failed'), code: z.string(), ...errorTexts }),
]);
export type EvaluatorMessage = z.infer<typeof evaluatorMessageSchema>;
