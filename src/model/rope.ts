import type { Positions } from '../base-models/architectures.ts';
import type { Backend } from '../tensor/backend.ts';
import type { Angles } from '../tensor/compound.ts';
import type { ModelConfig } from './config.ts';

/**
 * RoPE's cosines and sines for positions 0 to length - 1: [length, headSize / 2] each. Dispose them after use. If the
 * architecture scales scores by something other than 1 / sqrt(headSize), the square root of the ratio is included, so
 * that q and k are scaled on the way.
 */
export function makeAngles(b: Backend, config: ModelConfig, positions: Positions, length: number): Angles {
  const { headSize, scales } = config;
  const factor = scales.attention === undefined ? 1 : Math.sqrt(scales.attention * Math.sqrt(headSize));
  const frequencies = ropeFrequencies(config, positions);
  const half = frequencies.length;
  const table = (f: (angle: number) => number) => {
    const values = new Float32Array(length * half);
    for (let i = 0; i < values.length; i += 1)
      values[i] = factor * f(Math.floor(i / half) * frequencies[i % half]!);
    return b.keep(b.tensor(values, [length, half]));
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

/** Radians per position of each pair; all zero without RoPE. */
function ropeFrequencies(
  { headSize, ropeDivisors }: ModelConfig,
  { ropeTheta, ropeFactor }: Positions,
): number[] {
  return Array.from({ length: headSize / 2 }, (_, i) =>
    ropeTheta === undefined ? 0 : ropeTheta ** ((-2 * i) / headSize) / ropeFactor / (ropeDivisors?.[i] ?? 1),
  );
}
