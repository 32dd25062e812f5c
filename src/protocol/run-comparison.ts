/** A comparison of runs: the settings that differ, and their metrics on the items that both answered. */
import { z } from 'zod';
import { textsSchema } from '../text/message.ts';
import { comparisonSchema } from './evaluation.ts';

export const runComparisonSchema = z.object({
  /** The others are compared with the first. */
  runs: z.array(z.object({ id: z.string(), name: z.string() })).min(2),
  /** Settings that differ between the runs, with each run's value as display text. */
  differs: z.array(z.object({ setting: z.string(), values: z.array(z.string()) })),
  /**
   * For each run after the first: `before` is the first run's result, `after` this one's, `difference` paired over
   * the same items. Metrics whose items differ are left out, and `warnings` says so.
   */
  against: z.array(z.object({ run: z.string(), comparisons: z.array(comparisonSchema) })),
  /** "These runs learned from different corpora: ..." */
  warnings: z.array(z.string()),
  texts: textsSchema,
});
export type RunComparison = z.infer<typeof runComparisonSchema>;
