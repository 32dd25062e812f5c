/** The results of an evaluation: every metric with its interval, its n and its setting. */
import { z } from 'zod';
import { msg, textsSchema, type Text } from '../text/message.ts';

/** Early runs call the task "workspace" "heldout". */
const taskName = z.string().overwrite((name) => (name === 'heldout' ? 'workspace' : name));

export const metricSchema = z.object({
  task: taskName,
  metric: z.string(),
  value: z.number(),
  /** 95% interval over the items' documents: statistics/intervals.ts. */
  low: z.number(),
  high: z.number(),
  /** Items (windows, problems, texts). */
  n: z.int(),
  /** How it was measured, for display: "20 of 164 problems, greedy, 1 sample each". */
  setting: z.string(),
  texts: textsSchema,
});
export type Metric = z.infer<typeof metricSchema>;

/** A value, or a difference paired over items, with its interval. */
export const intervalSchema = z.object({ value: z.number(), low: z.number(), high: z.number() });

/** Which direction is good; always lower for a KL divergence. */
const betterSchema = z.enum(['lower', 'higher']);

/** A metric measured at a step; step 0 is the base. */
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
  /**
   * The third model, if `before` is not both: the base, or, where `before` is the base, the base with its reference
   * adapter. It may have fewer items.
   */
  third: metricSchema.optional(),
  /** False if the interval of the difference contains zero: "no difference seen". */
  significant: z.boolean(),
});
export type Comparison = z.infer<typeof comparisonSchema>;

export const findComparison = (
  comparisons: readonly Comparison[] | undefined,
  task: string,
  metric: string,
): Comparison | undefined => comparisons?.find((one) => one.task === task && one.metric === metric);

/**
 * Lines whose rest would have been suggested exactly, and characters that would have been suggested
 * (evaluation/cursors/predicted-lines.ts).
 */
export const EXACT_LINES = 'exact lines';
export const CHARACTERS = 'characters offered';
/** Of the true text at held-out cursors, without its line ends. */
export const BITS = 'bits per byte';
export const offeredMetrics = [EXACT_LINES, CHARACTERS] as const;
export type OfferedMetric = (typeof offeredMetrics)[number];
/** A metric's name for people. In files, `CHARACTERS` keeps an earlier one. */
export const nameOfMetric = (metric: string): string =>
  metric === CHARACTERS ? 'characters predicted' : metric;

/** The metrics of completed lines and of characters saved, from the task that measured the most places. */
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

/** KL divergence between the result as trained and as served; mean over tokens, in nats per token. */
export const servedSchema = z.object({
  meanKl: z.number(),
  limit: z.number(),
  tokens: z.int(),
  ok: z.boolean(),
});

/** A result at one strength compared with what training began with on the same items; differences are paired. */
export const strengthPointSchema = z.object({
  /** How much of the trained change is applied: weights/strength.ts. */
  strength: z.number(),
  /**
   * Bits per byte of the true text at held-out cursors, minus those of what training began with; absent if only
   * forgetting was measured.
   */
  learned: intervalSchema.optional(),
  /** Number of those cursors, and of the files that contain them. */
  places: z.int().optional(),
  files: z.int().optional(),
  /** KL from the base on the base's own text, nats per token; absent if the run does not measure it. */
  kl: intervalSchema.optional(),
  /** Loss on HumanEval's solutions minus the base's, nats per token; absent if the run does not measure it. */
  solutions: intervalSchema.optional(),
});
export type StrengthPoint = z.infer<typeof strengthPointSchema>;

/** What a run says of its result in the end. */
export const outcomes = ['better', 'not better', 'too little code'] as const;
export type Outcome = (typeof outcomes)[number];

