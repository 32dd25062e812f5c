import type { Backend } from '../tensor/backend.ts';
import type { Angles } from '../tensor/compound.ts';
import type { ModelConfig } from './config.ts';

/** RoPE's angles of positions 0 to length - 1: [length, headSize / 2] each. Dispose them after use. */
export function makeAngles(b: Backend, config: ModelConfig, length: number): Angles {
  const frequencies = ropeFrequencies(config);
  const half = frequencies.length;
  const table = (f: (angle: number) => number) => {
    const values = new Float32Array(length * half);
    for (let i = 0; i < values.length; i += 1) values[i] = f(Math.floor(i / half) * frequencies[i % half]!);
    return b.keep(b.tensor(values, [length, half]));
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

/** Radians per position of each pair. */
function ropeFrequencies({ headSize, ropeTheta, ropeFactor, ropeDivisors }: ModelConfig): number[] {
  return Array.from(
    { length: headSize / 2 },
    (_, i) => ropeTheta ** ((-2 * i) / headSize) / ropeFactor / (ropeDivisors?.[i] ?? 1),
  );
}
