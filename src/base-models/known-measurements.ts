/**
 * What was measured once of known bases and their reference adapters, and so is not measured again on each machine:
 * scores of tasks, and the texts that a base writes. Made by bench/known-measurements.ts, which says how.
 */
import { z } from 'zod';
import table from './known-measurements.json' with { type: 'json' };

/** Sum and weight of a metric. */
const partSchema = z.tuple([z.number(), z.number()]);
export const knownMeasurementsSchema = z.array(
  z.object({
    /** SHA-256 of the base's file. */
    base: z.string(),
    precision: z.string(),
    /** Texts that the base writes (sampled-texts.ts), and their most tokens. */
    texts: z.object({
      tokens: z.int(),
      written: z.array(z.object({ text: z.string(), ended: z.boolean() })),
    }),
    tasks: z.array(
      z.object({
        /** With its version: "humaneval.v3". */
        task: z.string(),
        metrics: z.array(z.string()),
        /** By model's digest, then by the beginning of the item's digest: a part for each of the metrics. */
        scores: z.record(z.string(), z.record(z.string(), z.array(partSchema))),
      }),
    ),
  }),
);
export type KnownMeasurements = z.infer<typeof knownMeasurementsSchema>;

/** Characters of an item's digest. */
export const DIGEST_LENGTH = 12;

let parsed: KnownMeasurements | undefined;
/** Not at start-up, as many processes contain this and few need it. */
const known = (): KnownMeasurements => (parsed ??= knownMeasurementsSchema.parse(table));

/** An item's parts by metric, as a model of this digest and precision scored it; undefined if that is not known. */
export function knownParts(
  model: { digest: string; precision: string },
  task: string,
  item: string,
): Record<string, { sum: number; weight: number }> | undefined {
  for (const { precision, tasks } of known()) {
    if (precision !== model.precision) continue;
    for (const { task: name, metrics, scores } of tasks) {
      const parts = name === task ? scores[model.digest]?.[item.slice(0, DIGEST_LENGTH)] : undefined;
      if (parts) return Object.fromEntries(metrics.map((metric, at) => [metric, toPart(parts[at]!)]));
    }
  }
  return undefined;
}

const toPart = ([sum, weight]: z.infer<typeof partSchema>) => ({ sum, weight });

/** The texts that a base writes in this many tokens; empty if they are not known. */
export const knownTexts = (base: string, tokens: number): { text: string; ended: boolean }[] =>
  known().find((one) => one.base === base && one.texts.tokens === tokens)?.texts.written ?? [];
