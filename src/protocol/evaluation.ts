/** What an evaluation measured: every figure with its interval, its n and its setting. */
import { z } from 'zod';

/** Early runs call the task "heldout". */
const taskName = z.string().overwrite((name) => (name === 'heldout' ? 'workspace' : name));

export const metricSchema = z.object({
  task: taskName,
  metric: z.string(),
  value: z.number(),
  /** 95% interval over the documents that the items are of: evaluation/intervals.ts. */
  low: z.number(),
  high: z.number(),
  /** Items (windows, problems, texts). */
  n: z.int(),
  /** How it was measured, for a person: "20 of 164 problems, greedy, 1 sample each". */
  setting: z.string(),
});
export type Metric = z.infer<typeof metricSchema>;

/** A figure, or a difference paired over items, with its interval. */
export const intervalSchema = z.object({ value: z.number(), low: z.number(), high: z.number() });

/** One metric before and after, with the paired difference over the same items. */
export const comparisonSchema = z.object({
  task: taskName,
  metric: z.string(),
  unit: z.string(),
  /** Which direction is good; a KL has no good direction but down. */
  better: z.enum(['lower', 'higher']),
  before: metricSchema,
  after: metricSchema,
  /** after - before, paired over items. */
  difference: intervalSchema,
  /** False when the interval of the difference holds zero: "no difference seen". */
  significant: z.boolean(),
});
export type Comparison = z.infer<typeof comparisonSchema>;

/** Served against trained distribution of the exported result; mean KL in nats per token. */
export const servedSchema = z.object({
  meanKl: z.number(),
  limit: z.number(),
  tokens: z.int(),
  ok: z.boolean(),
});

/** evaluation/summary.json; written anew after each task. */
export const summarySchema = z.object({
  step: z.int(),
  /** One sentence: what was learned, what was forgotten. */
  sentence: z.string(),
  comparisons: z.array(comparisonSchema),
  /** A held-out line completed by base and result. */
  example: z
    .object({
      file: z.string(),
      line: z.int(),
      prefix: z.string(),
      actual: z.string(),
      before: z.string(),
      after: z.string(),
    })
    .optional(),
  served: servedSchema.optional(),
  /** Tasks that were to be measured and are not yet; absent where the evaluation came to its end. */
  pending: z.array(taskName).optional(),
});
export type Summary = z.infer<typeof summarySchema>;
