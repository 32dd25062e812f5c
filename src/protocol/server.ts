/** The completion server's boundary: OpenAI's completions, as far as editors use it. */
import { z } from 'zod';

export const completionRequestSchema = z.object({
  /** An adapter's name, or the base's. */
  model: z.string(),
  prompt: z.string(),
  /** Text after the cursor, for bases with fill-in-the-middle tokens. */
  suffix: z.string().optional(),
  max_tokens: z.int().min(1).max(4096).default(64),
  temperature: z.number().min(0).max(2).default(0),
  top_p: z.number().gt(0).max(1).default(1),
  n: z.int().min(1).max(64).default(1),
  stop: z.union([z.string(), z.array(z.string()).max(16)]).optional(),
  stream: z.boolean().default(false),
  seed: z.int().optional(),
});
export type CompletionRequest = z.input<typeof completionRequestSchema>;

export const completionResponseSchema = z.object({
  id: z.string(),
  object: z.literal('text_completion'),
  created: z.number(),
  model: z.string(),
  choices: z.array(
    z.object({ index: z.int(), text: z.string(), finish_reason: z.enum(['stop', 'length']).nullable() }),
  ),
  usage: z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() }).optional(),
});
export type CompletionResponse = z.infer<typeof completionResponseSchema>;

/** The server's first line on stdout once it listens; the child's parent reads it. */
export const serverReadySchema = z.object({
  type: z.literal('ready'),
  port: z.int(),
  models: z.array(z.string()),
  fillInTheMiddle: z.boolean(),
});
export type ServerReady = z.infer<typeof serverReadySchema>;

/** Its only line when it can't start. */
export const serverFailedSchema = z.object({
  type: z.literal('failed'),
  code: z.string(),
  message: z.string(),
  next: z.string(),
});
