/** The stored summary of a matrix's singular values. */
import { energyShares, type Spectrum } from '../../protocol/spectrum.ts';

/** Number of values kept of a longer list: enough for a curve. */
const CURVE_POINTS = 33;

/** Summarises singular values, largest first; undefined if all are zero. */
export function summarise(values: ArrayLike<number>): Spectrum | undefined {
  const energy = sumOfSquares(values);
  if (energy === 0) return undefined;
  return {
    size: short(Math.sqrt(energy)),
    ranks: energyShares.map((share) => rankHolding(values, share, energy)),
    values: curve(values),
  };
}

/** The summary of the same matrix, scaled to the size `to`. */
export function scaleSpectrum({ size, ranks, values }: Spectrum, to: number): Spectrum {
  return { size: to, ranks, values: values.map((value) => short((value * to) / size)) };
}

/** How many of the largest values hold a share of the energy. */
function rankHolding(values: ArrayLike<number>, share: number, energy: number): number {
  let held = 0;
  for (let i = 0; i < values.length; i += 1) {
    held += values[i]! ** 2;
    if (held >= share * energy) return i + 1;
  }
  return values.length;
}

function curve(values: ArrayLike<number>): number[] {
  const points = Math.min(CURVE_POINTS, values.length);
  const last = values.length - 1;
  return Array.from({ length: points }, (_, i) =>
    short(values[points === 1 ? 0 : Math.round((i * last) / (points - 1))]!),
  );
}

export function sumOfSquares(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i]! ** 2;
  return sum;
}

/** Rounds to as many digits as a curve shows. */
const short = (value: number) => Number(value.toPrecision(5));
