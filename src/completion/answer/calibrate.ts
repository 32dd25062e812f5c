/** Finds the calibration of a model from what it suggested at held-out cursors. */
import { chanceOf, defaultCalibration, type Calibration } from './chance.ts';

/** A suggestion at a held-out cursor. */
export interface Outcome {
  /** Of its first line, in nats. */
  logprob: number;
  /** At least half of that line could be accepted, word by word. */
  right: boolean;
}

/** How far (standard deviation) a model's calibration is expected to be from the default. */
const SPREAD = { bias: 0.75, slope: 0.25 };
const STEPS = 50;
const SMALLEST_SHARE = 2 ** -30;
/** A model that is surer is never less often right. */
const LEAST_SLOPE = 0.1;

/**
 * The most likely calibration (logistic regression, as in Platt 1999) where few outcomes leave the default nearly as it
 * is: each parameter has a normal distribution around it. Found by Newton's method; the function is convex. A step is
 * halved until it is one down: whole ones can lead away from the minimum without end.
 */
export function calibrate(outcomes: readonly Outcome[]): Calibration {
  let now: Calibration = { ...defaultCalibration };
  let loss = lossOf(outcomes, now);
  for (let step = 0; step < STEPS; step += 1) {
    const move = newtonStep(outcomes, now);
    let gain = 0;
    for (let share = 1; share > SMALLEST_SHARE && gain <= 0; share /= 2) {
      const next = {
        bias: now.bias - share * move.bias,
        slope: Math.max(LEAST_SLOPE, now.slope - share * move.slope),
      };
      gain = loss - lossOf(outcomes, next);
      if (gain > 0) now = next;
    }
    loss -= Math.max(0, gain);
    if (gain < 1e-9) break;
  }
  return now;
}

const pull = { bias: SPREAD.bias ** -2, slope: SPREAD.slope ** -2 };

/** Negative logarithm of how likely the outcomes and the calibration are, but for a constant. */
function lossOf(outcomes: readonly Outcome[], { bias, slope }: Calibration): number {
  let loss = (pull.bias * (bias - defaultCalibration.bias) ** 2) / 2;
  loss += (pull.slope * (slope - defaultCalibration.slope) ** 2) / 2;
  for (const { logprob, right } of outcomes) {
    const odds = (bias + slope * logprob) * (right ? -1 : 1);
    loss += Math.max(0, odds) + Math.log1p(Math.exp(-Math.abs(odds)));
  }
  return loss;
}

/** What to subtract; at the least slope, only from the bias if the slope would fall further. */
function newtonStep(outcomes: readonly Outcome[], { bias, slope }: Calibration): Calibration {
  const gradient = {
    bias: pull.bias * (bias - defaultCalibration.bias),
    slope: pull.slope * (slope - defaultCalibration.slope),
  };
  const curve = { bias: pull.bias, both: 0, slope: pull.slope };
  for (const { logprob, right } of outcomes) {
    const chance = chanceOf(logprob, { bias, slope });
    const [error, weight] = [chance - Number(right), chance * (1 - chance)];
    gradient.bias += error;
    gradient.slope += error * logprob;
    curve.bias += weight;
    curve.both += weight * logprob;
    curve.slope += weight * logprob ** 2;
  }
  const area = curve.bias * curve.slope - curve.both ** 2;
  const move = {
    bias: (curve.slope * gradient.bias - curve.both * gradient.slope) / area,
    slope: (curve.bias * gradient.slope - curve.both * gradient.bias) / area,
  };
  const stays = slope <= LEAST_SLOPE && move.slope > 0;
  return stays ? { bias: gradient.bias / curve.bias, slope: 0 } : move;
}
