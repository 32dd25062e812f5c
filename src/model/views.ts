import type { Positions } from '../base-models/architectures.ts';
import type { Backend } from '../tensor/backend.ts';
import type { Angles, AttentionPlan } from '../tensor/compound.ts';
import type { Attention } from './attention.ts';
import type { ModelConfig } from './config.ts';
import { makeAngles } from './rope.ts';

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
