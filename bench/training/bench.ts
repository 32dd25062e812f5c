/** Runs both sides of one job in turn. */
import { join } from 'node:path';
import { availableParallelism } from 'node:os';
import { measure, type Outcome } from './child.ts';
import { shapes, type Job, type ModelName, type Precision } from './job.ts';
import { writeRandomBase } from './random-base.ts';

export interface Point {
  model: ModelName;
  precision: Precision;
  sequence: number;
  batch: number;
  /** Path of a base with the model's shape; default a random one in the precision. */
  base?: string | undefined;
  recompute?: boolean | undefined;
}

export interface Effort {
  warmupSteps: number;
  steps: number;
  roofline: boolean;
}

export type SideName = 'ours' | 'theirs';

/** Starts either side, and keeps the random bases in `dir`. */
export class Bench {
  private readonly bases = new Map<string, Promise<string>>();

  constructor(
    private readonly dir: string,
    private readonly commands: Record<SideName, readonly string[]>,
    private readonly signal: AbortSignal,
  ) {}

  async job(
    { model, precision, sequence, batch, base, recompute = false }: Point,
    effort: Effort,
  ): Promise<Job> {
    return {
      shape: shapes[model],
      precision,
      sequence,
      batch,
      ...effort,
      threads: availableParallelism(),
      seed: 1,
      learningRate: 1e-4,
      clipNorm: 1,
      lora: { rank: 16, alpha: 32, dropout: 0.05 },
      base: base ?? (await this.base(model, precision)),
      randomBase: base === undefined,
      recompute,
      backend: 'tensorflow',
    };
  }

  /** Throws CannotMeasure. */
  run(side: SideName, job: Job): Promise<Outcome> {
    return measure(this.commands[side], job, this.signal);
  }

  private base(model: ModelName, precision: Precision): Promise<string> {
    const path = join(this.dir, `${model}-${precision}.gguf`);
    const known = this.bases.get(path) ?? writeRandomBase(path, shapes[model], precision).then(() => path);
    this.bases.set(path, known);
    return known;
  }
}
