/** The thread that searches for next edits; started by the first question. */
import type { Worker } from 'node:worker_threads';
import { describeEnd } from '../platform/processes/child-end.ts';
import { startThread } from '../platform/processes/start.ts';
import type { FromFinder, ToFinder, Cancellation } from './finder.ts';

/** After this many consecutive failures, it is not started again. */
const MAX_FAILURES = 3;

export class FinderThread {
  private worker: Worker | undefined;
  private failures = 0;

  /** @param script of the thread */
  constructor(
    private readonly script: string,
    private readonly handlers: {
      answer: (answer: FromFinder) => void;
      /** The thread ended and its answers are lost; the next question restarts it. */
      lost: (why: string) => void;
    },
  ) {}

  /** Returns false if it failed too often, so there will be no answer. */
  ask(question: ToFinder): boolean {
    if (this.failures >= MAX_FAILURES) return false;
    this.worker ??= this.start();
    this.worker.postMessage(question);
    return true;
  }

  /** Cancels a search that is no longer needed. */
  cancel(newest: Cancellation): void {
    this.worker?.postMessage(newest);
  }

  private start(): Worker {
    const worker = startThread(this.script);
    worker.unref();
    worker.on('message', (answer: FromFinder) => {
      this.failures = 0;
      this.handlers.answer(answer);
    });
    let failure: Error | undefined;
    worker.on('error', (error) => (failure = error));
    worker.on('exit', (status) => {
      if (this.worker !== worker) return;
      this.failures += 1;
      this.worker = undefined;
      this.handlers.lost(failure?.message ?? describeEnd(status));
    });
    return worker;
  }

  async dispose(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
  }
}
