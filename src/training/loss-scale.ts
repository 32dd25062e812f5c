/**
 * The loss scale of training in f16, watched as in PyTorch's GradScaler (Micikevicius et al., "Mixed precision
 * training"). The smallest numbers of f16 are 6e-8, and much of a gradient is below that: it is made of a loss that was
 * multiplied by the scale, and divided by it before the update. A gradient that then is not finite was too large for
 * f16: its step is skipped, and the scale halved.
 */
import { z } from 'zod';

const INITIAL_SCALE = 2 ** 16;
/** So many good steps in a row double the scale. */
const GROWTH_INTERVAL = 2000;
/** A gradient that is not finite at this scale is not the scale's fault. */
const MIN_SCALE = 1;

/** Stored in every checkpoint of a run in f16. */
export const lossScaleSchema = z.object({
  scale: z.number().positive().default(INITIAL_SCALE),
  /** Good steps since it last changed. */
  good: z.int().default(0),
});
type LossScale = z.infer<typeof lossScaleSchema>;

/**
 * The scale to begin with, or to go on with if it was `restored`: undefined in a precision that needs none. A run in f16
 * may go on in f32, on a backend that has no f16.
 */
export const lossScaleFor = (precision: string, restored?: LossScale): LossScale | undefined =>
  precision === 'f16' ? (restored ?? lossScaleSchema.parse({})) : undefined;

/** After a step whose gradient was not finite: the scale that the next one takes, undefined if it can't be less. */
export const afterOverflow = ({ scale }: LossScale): LossScale | undefined =>
  scale > MIN_SCALE ? { scale: scale / 2, good: 0 } : undefined;

/** After a step whose gradient was finite. */
export const afterGoodStep = ({ scale, good }: LossScale): LossScale =>
  good + 1 < GROWTH_INTERVAL ? { scale, good: good + 1 } : { scale: 2 * scale, good: 0 };
