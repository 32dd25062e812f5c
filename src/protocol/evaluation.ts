/** The results of an evaluation: every metric with its interval, its n and its setting. */
import { z } from 'zod';
import { textsSchema } from '../text/message.ts';

/** Early runs call the task "workspace" "heldout". */
const taskName = z.string().overwrite((name) => (name === 'heldout' ? 'workspace' : name));

export const metricSchema = z.object({
  task: taskName,
  metric: z.string(),
  value: z.number(),
  /** 95% interval; the items' documents are the observations: statistics/intervals.ts. */
  low: z.number(),
  high: z.number(),
  /** Items (windows, problems, texts). */
  n: z.int(),
  /** How it was measured, for a person: "20 of 164 problems, greedy, 1 sample each". */
  setting: z.string(),
  texts: textsSchema,
});
export type Metric = z.infer<typeof metricSchema>;

/** A value, or a difference paired over items, with its interval. */
export const intervalSchema = z.object({ value: z.number(), low: z.number(), high: z.number() });

/** Which direction is good; for a KL divergence always down. */
const betterSchema = z.enum(['lower', 'higher']);

/** A metric measured at a step, of which step 0 is the base. */
export const metricAtStep = {
  step: z.int(),
  result: metricSchema,
  /** Its paired difference from the base, if known. */
  change: intervalSchema.optional(),
  /** Absent in earlier versions. */
  better: betterSchema.optional(),
};

/** One metric before and after, with the paired difference over the same items. */
export const comparisonSchema = z.object({
  task: taskName,
  metric: z.string(),
  unit: z.string(),
  better: betterSchema,
  before: metricSchema,
  after: metricSchema,
  /** after - before, paired over items. */
  difference: intervalSchema,
  /** False when the interval of the difference holds zero: "no difference seen". */
  significant: z.boolean(),
});
export type Comparison = z.infer<typeof comparisonSchema>;

export const findComparison = (
  comparisons: readonly Comparison[] | undefined,
  task: string,
  metric: string,
): Comparison | undefined => comparisons?.find((one) => one.task === task && one.metric === metric);

/**
 * Lines whose rest would have been offered exactly, and characters that would have been
 * (evaluation/cursors/predicted-lines.ts).
 */
export const EXACT_LINES = 'exact lines';
export const CHARACTERS = 'characters offered';
export const offeredMetrics = [EXACT_LINES, CHARACTERS] as const;
export type OfferedMetric = (typeof offeredMetrics)[number];

/** Metrics of completed lines and of characters that need no typing, by what was measured at most places. */
export function completionMetrics(comparisons: readonly Comparison[]): {
  lines: Comparison | undefined;
  characters: Comparison | undefined;
} {
  const find = (metric: OfferedMetric, alone: string) =>
    findComparison(comparisons, CURSORS, metric) ?? findComparison(comparisons, 'workspace', alone);
  return {
    lines: find(EXACT_LINES, 'line exact match'),
    characters: find(CHARACTERS, 'characters saved'),
  };
}

/** KL divergence of the exported result as served from the result as trained; mean over tokens, in nats per token. */
export const servedSchema = z.object({
  meanKl: z.number(),
  limit: z.number(),
  tokens: z.int(),
  ok: z.boolean(),
});

/** A result at one strength compared with the untrained model on the same items; differences are paired. */
export const strengthPointSchema = z.object({
  /** How much of the trained change is applied: weights/strength.ts. */
  strength: z.number(),
  /** Bits per byte of the true text at held-out cursors, minus the untrained model's. */
  learned: intervalSchema,
  /** Number of files that those cursors are in. Absent in earlier versions. */
  files: z.int().optional(),
  /** KL from the base on the base's own text, nats per token; absent if the run does not measure it. */
  kl: intervalSchema.optional(),
  /** Loss on HumanEval's solutions minus the base's, nats per token; absent if the run does not measure it. */
  solutions: intervalSchema.optional(),
});
export type StrengthPoint = z.infer<typeof strengthPointSchema>;

