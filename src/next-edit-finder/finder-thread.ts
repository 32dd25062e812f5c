/** The thread that looks for next edits; it starts with the first question. */
import type { Worker } from 'node:worker_threads';
import { describeEnd } from '../platform/processes/child-end.ts';
import { startThread } from '../platform/processes/start.ts';
import type { FromFinder, ToFinder, Withdrawn } from './finder.ts';

/** After so many failures in a row, it is not started again. */
const MOST_FAILURES = 3;

export class FinderThread {
  private worker: Worker | undefined;
  private failures = 0;

  /** @param script of the thread */
  constructor(
    private readonly script: string,
    private readonly on: {
      answer: (answer: FromFinder) => void;
      /** It ended, which loses its answers; the next question starts it again. */
      lost: (why: string) => void;
    },
  ) {}

  /** False if it failed too often, and there will be no answer. */
  ask(question: ToFinder): boolean {
    if (this.failures >= MOST_FAILURES) return false;
    this.worker ??= this.start();
    this.worker.postMessage(question);
    return true;
  }

  /** Ends a search that is no longer wanted. */
  withdraw(newest: Withdrawn): void {
    this.worker?.postMessage(newest);
  }

  private start(): Worker {
    const worker = startThread(this.script);
    worker.unref();
    worker.on('message', (answer: FromFinder) => {
      this.failures = 0;
      this.on.answer(answer);
    });
    let failure: Error | undefined;
    worker.on('error', (error) => (failure = error));
    worker.on('exit', (status) => {
      if (this.worker !== worker) return;
      this.failures += 1;
      this.worker = undefined;
      this.on.lost(failure?.message ?? describeEnd(status));
    });
    return worker;
  }

  async dispose(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
  }
}
