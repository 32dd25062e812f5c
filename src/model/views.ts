import type { Positions } from '../base-models/architectures.ts';
import type { Backend } from '../tensor/backend.ts';
import type { Angles, AttentionPlan } from '../tensor/compound.ts';
import type { Attention } from './attention.ts';
import type { ModelConfig } from './config.ts';

/** RoPE's angles and the attention plan; layers with the same positions share them. */
export interface View {
  plan: AttentionPlan;
  angles: Angles;
}

const KEPT_TABLES = 4;

/** Creates the views of a pass. */
export class Views {
  private readonly tables = new Map<number, Map<Positions, Angles>>();

  constructor(
    private readonly backend: Backend,
    private readonly config: ModelConfig,
    private readonly attention: Attention,
  ) {}

  /** Views for `rows` sequences; `starts` as in Batch. Dispose the plans' chunks (`chunksOf`) after use. */
  of(rows: number, length: number, starts?: Int32Array): Map<Positions, View> {
    const views = new Map<Positions, View>();
    for (const [positions, angles] of this.angles(length))
      views.set(positions, { plan: this.attention.plan(rows, length, starts, positions.window), angles });
    return views;
  }

  /** Tables are cached for a few lengths: that of training, and those of evaluations in between. */
  private angles(length: number): Map<Positions, Angles> {
    const known = this.tables.get(length);
    if (known) return known;
    if (this.tables.size >= KEPT_TABLES) {
      const [oldest, angles] = this.tables.entries().next().value!;
      this.backend.dispose(angles);
      this.tables.delete(oldest);
    }
    const made = new Map<Positions, Angles>();
    for (const positions of new Set(this.config.positions))
      made.set(positions, makeAngles(this.backend, this.config, positions, length));
    this.tables.set(length, made);
    return made;
  }

  dispose(): void {
    this.backend.dispose(this.tables);
  }
}

export const chunksOf = (views: ReadonlyMap<Positions, View>) =>
  [...views.values()].map(({ plan }) => plan.chunks);

/**
 * RoPE's cosines and sines for positions 0 to length - 1: [length, headSize / 2] each. Dispose them after use. If the
 * architecture scales scores by something other than 1 / sqrt(headSize), the square root of the ratio is included, so
 * that q and k are scaled on the way.
 */
function makeAngles(b: Backend, config: ModelConfig, positions: Positions, length: number): Angles {
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
