/**
 * Messages between an evaluator and the process that scores for it with the trainer's model, over Node's channel
 * between parent and child (serialization `advanced`, which keeps typed arrays).
 */
import { z } from 'zod';
import { errorCodes, errorTexts } from '../text/errors.ts';
import { backendNames, hyperSchema } from './run.ts';

/** What to score with; paths of GGUF files. Its first message, answered with `started`. */
export const scorerOptionsSchema = z.object({
  type: z.literal('open'),
  basePath: z.string(),
  adapterPath: z.string().optional(),
  earlierPath: z.string().optional(),
  modelPath: z.string().optional(),
  /** As in a run; another backend is used if that one is not there. */
  backend: z.enum(['auto', ...backendNames]),
  device: z.string().optional(),
  planned: z.enum(backendNames).optional(),
  precision: hyperSchema.shape.precision,
});
export type ScorerOpening = Omit<z.infer<typeof scorerOptionsSchema>, 'type'>;

const tokens = z.custom<Int32Array>((value) => value instanceof Int32Array);
const which = z.enum(['base', 'result', 'earlier']);
const id = z.int();

/** Requests are done in their order; see Scorer in training/scorer.ts. */
export const scorerRequestSchema = z.discriminatedUnion('type', [
  scorerOptionsSchema,
  z.object({
    type: z.literal('tokenLosses'),
    id,
    tokens,
    which,
    options: z.object({ starts: tokens.optional(), last: z.int().optional() }).optional(),
  }),
  z.object({ type: z.literal('predictions'), id, tokens, which, last: z.int() }),
  z.object({ type: z.literal('tokenKl'), id, tokens }),
  z.object({ type: z.literal('expectKl'), id, texts: z.array(tokens) }),
  z.object({ type: z.literal('probabilities'), id, tokens, which }),
  z.object({ type: z.literal('setStrength'), id, strength: z.number() }),
]);
export type ScorerRequest = z.infer<typeof scorerRequestSchema>;

const numbers = z.custom<Float32Array>((value) => value instanceof Float32Array);
const predictions = z.object({ losses: numbers, mostLikely: tokens });
export const scorerAnswerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('started'), precisions: z.array(z.enum(['bf16', 'f16'])) }),
  z.object({
    type: z.literal('done'),
    id,
    value: z.union([numbers, z.array(numbers), predictions]).optional(),
  }),
  /** Without an id: it can't start. */
  z.object({
    type: z.literal('failed'),
    id: id.optional(),
    code: z.enum(errorCodes),
    ...errorTexts,
  }),
]);
export type ScorerAnswer = z.infer<typeof scorerAnswerSchema>;
