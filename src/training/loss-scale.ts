/**
 * The loss scale of training in f16, watched as in PyTorch's GradScaler (Micikevicius et al., "Mixed precision
 * training"). The smallest positive f16 is 6e-8, and much of a gradient is below that. So the loss is multiplied by the
 * scale, and the gradient is divided by it before the update. If the gradient is not finite, it was too large for f16:
 * the step is skipped and the scale halved.
 */
import { z } from 'zod';

const INITIAL_SCALE = 2 ** 16;
/** This many good steps in a row double the scale. */
const GROWTH_INTERVAL = 2000;
/** If a gradient is not finite even at this scale, the scale is not the cause. */
const MIN_SCALE = 1;

/** Stored in every checkpoint of a run in f16. */
export const lossScaleSchema = z.object({
  scale: z.number().positive().default(INITIAL_SCALE),
  /** Good steps since it last changed. */
  good: z.int().default(0),
});
type LossScale = z.infer<typeof lossScaleSchema>;

/**
 * The initial scale, or the `restored` one; undefined for a precision that needs none. A run in f16 may continue in
 * f32, on a backend without f16.
 */
export const lossScaleFor = (precision: string, restored?: LossScale): LossScale | undefined =>
  precision === 'f16' ? (restored ?? lossScaleSchema.parse({})) : undefined;

/** The scale after a step whose gradient was not finite; undefined if it can't be lowered any more. */
export const afterOverflow = ({ scale }: LossScale): LossScale | undefined =>
  scale > MIN_SCALE ? { scale: scale / 2, good: 0 } : undefined;

/** The scale after a step whose gradient was finite. */
export const afterGoodStep = ({ scale, good }: LossScale): LossScale =>
  good + 1 < GROWTH_INTERVAL ? { scale, good: good + 1 } : { scale: 2 * scale, good: 0 };
