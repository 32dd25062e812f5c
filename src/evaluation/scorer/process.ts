/** The evaluator's end of the scoring process: see worker.ts. */
import type { ChildProcess } from 'node:child_process';
import { startBundle } from '../../platform/processes/bundles.ts';
import { callsOver, type Calls } from '../../platform/processes/calls.ts';
import { endedEarly } from '../../platform/processes/child-end.ts';
import { endOf } from '../../platform/processes/start.ts';
import { msg } from '../../text/errors.ts';
import type { Precisions, ScorerCalls, ScorerOpening } from './calls.ts';

/** A Scorer in a separate process. */
export class ScorerProcess implements Omit<ScorerCalls, 'open'> {
  readonly closed: Promise<void>;
  precisions: Precisions = [];
  private readonly child: ChildProcess;
  private readonly calls: Calls<ScorerCalls>;
  private failure: Error | undefined;
  private disposing = false;

  private constructor() {
    this.child = startBundle('scorer-worker', [], {
      // Its stdout must not mix with the evaluator's.
      stdio: ['ignore', process.stderr, 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.calls = callsOver<ScorerCalls, object>(this.child, {});
    this.closed = endOf(this.child).then(({ how }) => {
      this.failure = this.disposing ? new Error('the scoring process was closed') : scoringEnded(how);
      this.calls.$close(this.failure);
    });
  }

  /** Starts the process and its backend; the model is loaded at the first request. Throws like openScorer. */
  static async open(options: ScorerOpening): Promise<ScorerProcess> {
    const scorer = new ScorerProcess();
    try {
      scorer.precisions = await scorer.ask((calls) => calls.open(options));
      return scorer;
    } catch (error) {
      await scorer.dispose();
      throw error;
    }
  }

  tokenLosses(...args: Parameters<ScorerCalls['tokenLosses']>) {
    return this.ask((calls) => calls.tokenLosses(...args));
  }

  predictions(...args: Parameters<ScorerCalls['predictions']>) {
    return this.ask((calls) => calls.predictions(...args));
  }

  tokenKl(...args: Parameters<ScorerCalls['tokenKl']>) {
    return this.ask((calls) => calls.tokenKl(...args));
  }

  prepareKl(texts: readonly Int32Array[]) {
    return this.ask((calls) => calls.prepareKl(texts));
  }

  probabilities(...args: Parameters<ScorerCalls['probabilities']>) {
    return this.ask((calls) => calls.probabilities(...args));
  }

  setStrength(strength: number) {
    return this.ask((calls) => calls.setStrength(strength));
  }

  /** Ends the process, which frees all of its memory. */
  async dispose(): Promise<void> {
    this.disposing = true;
    if (this.failure) return;
    this.child.kill('SIGKILL');
    await this.closed;
  }

  /** Throws what the process threw, or how it ended. */
  private ask<T>(call: (calls: Calls<ScorerCalls>) => Promise<T>): Promise<T> {
    return this.failure ? Promise.reject(this.failure) : call(this.calls);
  }
}

const scoringEnded = (exitStatus: number | string | null) =>
  endedEarly(msg`The measurement`, exitStatus, msg`Measure again: what was measured so far is kept.`);
