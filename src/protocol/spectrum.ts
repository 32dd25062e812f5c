/** spectrum.json: singular values of the base's weights, of the trained change, and of noise of the same size. */
import { z } from 'zod';
import { errorTexts } from '../text/errors.ts';
import { hyperSchema, moduleNames } from './run.ts';

export const SPECTRUM_FORMAT = 1;

/** Shares of the energy (the sum of squared singular values) for which the rank is stored. */
export const energyShares = [0.5, 0.9, 0.99] as const;

/** One matrix. */
export const spectrumSchema = z.object({
  /** Frobenius norm: the root of the energy. */
  size: z.number().positive(),
  /** For each of `energyShares`: how many of the largest singular values together hold that share. */
  ranks: z.array(z.int().min(1)).length(energyShares.length),
  /** Singular values, largest first: all, or some at evenly spaced indices including the first and the last. */
  values: z.array(z.number()),
});
export type Spectrum = z.infer<typeof spectrumSchema>;

/** One linear. A zero matrix is left out; if `change` is, so is `noise`. */
export const linearSpectrumSchema = z.object({
  layer: z.int().min(0),
  module: z.enum(moduleNames),
  /** [out, in] */
  shape: z.tuple([z.int(), z.int()]),
  base: spectrumSchema.optional(),
  change: spectrumSchema.optional(),
  /** Gaussian noise with the change's Frobenius norm. */
  noise: spectrumSchema.optional(),
});
export type LinearSpectrum = z.infer<typeof linearSpectrumSchema>;

export const spectrumKinds = ['base', 'change', 'noise'] as const;
export type SpectrumKind = (typeof spectrumKinds)[number];

export const runSpectrumSchema = z.object({
  format: z.literal(SPECTRUM_FORMAT),
  method: hyperSchema.shape.method.unwrap(),
  /** LoRA's r. */
  rank: z.int().optional(),
  step: z.int(),
  /**
   * Where the change was read from: the adapter's factors, the last checkpoint, or, without a checkpoint, the exported
   * model, whose weights are rounded to half precision.
   */
  source: z.enum(['adapter', 'checkpoint', 'model']),
  backend: z.string(),
  /** For a fetched adapter: stated by its publisher, not measured here. */
  stated: z.literal(true).optional(),
  /** Ordered by layer, then by module. */
  linears: z.array(linearSpectrumSchema),
});
export type RunSpectrum = z.infer<typeof runSpectrumSchema>;

/** The process's messages on stdout, one object per line; its result is written to the file. */
export const spectrumMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('progress'),
    /** Matrices. */
    done: z.int(),
    total: z.int(),
    etaSeconds: z.number().optional(),
  }),
  z.object({ type: z.literal('done') }),
  z.object({ type: z.literal('failed'), code: z.string(), ...errorTexts }),
]);
export type SpectrumMessage = z.infer<typeof spectrumMessageSchema>;

/** How many singular values hold 90% of the energy. */
export const rankOf = ({ ranks }: Spectrum): number => ranks[energyShares.indexOf(0.9)]!;

export interface RankRange {
  median: number;
  low: number;
  high: number;
}

/** Over the linears with a spectrum of that kind; undefined if there are none. */
export function rankRange(linears: readonly LinearSpectrum[], kind: SpectrumKind): RankRange | undefined {
  const ranks = linears
    .flatMap((linear) => (linear[kind] ? [rankOf(linear[kind])] : []))
    .sort((a, b) => a - b);
  if (!ranks.length) return undefined;
  const middle = (ranks.length - 1) / 2;
  const median = (ranks[Math.floor(middle)]! + ranks[Math.ceil(middle)]!) / 2;
  return { median, low: ranks[0]!, high: ranks.at(-1)! };
}

/** "rank 11 (median of 210 linears), noise of the same size 318, the base 284" */
export function describeSpectrum({ linears }: RunSpectrum): string {
  const [base, change, noise] = spectrumKinds.map((kind) => rankRange(linears, kind)?.median);
  if (change === undefined) return 'nothing changed';
  const count = linears.filter((linear) => linear.change).length;
  return `the change has rank ${change} (median of ${count} ${count === 1 ? 'linear' : 'linears'}, at 90% of the energy), noise of the same size ${noise}, the base ${base}`;
}