/** How the strength of a result was chosen: findings/strength-rule.ts. */
export const strengthChoiceSchema = z.object({
  /** 0: the base, because no point of `path` is better within the limit. */
  strength: z.number(),
  /** For people: what was chosen, and by which metrics. */
  why: z.string(),
  /** What to try if nothing is better. */
  next: z.string().optional(),
  /** KL in nats per token. */
  limit: z.number(),
  /** By ascending strength. */
  path: z.array(strengthPointSchema),
  /** KL of the adapter that training began with; absent if that was the base, whose KL is 0. */
  klAtZero: intervalSchema.optional(),
  /** How it was measured, for a person. */
  setting: z.string(),
  texts: textsSchema,
  /**
   * What the choice brings, as `learned` of a point, each file at the strength that is chosen without it. With strength 0:
   * what a choice would have brought that it rules out. Absent if no point was better, and in earlier versions.
   */
  learned: intervalSchema.optional(),
  /** The metrics of `offeredMetrics`, each file likewise. Absent where there are no cursors, and in earlier versions. */
  offered: z.array(comparisonSchema).optional(),
  /** By path: the strength chosen without this file, where it is another; the file's completions are measured at it. */
  without: z.record(z.string(), z.number()).optional(),
});
export type StrengthChoice = z.infer<typeof strengthChoiceSchema>;

/**
 * How the result's certainty of a suggestion becomes its chance (completion/answer/chance.ts), from `count` held-out
 * cursors.
 */
export const calibratedSchema = z.object({ bias: z.number(), slope: z.number(), count: z.int() });
export type Calibrated = z.infer<typeof calibratedSchema>;

/** The end of a line of a held-out file, and what base (`before`) and result write in its place. */
const placeSchema = z.object({
  file: z.string(),
  /** From 1. */
  line: z.int(),
  /** The text before the cursor, some lines of it. */
  prefix: z.string(),
  actual: z.string(),
  before: z.string(),
  after: z.string(),
});
export type Place = z.infer<typeof placeSchema>;

/** Held-out lines to look at (chosen by rule: evaluation/places.ts), and how many of all that were tried are right. */
const placesSchema = z.object({
  shown: z.array(placeSchema),
  tried: z.int(),
  /** Right for base and result; for the result only; for the base only. */
  both: z.int(),
  gained: z.int(),
  lost: z.int(),
});
export type Places = z.infer<typeof placesSchema>;

/** evaluation/summary.json, rewritten after each task. */
export const summarySchema = z.object({
  step: z.int(),
  /** One sentence: what was learned, what was forgotten. */
  sentence: z.string(),
  comparisons: z.array(comparisonSchema),
  /** Of earlier versions: one place, where the result was right and the base was not if there was such a one. */
  example: placeSchema.optional(),
  places: placesSchema.optional(),
  served: servedSchema.optional(),
  /** If the run continues another: compared with that run's result, which is `before`. */
  earlier: z.object({ run: z.string(), comparisons: z.array(comparisonSchema) }).optional(),
  calibration: calibratedSchema.optional(),
  /** If the run chose its strength by measuring. */
  choice: strengthChoiceSchema.optional(),
  /** The strength if it was set by hand afterwards: all of the above except `choice` was measured at it. */
  givenStrength: z.number().positive().max(1).optional(),
  /** Of an adapter that was fetched: tasks whose metrics its publisher states, and which were never measured here. */
  stated: z.array(taskName).optional(),
  /** Planned tasks that are not measured yet; absent if the evaluation is complete. */
  pending: z.array(taskName).optional(),
});
export type Summary = z.infer<typeof summarySchema>;

/** Whether a metric is only what the publisher of the adapter says. */
export const isStated = (
  { stated = [] }: Pick<Summary, 'stated'>,
  { task }: Pick<Comparison, 'task'>,
): boolean => stated.includes(task);

/** The metrics that were measured on this machine. */
export const measuredHere = (summary: Pick<Summary, 'comparisons' | 'stated'> | undefined): Comparison[] =>
  (summary?.comparisons ?? []).filter((one) => !isStated(summary!, one));

/** The name, instead of a task's, of metrics that the pass which chooses a strength counts at held-out cursors. */
export const CURSORS = 'cursors';
