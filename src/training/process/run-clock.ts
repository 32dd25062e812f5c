/** Adds the expected end to a run's state: from the estimate before it started, and from its progress. */
import type { RunSpec, RunState } from '../../protocol/run.ts';
import { awakeMs } from '../../platform/machine/awake.ts';
import type { RunWriter } from '../../runs/writer.ts';

/** Phases that count towards the training budget. */
const TRAINING = /^Training/;

type ClockedWriter = Pick<RunWriter, 'state'>;

/**
 * @param onTraining called once, with the seconds that were spent before training
 * @param awake milliseconds, without the time that the computer sleeps, which a run can't use
 */
export class RunClock implements ClockedWriter {
  private readonly began: number;
  /** That and the start of training, by `awake`. */
  private readonly beganAwake: number;
  private trainingStartedAwake: number | undefined;

  constructor(
    private readonly writer: ClockedWriter,
    private readonly expected: RunSpec['expected'],
    private readonly onTraining: (preparing: number) => void = () => undefined,
    private readonly now: () => number = Date.now,
    private readonly awake: () => number = awakeMs,
  ) {
    this.began = now();
    this.beganAwake = awake();
  }

  state(patch: Partial<RunState>): Promise<void> {
    return this.writer.state({ ...this.times(patch), ...patch });
  }

  private times({ status, phase, etaSeconds, step, ends }: Partial<RunState>): Partial<RunState> {
    const [now, awake] = [this.now(), this.awake()];
    if (status && !['running', 'evaluating'].includes(status))
      return { begun: undefined, ends: undefined, etaSeconds: undefined };
    const begun = new Date(this.began).toISOString();
    const at = (seconds: number, from = now) => ({
      begun,
      ends: new Date(from + 1000 * seconds).toISOString(),
    });
    if (ends !== undefined) return { begun };
    if (phase !== undefined && TRAINING.test(phase) && this.trainingStartedAwake === undefined) {
      this.trainingStartedAwake = awake;
      this.onTraining((awake - this.beganAwake) / 1000);
    }
    if (!this.expected) return phase === undefined ? {} : { etaSeconds: undefined };
    const { preparing, training, measuring } = this.expected;
    if (status === 'evaluating') return { ...at(measuring), etaSeconds: undefined };
    // A step shows how long the others will take.
    if (step !== undefined && etaSeconds !== undefined) return at(etaSeconds + measuring);
    if (phase === undefined) return {};
    // What the computer slept since then comes on top.
    if (this.trainingStartedAwake === undefined) {
      const began = now - (awake - this.beganAwake);
      const etaSeconds = secondsUntil(began + 1000 * preparing, now);
      return { ...at(preparing + training + measuring, began), etaSeconds };
    }
    const startedAt = now - (awake - this.trainingStartedAwake);
    return TRAINING.test(phase)
      ? { ...at(training + measuring, startedAt), etaSeconds: secondsUntil(startedAt + 1000 * training, now) }
      : { etaSeconds: undefined };
  }
}

/** What is left of the times of a run that is resumed from the checkpoint of step `done`. */
export const timesLeft = (
  expected: RunSpec['expected'],
  done: number,
  { steps }: Pick<RunState, 'steps'>,
): RunSpec['expected'] =>
  expected && { ...expected, training: expected.training * Math.max(0, 1 - done / Math.max(1, steps)) };

const secondsUntil = (until: number, now: number) =>
  Math.max(0, Math.round((until - now) / 1000)) || undefined;
