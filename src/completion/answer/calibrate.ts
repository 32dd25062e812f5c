/** Fits a model's calibration to its suggestions at held-out cursors. */
import { chanceOf, defaultCalibration, type Calibration } from './chance.ts';

/** A suggestion at a held-out cursor. */
export interface Outcome {
  /** Log-probability of its first line, in nats. */
  logprob: number;
  /** Whether at least half of that line could be accepted, word by word. */
  right: boolean;
}

/** Standard deviation of the prior around the default calibration. */
const SPREAD = { bias: 0.75, slope: 0.25 };
const STEPS = 50;
const SMALLEST_SHARE = 2 ** -30;
/** Higher confidence never means being right less often. */
const MIN_SLOPE = 0.1;

/**
 * The most likely calibration: logistic regression (Platt 1999) with a normal prior around the default, so that few
 * outcomes barely change it. Found by Newton's method on a convex function. A step is halved until it reduces the loss,
 * because full steps can diverge.
 */
export function calibrate(outcomes: readonly Outcome[]): Calibration {
  let now: Calibration = { ...defaultCalibration };
  let loss = negativeLogPosterior(outcomes, now);
  for (let step = 0; step < STEPS; step += 1) {
    const move = newtonStep(outcomes, now);
    let gain = 0;
    for (let share = 1; share > SMALLEST_SHARE && gain <= 0; share /= 2) {
      const next = {
        bias: now.bias - share * move.bias,
        slope: Math.max(MIN_SLOPE, now.slope - share * move.slope),
      };
      gain = loss - negativeLogPosterior(outcomes, next);
      if (gain > 0) now = next;
    }
    loss -= Math.max(0, gain);
    if (gain < 1e-9) break;
  }
  return now;
}

const precision = { bias: SPREAD.bias ** -2, slope: SPREAD.slope ** -2 };

/** Negative log posterior of the calibration, up to a constant. */
function negativeLogPosterior(outcomes: readonly Outcome[], { bias, slope }: Calibration): number {
  let loss = (precision.bias * (bias - defaultCalibration.bias) ** 2) / 2;
  loss += (precision.slope * (slope - defaultCalibration.slope) ** 2) / 2;
  for (const { logprob, right } of outcomes) {
    const odds = (bias + slope * logprob) * (right ? -1 : 1);
    loss += Math.max(0, odds) + Math.log1p(Math.exp(-Math.abs(odds)));
  }
  return loss;
}

/** The Newton step to subtract. At the minimum slope, only the bias changes if the slope would fall further. */
function newtonStep(outcomes: readonly Outcome[], { bias, slope }: Calibration): Calibration {
  const gradient = {
    bias: precision.bias * (bias - defaultCalibration.bias),
    slope: precision.slope * (slope - defaultCalibration.slope),
  };
  const curvature = { bias: precision.bias, both: 0, slope: precision.slope };
  for (const { logprob, right } of outcomes) {
    const chance = chanceOf(logprob, { bias, slope });
    const [error, weight] = [chance - Number(right), chance * (1 - chance)];
    gradient.bias += error;
    gradient.slope += error * logprob;
    curvature.bias += weight;
    curvature.both += weight * logprob;
    curvature.slope += weight * logprob ** 2;
  }
  const area = curvature.bias * curvature.slope - curvature.both ** 2;
  const move = {
    bias: (curvature.slope * gradient.bias - curvature.both * gradient.slope) / area,
    slope: (curvature.bias * gradient.slope - curvature.both * gradient.bias) / area,
  };
  const isAtBound = slope <= MIN_SLOPE && move.slope > 0;
  return isAtBound ? { bias: gradient.bias / curvature.bias, slope: 0 } : move;
}
