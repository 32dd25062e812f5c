/** A few slots shared by many users, first come, first served. Waiting can be aborted. */
import { setMaxListeners } from 'node:events';

export class Slots<T> {
  private readonly free: T[];
  private readonly waiting: ((slot: T) => void)[] = [];

  constructor(slots: readonly T[]) {
    this.free = [...slots];
  }

  /**
   * The free slot with the highest `score`; waits if none is free. In a tie, the one that has been free longest wins,
   * so that slots take turns. Rejects with the signal's reason.
   */
  async acquire(score: (slot: T) => number, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const best = this.free.reduce<{ slot: T; score: number } | undefined>((chosen, slot) => {
      const value = score(slot);
      return chosen && chosen.score >= value ? chosen : { slot, score: value };
    }, undefined);
    if (best) {
      this.free.splice(this.free.indexOf(best.slot), 1);
      return best.slot;
    }
    return new Promise<T>((resolve, reject) => {
      const take = (slot: T) => {
        signal?.removeEventListener('abort', onAbort);
        resolve(slot);
      };
      const onAbort = () => {
        this.waiting.splice(this.waiting.indexOf(take), 1);
        reject(signal?.reason as Error);
      };
      if (signal) {
        // Each waiting user adds a listener to the signal; Node would report more than ten as a leak.
        setMaxListeners(0, signal);
        signal.addEventListener('abort', onAbort, { once: true });
      }
      this.waiting.push(take);
    });
  }

  release(slot: T): void {
    const next = this.waiting.shift();
    if (next) next(slot);
    else this.free.push(slot);
  }
}
