/** Calls between the owner of a run and the process that trains it (platform/processes/calls.ts). */
import type { RunEvent } from './events.ts';
import type { RunState } from './run.ts';

/** The result of training. */
export interface TrainedResult {
  /** The last step. */
  step: number;
  /** Median. */
  tokensPerSecond: number;
  /** Bytes. */
  peakMemory: number;
  /** File name within the run directory. */
  artefact: string;
}

/** Only the owner writes into the run. Both resolve once the data is on disk. */
export interface OwnerCalls {
  event(event: RunEvent): Promise<void>;
  /** Changes the state; a key set to undefined is removed. */
  state(patch: Partial<RunState>): Promise<void>;
}

export interface TrainingCalls {
  /** Trains the run; undefined if it was stopped before its end. */
  train(): Promise<TrainedResult | undefined>;
  /** Finish the step, write a checkpoint and end. */
  cancel(): void;
}
