/** The learning rates that are used if nothing was measured for this base and text. */
import type { BaseShape } from '../base-models/registry.ts';
import { linearWeights } from '../model/targets.ts';
import type { Hyper } from '../protocol/run.ts';

/**
 * Peak learning rates for a workspace of 10^5 to 10^7 tokens (docs/science.md). For small bases, they are the best
 * stable ones of our own sweep of SmolLM2-135M: LoRA needs ten times the rate of full fine-tuning, as in the paper
 * (section 5.1). On Qwen2.5-Coder-0.5B those rates destroy what the base knows. There, LoRA gets a third, since at half
 * its strength it then learns more and forgets less than at lower rates; full fine-tuning, which has no strength, gets
 * a tenth. LionW's rate is about a third of AdamW's.
 */
const defaultRates = {
  lora: { small: { lionw: 3e-4, adamw: 1e-3 }, large: { lionw: 1e-4, adamw: 3e-4 } },
  full: { small: { lionw: 3e-5, adamw: 1e-4 }, large: { lionw: 3e-6, adamw: 1e-5 } },
};
/**
 * From this many weights in its linear layers, a base counts as large: SmolLM2-135M has 106 million, Qwen2.5-Coder-0.5B
 * 358 million.
 */
const LARGE_BASE_WEIGHTS = 200e6;

/**
 * Up to this many steps, a large base gets the full rate. A step moves every weight by about the rate, however little
 * there is to learn from its text. So in longer runs the rate falls in proportion to the steps, at most to a tenth;
 * measured on Qwen2.5-Coder-0.5B.
 */
const FULL_RATE_STEPS = 80;
const MIN_SHARE = 0.1;
/**
 * The largest share of a run that begins with a reference adapter: what a high rate learns in few steps, that adapter
 * has learned already, and the rest is forgotten for nothing (docs/experiments.md).
 */
const SHARE_AFTER_REFERENCE = 0.3;

/** The default rate of a method. `steps`: of the run. `reference`: the adapter that training begins with, if any. */
export function defaultLearningRate(
  method: Hyper['method'],
  optimizer: Hyper['optimizer'],
  base: BaseShape,
  { steps = 1, reference }: { steps?: number; reference?: object | undefined } = {},
): number {
  const { small, large } = defaultRates[method];
  if (!isLarge(base)) return small[optimizer];
  const share = Math.min(shareAfter(steps), reference ? SHARE_AFTER_REFERENCE : 1);
  return Number((share * large[optimizer]).toPrecision(2));
}

/**
 * Converts a rate that was found with `from` steps for a run of `to` steps: lower where the default is lower, and never
 * higher.
 */
export function rateAtLength(
  rate: number,
  base: BaseShape,
  { from, to }: { from: number; to: number },
): number {
  const share = shareAfter(to) / shareAfter(from);
  return isLarge(base) && share < 1 ? Number((share * rate).toPrecision(2)) : rate;
}

/** The same for a rate that was found without a reference adapter, for a run that begins with one. */
export const rateAfterReference = (
  rate: number,
  { method, optimizer }: Pick<Hyper, 'method' | 'optimizer'>,
  base: BaseShape,
): number =>
  isLarge(base) ? Math.min(rate, defaultLearningRate(method, optimizer, base, { reference: {} })) : rate;

const isLarge = (base: BaseShape) => linearWeights(base) >= LARGE_BASE_WEIGHTS;
const shareAfter = (steps: number) => Math.max(MIN_SHARE, Math.min(1, FULL_RATE_STEPS / steps));
