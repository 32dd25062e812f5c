/**
 * Has a folded copy made of the adapter in use, while nobody waits for an answer, and lets the host use it from then on.
 */
import { startBundle } from '../../platform/processes/bundles.ts';
import { endOf } from '../../platform/processes/start.ts';
import { reportError } from '../../text/errors.ts';
import { llamaEnv } from '../../llama-cpp/env.ts';
import { trainingNow } from '../../runs/index.ts';
import type { AdapterFile, FoldedCopies, FoldedCopy, LlamaHost } from '../host-types.ts';
import { identifyOnDisk } from '../identify.ts';
import { MOST_BUSY, watchLoad } from '../../platform/machine/machine-load.ts';
import { aboutCopy, findCopy, noteTry, removeCopy } from './copies.ts';

/** Whoever asked this often with an adapter will go on to use it. */
const FEWEST_REQUESTS = 20;
/** Without a request for so long, the person reads or is away. */
const IDLE_MS = 60_000;
const LOOK_MS = 5_000;
/** After a copy could be neither made nor ruled out, for lack of room or of quiet; twice as long after each. */
const AGAIN_MS = 10 * 60_000;
/** A copy takes minutes. Its process hangs, or is stopped, and the server does not end meanwhile. */
const LONGEST_MS = 30 * 60_000;
/** How long a process that is asked to end may take. */
const ENDING_MS = 30_000;

export interface FoldingOptions {
  basePath: string;
  /** Makes the copy of an adapter; for tests. */
  make?: (adapter: AdapterFile, threads: number) => Making;
  /** In ms; does not jump when somebody sets the clock. */
  now?: () => number;
  /** Begins to measure how many processors other programs keep busy. */
  watch?: typeof watchLoad;
}

/** A copy in the making. */
export interface Making {
  /** Resolves when the copy is there, or will not be. */
  ended: Promise<void>;
  stop(): void;
}

export class Folding implements FoldedCopies {
  /** The adapter that was asked last, and how often each was asked, by path. */
  private inUse: AdapterFile | undefined;
  private readonly uses = new Map<string, number>();
  /** When a copy of an adapter was last asked for, by path. */
  private readonly asked = new Map<string, number>();
  /** As of the last look. */
  private seen = { requests: -1, at: 0 };
  private making: Making | undefined;
  private begunAt = 0;
  /** An adapter of which the copy is there and not yet opened. */
  private ready: AdapterFile | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly now: () => number;
  private readonly watch: typeof watchLoad;
  private othersBusy: () => number;

  /** The base as it is loaded. A copy is of no use to it once its file was replaced. */
  private readonly loaded: Promise<string>;

  constructor(private readonly options: FoldingOptions) {
    this.loaded = identifyOnDisk(options.basePath);
    // The host says what is wrong with the file.
    this.loaded.catch(() => undefined);
    this.now = options.now ?? (() => performance.timeOrigin + performance.now());
    this.watch = options.watch ?? watchLoad;
    this.othersBusy = this.watch();
  }

  used(adapter: AdapterFile): void {
    // The next look may be seconds away, and somebody waits.
    this.making?.stop();
    this.inUse = adapter;
    this.uses.set(adapter.path, (this.uses.get(adapter.path) ?? 0) + 1);
  }

  async find({ path }: AdapterFile): Promise<FoldedCopy | undefined> {
    return (await this.isAsLoaded()) ? findCopy(this.options.basePath, path) : undefined;
  }

  private async isAsLoaded(): Promise<boolean> {
    return (await identifyOnDisk(this.options.basePath)) === (await this.loaded);
  }

  /** Whether a copy is being made, which takes longer the larger the base is. */
  get isMaking(): boolean {
    return this.making !== undefined;
  }

  remove({ path }: AdapterFile): Promise<void> {
    return removeCopy(this.options.basePath, path);
  }

  /** Looks from now on whether `host` is idle. */
  start(host: LlamaHost): void {
    this.timer = setInterval(() => void this.look(host).catch(tell), LOOK_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.making?.stop();
  }

  /** Does what it is time for: has a copy made, ends that, or has the host open the copy. */
  async look(host: LlamaHost): Promise<void> {
    const now = this.now();
    const { requests, active } = host.statistics;
    const asks = active > 0 || requests !== this.seen.requests;
    const busy = this.making === undefined && this.othersBusy() > MOST_BUSY;
    this.othersBusy = this.watch();
    if (asks || busy) this.seen = { requests, at: now };
    if (this.making) {
      const isLate = now - this.begunAt > LONGEST_MS;
      if (asks || isLate || (await trainingNow())) this.making.stop();
    } else if (this.ready) {
      if (!asks) await this.open(host, this.ready);
    } else if (now - this.seen.at >= IDLE_MS) await this.make(host, now);
  }

  private async make(host: LlamaHost, now: number): Promise<void> {
    const { inUse } = this;
    if (!inUse || host.device.backend !== 'cpu' || this.uses.get(inUse.path)! < FEWEST_REQUESTS) return;
    if (now - (this.asked.get(inUse.path) ?? -Infinity) < AGAIN_MS || (await trainingNow())) return;
    this.asked.set(inUse.path, now);
    const { basePath } = this.options;
    const about = () => aboutCopy(basePath, inUse.path);
    const known = await about();
    // One that is yet to come was noted by a clock that was ahead.
    const again = known?.tries && Math.abs(now - known.tries.at) >= AGAIN_MS * 2 ** (known.tries.count - 1);
    if ((known && !again) || !(await this.isAsLoaded())) return;
    await noteTry(basePath, inUse.path, now);
    this.begunAt = now;
    this.making = (this.options.make ?? this.startChild.bind(this))(inUse, host.threads);
    void this.making.ended.then(async () => {
      this.making = undefined;
      if ((await about())?.model) this.ready = inUse;
    });
  }

  /** While nobody waits, so that the next request finds it open. */
  private async open(host: LlamaHost, { name }: AdapterFile): Promise<void> {
    this.ready = undefined;
    if (!host.models.includes(name)) return;
    await host.rest(name);
    await host.complete({ model: name, prompt: ' ', maxTokens: 1 });
  }

  private startChild({ path }: AdapterFile, threads: number): Making {
    const child = startBundle('fold', [this.options.basePath, path, String(threads)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: llamaEnv(),
    });
    const ended = endOf(child, 'exit').then(() => undefined);
    const stop = () => {
      if (!child.connected) return;
      child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), ENDING_MS).unref();
      void ended.then(() => clearTimeout(timer));
    };
    return { ended, stop };
  }
}

export const tell = (error: unknown) => console.error(`folded copies: ${reportError(error).message}`);