/** Whether a result is offered, and at which strength: findings/strength-rule.ts. */
export const strengthChoiceSchema = z
  .object({
    /** Absent in earlier versions. */
    decided: z.enum(outcomes).optional(),
    /** 0: what training began with. */
    strength: z.number(),
    /** For display: why, by which metrics. */
    why: z.string(),
    /** What to try if it is not better. */
    next: z.string().optional(),
    /** KL in nats per token. */
    limit: z.number(),
    /** With too little code: about how many places would decide. */
    needed: z.int().optional(),
    /** In ascending order of strength. */
    path: z.array(strengthPointSchema),
    /** KL of the adapter that training began with; absent if that was the base, whose KL is 0. */
    klAtZero: intervalSchema.optional(),
    /** How it was measured, for display. */
    setting: z.string(),
    texts: textsSchema,
    /** The metrics at these cursors, of the chosen strength or, if none was chosen, of the best one. */
    atCursors: z.array(comparisonSchema).optional(),
  })
  .transform(({ decided, ...choice }) => ({
    ...choice,
    decided: decided ?? (choice.strength > 0 ? ('better' as const) : ('not better' as const)),
  }));
export type StrengthChoice = z.infer<typeof strengthChoiceSchema>;

/**
 * Maps the result's confidence in a suggestion to a probability (completion/answer/chance.ts), fitted on `count`
 * held-out cursors.
 */
export const calibratedSchema = z.object({ bias: z.number(), slope: z.number(), count: z.int() });
export type Calibrated = z.infer<typeof calibratedSchema>;

/** The end of a held-out line, and what the model before training and the result write in its place. */
const placeSchema = z.object({
  file: z.string(),
  /** From 1. */
  line: z.int(),
  /** The text before the cursor, some lines of it. */
  prefix: z.string(),
  /** As much of the file's text as an editor would show. */
  actual: z.string(),
  before: z.string(),
  after: z.string(),
});
export type Place = z.infer<typeof placeSchema>;

/** The held-out lines that only one of the two models would suggest exactly, and how many of all lines each does. */
const placesSchema = z.object({
  /** In the order of files and lines. */
  shown: z.array(placeSchema),
  tried: z.int(),
  /** Right before and after; only after; only before. */
  both: z.int(),
  gained: z.int(),
  lost: z.int(),
});
export type Places = z.infer<typeof placesSchema>;

/** Shares of the characters saved in all commits after the run up to this one, by the model before and the result. */
const commitsSoFarSchema = z.object({
  commit: z.string(),
  /** ISO time of the commit. */
  at: z.string(),
  /** Commits up to this one that were measured, and cursors in them. */
  commits: z.int(),
  cursors: z.int(),
  before: z.number(),
  after: z.number(),
  difference: intervalSchema,
});
export type CommitsSoFar = z.infer<typeof commitsSoFarSchema>;

/** In the setting of a metric: that `before` is what the run continues. */
export const againstContinued = (setting: Text): Text =>
  msg`${setting}; before: the result of the run that it continues`;

/** evaluation/summary.json, rewritten after each task. */
export const summarySchema = z.object({
  step: z.int(),
  /** One sentence: what was learned, what was forgotten. */
  sentence: z.string(),
  comparisons: z.array(comparisonSchema),
  places: placesSchema.optional(),
  /** Oldest first. */
  commits: z.array(commitsSoFarSchema).optional(),
  served: servedSchema.optional(),
  calibration: calibratedSchema.optional(),
  /** Set if the run chose its strength by measuring. */
  choice: strengthChoiceSchema.optional(),
  /** The strength if it was set by hand afterwards: all of the above except `choice` was measured at it. */
  givenStrength: z.number().positive().max(1).optional(),
  /** For a fetched adapter: tasks whose metrics are stated by its publisher and were never measured here. */
  stated: z.array(taskName).optional(),
  /** For a fetched adapter: its publisher did not offer it. */
  refused: z.boolean().optional(),
  /** Planned tasks that are not measured yet; absent if the evaluation is complete. */
  pending: z.array(taskName).optional(),
});

export type Summary = z.infer<typeof summarySchema>;

/** Whether a metric is only stated by the adapter's publisher. */
export const isStated = (
  { stated = [] }: Pick<Summary, 'stated'>,
  { task }: Pick<Comparison, 'task'>,
): boolean => stated.includes(task);

/** The metrics that were measured on this machine. */
export const measuredHere = (summary: Pick<Summary, 'comparisons' | 'stated'> | undefined): Comparison[] =>
  (summary?.comparisons ?? []).filter((one) => !isStated(summary!, one));

/** The name, in place of a task's, for the metrics at held-out cursors that come from choosing the strength. */
export const CURSORS = 'cursors';
