/** The evaluator's end of the scoring process: see worker.ts. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { bundlePath } from '../../platform/processes/bundles.ts';
import { endedEarly } from '../../platform/processes/child-end.ts';
import { UserError } from '../../text/errors.ts';
import {
  scorerAnswerSchema,
  type ScorerAnswer,
  type ScorerOpening,
  type ScorerRequest,
} from '../../protocol/scorer.ts';
import type { LossOptions, Predictions } from '../../model/index.ts';
import type { Which } from '../../training/scorer.ts';

/** A request without its id; Omit alone would merge the union. */
type RequestWithoutId = ScorerRequest extends infer R
  ? R extends { id: number }
    ? Omit<R, 'id'>
    : never
  : never;
type Value = Extract<ScorerAnswer, { type: 'done' }>['value'];

/** A Scorer in a process of its own. */
export class ScorerProcess {
  private readonly pending = new Map<number, { resolve(value: Value): void; reject(error: Error): void }>();
  readonly closed: Promise<void>;
  private nextId = 0;
  private failure: Error | undefined;
  private disposing = false;

  private constructor(
    private readonly child: ChildProcess,
    readonly precisions: readonly ('bf16' | 'f16')[],
  ) {
    child.on('message', (received) => this.receive(scorerAnswerSchema.parse(received)));
    this.closed = once(child, 'close').then(([code, signal]) =>
      this.onClose((signal ?? code) as string | number | null),
    );
  }

  /** Starts the process and its backend; the model is loaded at the first request. Throws like openScorer. */
  static async open(options: ScorerOpening): Promise<ScorerProcess> {
    const child = fork(bundlePath('scorer-worker'), {
      // Its stdout must not mix with the evaluator's.
      stdio: ['ignore', process.stderr, 'inherit', 'ipc'],
      serialization: 'advanced',
      execArgv: [],
    });
    const closed = once(child, 'close').then(([code, signal]) => {
      throw scoringEnded((signal ?? code) as string | number | null);
    });
    child.send({ type: 'open', ...options });
    const [received] = (await Promise.race([once(child, 'message'), closed])) as [unknown];
    closed.catch(() => undefined);
    const answer = scorerAnswerSchema.parse(received);
    if (answer.type === 'started') return new ScorerProcess(child, answer.precisions);
    child.kill('SIGKILL');
    if (answer.type === 'failed') throw new UserError(answer.code, answer.message, answer.next);
    throw new Error('the scoring process answered before it was asked');
  }

  tokenLosses(tokens: Int32Array, which: Which, options?: LossOptions): Promise<Float32Array> {
    return this.ask<Float32Array>({ type: 'tokenLosses', tokens, which, options });
  }

  predictions(tokens: Int32Array, which: Which, last: number): Promise<Predictions> {
    return this.ask<Predictions>({ type: 'predictions', tokens, which, last });
  }

  tokenKl(tokens: Int32Array): Promise<Float32Array> {
    return this.ask<Float32Array>({ type: 'tokenKl', tokens });
  }

  async expectKl(texts: readonly Int32Array[]): Promise<void> {
    await this.ask({ type: 'expectKl', texts: [...texts] });
  }

  probabilities(tokens: Int32Array, which: Which): Promise<Float32Array[]> {
    return this.ask<Float32Array[]>({ type: 'probabilities', tokens, which });
  }

  async setStrength(strength: number): Promise<void> {
    await this.ask({ type: 'setStrength', strength });
  }

  /** Ends the process. All its memory is free then. */
  async dispose(): Promise<void> {
    this.disposing = true;
    if (this.failure) return;
    this.child.kill('SIGKILL');
    await this.closed;
  }

  private ask<T extends Value>(request: RequestWithoutId): Promise<T> {
    if (this.failure) return Promise.reject(this.failure);
    const id = (this.nextId += 1);
    return new Promise<T>((resolve, reject) => {
      this.pending.set(id, { resolve: (value) => resolve(value as T), reject });
      this.child.send({ ...request, id }, (error) => error && reject(error));
    });
  }

  private receive(answer: ScorerAnswer): void {
    if (answer.type === 'started') return;
    const asked = this.pending.get(answer.id ?? 0);
    this.pending.delete(answer.id ?? 0);
    if (answer.type === 'done') asked?.resolve(answer.value);
    else asked?.reject(new UserError(answer.code, answer.message, answer.next));
  }

  private onClose(exitStatus: string | number | null): void {
    this.failure = this.disposing ? new Error('the scoring process was closed') : scoringEnded(exitStatus);
    for (const { reject } of this.pending.values()) reject(this.failure);
    this.pending.clear();
  }
}

const scoringEnded = (exitStatus: string | number | null) =>
  endedEarly('The measurement', exitStatus, 'Measure again: what was measured so far is kept.');
