/**
 * Has a folded copy made of the adapter in use, once nobody waits for an answer, and lets the host use it from then on.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { bundlePath } from '../../protocol/bundles.ts';
import { llamaEnv } from '../../protocol/llama-env.ts';
import { trainingNow } from '../../runs/index.ts';
import type { AdapterFile, FoldedCopies, FoldedCopy, LlamaHost } from '../host-types.ts';
import { watchLoad } from '../threads/machine-load.ts';
import { aboutCopy, findCopy, MOST_BUSY, removeCopy } from './copies.ts';

/** Whoever asked this often with an adapter will go on to use it. */
const FEWEST_REQUESTS = 20;
/** Without a request for so long, the person reads or is away. */
const IDLE_MS = 60_000;
const LOOK_MS = 5_000;
/** After a copy could be neither made nor ruled out, for lack of room or of quiet. */
const AGAIN_MS = 10 * 60_000;

export interface FoldingOptions {
  basePath: string;
  /** Makes the copy; resolves when it is there, or can't be. For tests. */
  make?: (adapter: AdapterFile, threads: number) => Promise<void>;
  now?: () => number;
  /** Begins to measure how many processors other programs keep busy. */
  watch?: typeof watchLoad;
}

export class Folding implements FoldedCopies {
  private inUse: AdapterFile | undefined;
  /** Requests until that adapter was opened. */
  private before = 0;
  /** As of the last look. */
  private seen = { requests: -1, at: 0 };
  /** When a copy of an adapter was last asked for. */
  private readonly asked = new Map<string, number>();
  private othersBusy: () => number;
  private host: LlamaHost | undefined;
  private timer: NodeJS.Timeout | undefined;
  private child: ChildProcess | undefined;
  private readonly now: () => number;

  constructor(private readonly options: FoldingOptions) {
    this.now = options.now ?? Date.now;
    this.othersBusy = this.watch();
  }

  find(adapter: AdapterFile): Promise<FoldedCopy | undefined> {
    this.inUse = adapter;
    this.before = this.host?.statistics.requests ?? 0;
    return findCopy(this.options.basePath, adapter.path);
  }

  remove(adapter: AdapterFile): Promise<void> {
    return removeCopy(this.options.basePath, adapter.path);
  }

  /** Looks from now on whether `host` is idle. */
  start(host: LlamaHost): void {
    this.host = host;
    this.timer = setInterval(() => void this.look(), LOOK_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.child?.kill();
  }

  /** Has a copy made if it is time. Resolves when that has ended. */
  async look(): Promise<void> {
    const { host, inUse } = this;
    if (!host || !inUse || host.engine.backend !== 'cpu') return;
    const { requests, active } = host.statistics;
    const now = this.now();
    const busy = active > 0 || requests !== this.seen.requests || this.othersBusy() > MOST_BUSY;
    if (busy) this.seen = { requests, at: now };
    this.othersBusy = this.watch();
    if (now - this.seen.at < IDLE_MS || requests - this.before < FEWEST_REQUESTS) return;
    if (now - (this.asked.get(inUse.path) ?? -Infinity) < AGAIN_MS || (await trainingNow())) return;
    this.asked.set(inUse.path, now);
    if (await aboutCopy(this.options.basePath, inUse.path)) return;
    await (this.options.make ?? this.make.bind(this))(inUse, host.threads);
    const about = await aboutCopy(this.options.basePath, inUse.path);
    if (about?.unfit !== undefined || !about) return;
    // It is opened now, while nobody waits.
    await host.rest(inUse.name);
    await host.complete({ model: inUse.name, prompt: ' ', maxTokens: 1 });
  }

  private watch(): () => number {
    return (this.options.watch ?? watchLoad)();
  }

  private make({ path }: AdapterFile, threads: number): Promise<void> {
    return new Promise((resolve) => {
      const child = fork(bundlePath('fold'), [this.options.basePath, path, String(threads)], {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        env: { ...process.env, ...llamaEnv() },
      });
      this.child = child;
      try {
        if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
      } catch {
        // It only takes more of the machine.
      }
      child.once('error', () => resolve());
      child.once('close', () => resolve());
    });
  }
}
