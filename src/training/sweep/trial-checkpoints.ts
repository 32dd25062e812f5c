/**
 * Checkpoints of a trial, so that one that was cut short goes on and does not begin anew. Those of a finished trial are
 * deleted.
 */
import { rm } from 'node:fs/promises';
import type { Backend } from '../../tensor/index.ts';
import {
  putInitial,
  recordSchema,
  restoreCheckpoint,
  saveCheckpoint,
  type Beginning,
  type Trained,
} from '../checkpoints/store.ts';
import type { LoopProgress } from '../loop.ts';

/** A trial after a step. */
export interface TrialState {
  step: number;
  progress: LoopProgress;
  /** Training loss of each step. */
  losses: readonly number[];
  /** Computing time so far. */
  seconds: number;
}

/** Writing takes at most about this share of the time. */
const SHARE = 0.1;
/** A trial never goes back, so the newest is enough. */
const plan = { outdated: (steps: readonly number[]) => steps.slice(0, -1) };

export interface TrialCheckpointsOptions {
  /** The trial's own folder. */
  dir: string;
  /** The least time between two of them. */
  seconds: number;
  backend: Backend;
  /** The value of a parameter before the first step. */
  initial: Beginning['initial'];
}

export class TrialCheckpoints {
  private written = performance.now();
  /** Milliseconds that the last one took to write. */
  private cost = 0;
  private broken = false;

  constructor(private readonly options: TrialCheckpointsOptions) {}

  /**
   * Puts the newest checkpoint into model and optimiser. Undefined if there is none to go on from: then they are as
   * before the first step.
   */
  async restore(trained: Pick<Trained, 'model' | 'optimizer'>): Promise<TrialState | undefined> {
    const { dir, backend, initial } = this.options;
    const { state, damaged } = await restoreCheckpoint(dir, { ...trained, initial });
    // One made on another device would give a trial that could not be compared with the others.
    const same = state?.backend === backend.name && state.device === backend.device?.name;
    const losses = state?.record.losses;
    if (state && same && losses?.length === state.step)
      return { step: state.step, progress: state.progress, losses, seconds: state.record.schedule.trained };
    if (!state && !damaged.length) return undefined;
    await putInitial({ ...trained, initial });
    await trained.optimizer.load(new Map());
    await this.drop();
    return undefined;
  }

  /** Writes one if it is due. */
  async stepped(trained: Pick<Trained, 'model' | 'optimizer'>, state: TrialState): Promise<void> {
    const since = performance.now() - this.written;
    if (since >= Math.max(1000 * this.options.seconds, this.cost / SHARE)) await this.save(trained, state);
  }

  /** Writes one. Where that fails, the trial goes on without. */
  async save(
    trained: Pick<Trained, 'model' | 'optimizer'>,
    { step, progress, losses, seconds }: TrialState,
  ): Promise<void> {
    if (this.broken) return;
    const { dir, backend } = this.options;
    const record = recordSchema.parse({ losses: [...losses], schedule: { trained: seconds } });
    const began = performance.now();
    try {
      const where = { backend: backend.name, device: backend.device?.name };
      await saveCheckpoint(dir, { ...trained, ...where }, { step, progress, record, plan });
    } catch (error) {
      this.broken = true;
      console.error(`No checkpoint of the trial could be written (${(error as Error).message}).`);
      await this.drop().catch(() => undefined);
    }
    this.written = performance.now();
    this.cost = this.written - began;
  }

  drop(): Promise<void> {
    return rm(this.options.dir, { recursive: true, force: true });
  }
}
