/**
 * Decides which request computes next: models take turns, and so do a model's clients; each client's requests are in
 * order of arrival.
 */
import { HttpError } from '../http-error.ts';

export interface FairQueueOptions {
  /** Requests that compute in parallel. */
  slots: number;
  /** Limit of parallel requests per model. */
  perModel: number;
  /** Requests that may wait; further ones are refused. */
  waiting: number;
}

interface Job {
  start(): void;
}

/** Assumed duration of a request until one was measured, in ms. */
const INITIAL_MS = 1000;
const MAX_RETRY_S = 60;

export class FairQueue {
  /** Waiting requests by model and client; the next ones first. */
  private readonly models = new Map<string, Map<string, Job[]>>();
  private readonly runningByModel = new Map<string, number>();
  private averageMs = INITIAL_MS;
  running = 0;
  waiting = 0;

  constructor(private readonly options: FairQueueOptions) {}

  /**
   * Calls `work` when it is its turn. Throws HttpError 429 if too many wait, with the seconds after which there
   * should be room; rejects with the signal's reason if it aborts while waiting.
   */
  async run<T>(model: string, client: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.waitForTurn(model, client, signal);
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      this.averageMs += 0.1 * (performance.now() - startedAt - this.averageMs);
      this.running -= 1;
      this.runningByModel.set(model, (this.runningByModel.get(model) ?? 1) - 1);
      this.startNext();
    }
  }

  private waitForTurn(model: string, client: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.waiting >= this.options.waiting && !this.free(model))
      throw new HttpError(
        429,
        'too_many_requests',
        `${this.waiting} requests are already waiting. Try again in ${this.retryAfter} s.`,
        this.retryAfter,
      );
    return new Promise((resolve, reject) => {
      const job: Job = {
        start: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = () => {
        this.remove(model, client, job);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.enqueue(model, client, job);
      this.startNext();
    });
  }

  private get retryAfter(): number {
    const seconds = (this.averageMs * (this.waiting / this.options.slots)) / 1000;
    return Math.min(MAX_RETRY_S, Math.max(1, Math.ceil(seconds)));
  }

  private free(model: string): boolean {
    const { slots, perModel } = this.options;
    return this.running < slots && (this.runningByModel.get(model) ?? 0) < perModel;
  }

  private enqueue(model: string, client: string, job: Job): void {
    const clients = this.models.get(model) ?? new Map<string, Job[]>();
    this.models.set(model, clients);
    clients.set(client, [...(clients.get(client) ?? []), job]);
    this.waiting += 1;
  }

  private remove(model: string, client: string, job: Job): void {
    const clients = this.models.get(model);
    const remaining = (clients?.get(client) ?? []).filter((other) => other !== job);
    if (remaining.length > 0) clients?.set(client, remaining);
    else clients?.delete(client);
    this.waiting -= 1;
    if (clients?.size === 0) this.models.delete(model);
  }

  private startNext(): void {
    for (;;) {
      const [model, clients] = [...this.models].find(([name]) => this.free(name)) ?? [];
      const [client, jobs] = clients?.entries().next().value ?? [];
      const job = jobs?.[0];
      if (model === undefined || client === undefined || !clients || !job) return;
      this.remove(model, client, job);
      // The client and the model that were served go to the end of the queue.
      moveToEnd(clients, client);
      moveToEnd(this.models, model);
      this.running += 1;
      this.runningByModel.set(model, (this.runningByModel.get(model) ?? 0) + 1);
      job.start();
    }
  }
}

function moveToEnd<V>(map: Map<string, V>, key: string): void {
  const value = map.get(key);
  if (value !== undefined && map.delete(key)) map.set(key, value);
}
