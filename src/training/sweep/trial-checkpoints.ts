/**
 * Checkpoints of a trial, so that an interrupted one continues instead of starting over. Those of a finished trial are
 * deleted.
 */
import type { Backend } from '../../tensor/index.ts';
import {
  restoreInitialWeights,
  recordSchema,
  restoreCheckpoint,
  saveCheckpoint,
  type InitialState,
  type CheckpointSource,
} from '../checkpoints/store.ts';
import type { LoopProgress } from '../loop.ts';
import { removeFolder } from '../../platform/files/write-file.ts';

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
  /** Minimum time between two of them. */
  seconds: number;
  backend: Backend;
  /** The value of a parameter before the first step. */
  initial: InitialState['initial'];
}

export class TrialCheckpoints {
  private writtenAt = performance.now();
  /** Milliseconds that the last one took to write. */
  private writeMs = 0;
  private hasFailed = false;

  constructor(private readonly options: TrialCheckpointsOptions) {}

  /**
   * Restores model and optimiser from the newest checkpoint. Undefined if there is none to continue from: then they are
   * as before the first step.
   */
  async restore(trained: Pick<CheckpointSource, 'model' | 'optimizer'>): Promise<TrialState | undefined> {
    const { dir, backend, initial } = this.options;
    const { state } = await restoreCheckpoint(dir, { ...trained, initial });
    if (!state) return undefined;
    // With a checkpoint from another device, the trial could not be compared with the others.
    const isSameDevice = state.backend === backend.name && state.device === backend.device?.name;
    const { losses } = state.record;
    if (isSameDevice && losses?.length === state.step)
      return { step: state.step, progress: state.progress, losses, seconds: state.record.schedule.trained };
    await restoreInitialWeights({ ...trained, initial });
    await trained.optimizer.load(new Map());
    await this.deleteAll();
    return undefined;
  }

  /** Writes a checkpoint if it is due. */
  async saveIfDue(trained: Pick<CheckpointSource, 'model' | 'optimizer'>, state: TrialState): Promise<void> {
    const since = performance.now() - this.writtenAt;
    if (since >= Math.max(1000 * this.options.seconds, this.writeMs / SHARE)) await this.save(trained, state);
  }

  /** Writes a checkpoint. If that fails, the trial continues without it. */
  async save(
    trained: Pick<CheckpointSource, 'model' | 'optimizer'>,
    { step, progress, losses, seconds }: TrialState,
  ): Promise<void> {
    if (this.hasFailed) return;
    const { dir, backend } = this.options;
    const record = recordSchema.parse({ losses: [...losses], schedule: { trained: seconds } });
    const startedAt = performance.now();
    try {
      const place = { backend: backend.name, device: backend.device?.name };
      await saveCheckpoint(dir, { ...trained, ...place }, { step, progress, record, plan });
    } catch (error) {
      this.hasFailed = true;
      console.error(`No checkpoint of the trial could be written (${(error as Error).message}).`);
      await this.deleteAll().catch(() => undefined);
    }
    this.writtenAt = performance.now();
    this.writeMs = this.writtenAt - startedAt;
  }

  deleteAll(): Promise<void> {
    return removeFolder(this.options.dir);
  }
}
