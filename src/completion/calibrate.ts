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
/** A model that is surer is never less often right. */
const LEAST_SLOPE = 0.1;

/**
 * The most likely calibration (logistic regression, as in Platt 1999) where few outcomes leave the default nearly as it
 * is: each parameter has a normal distribution around it. Found by Newton's method; the function is convex.
 */
export function calibrate(outcomes: readonly Outcome[]): Calibration {
  let { bias, slope } = defaultCalibration;
  for (let step = 0; step < STEPS; step += 1) {
    const [pullBias, pullSlope] = [SPREAD.bias ** -2, SPREAD.slope ** -2];
    const gradient = [
      pullBias * (bias - defaultCalibration.bias),
      pullSlope * (slope - defaultCalibration.slope),
    ] as [number, number];
    const curve = { bias: pullBias, both: 0, slope: pullSlope };
    for (const { logprob, right } of outcomes) {
      const chance = chanceOf(logprob, { bias, slope });
      const [error, weight] = [chance - Number(right), chance * (1 - chance)];
      gradient[0] += error;
      gradient[1] += error * logprob;
      curve.bias += weight;
      curve.both += weight * logprob;
      curve.slope += weight * logprob ** 2;
    }
    const area = curve.bias * curve.slope - curve.both ** 2;
    const move = {
      bias: (curve.slope * gradient[0] - curve.both * gradient[1]) / area,
      slope: (curve.bias * gradient[1] - curve.both * gradient[0]) / area,
    };
    bias -= move.bias;
    slope -= move.slope;
    if (Math.abs(move.bias) + Math.abs(move.slope) < 1e-9) break;
  }
  return { bias, slope: Math.max(LEAST_SLOPE, slope) };
}
