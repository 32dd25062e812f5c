/** What an evaluation measured: every figure with its interval, its n and its setting. */
import { z } from 'zod';

/** Early runs call the task "heldout". */
const taskName = z.string().overwrite((name) => (name === 'heldout' ? 'workspace' : name));

export const metricSchema = z.object({
  task: taskName,
  metric: z.string(),
  value: z.number(),
  /** 95% interval over the documents that the items are of: statistics/intervals.ts. */
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

/** A result at one strength, held against the base on the same items; differences are paired. */
export const strengthPointSchema = z.object({
  /** What the trained change is multiplied by. */
  strength: z.number(),
  /** Bits per byte of what stands at held-out cursors, less the base's. */
  learned: intervalSchema,
  /** KL from the base on its own text, nats per token; absent where the run measures none. */
  kl: intervalSchema.optional(),
  /** Loss of HumanEval's solutions less the base's, nats per token; absent where the run measures none. */
  solutions: intervalSchema.optional(),
});
export type StrengthPoint = z.infer<typeof strengthPointSchema>;

/** How the strength of a result was chosen: evaluation/strength/rule.ts. */
export const strengthChoiceSchema = z.object({
  /** 0: the base, since none of those below is better within the limit. */
  strength: z.number(),
  /** For the person: what was chosen, by which figures. */
  why: z.string(),
  /** What to try, where nothing is better. */
  next: z.string().optional(),
  /** KL in nats per token. */
  limit: z.number(),
  /** Ascending. */
  path: z.array(strengthPointSchema),
  /** How it was measured, for a person. */
  setting: z.string(),
});
export type StrengthChoice = z.infer<typeof strengthChoiceSchema>;

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
  /** Of a run that continues another: against that one's result, which is before. */
  earlier: z.object({ run: z.string(), comparisons: z.array(comparisonSchema) }).optional(),
  /** Of a run whose strength was to be chosen. */
  choice: strengthChoiceSchema.optional(),
  /** Set by hand afterwards: all of the above but `choice` is of the result at this strength. */
  givenStrength: z.number().positive().max(1).optional(),
  /** Tasks that were to be measured and are not yet; absent where the evaluation came to its end. */
  pending: z.array(taskName).optional(),
});
export type Summary = z.infer<typeof summarySchema>;
