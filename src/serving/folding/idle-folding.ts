/** Makes a folded copy of the adapter in use while the server is idle, and lets the host use it from then on. */
import { startBundle } from '../../platform/processes/bundles.ts';
import { endOf } from '../../platform/processes/start.ts';
import { reportError } from '../../text/errors.ts';
import { llamaEnv } from '../../llama-cpp/env.ts';
import { trainingNow } from '../../runs/index.ts';
import type { AdapterFile, FoldedCopies, FoldedCopy, LlamaHost } from '../host-types.ts';
import { identifyOnDisk } from '../identify.ts';
import { MAX_BUSY_PROCESSORS, watchLoad } from '../../platform/machine/machine-load.ts';
import { readCopyInfo, findCopy, recordAttempt, removeCopy } from './copies.ts';

/** An adapter with this many requests is likely to stay in use. */
const MIN_REQUESTS = 20;
/** Idle time before a copy is made. */
const IDLE_MS = 60_000;
const CHECK_MS = 5_000;
/** Delay after an attempt that failed for lack of space or idle time; doubled after each. */
const RETRY_MS = 10 * 60_000;
/**
 * A copy takes minutes. After this long, its process is presumed to hang or be suspended; it keeps the server from
 * exiting.
 */
const MAX_MS = 30 * 60_000;
/** How long a stopped process may take to exit. */
const EXIT_MS = 30_000;

export interface FoldingOptions {
  basePath: string;
  /** Makes the copy of an adapter; for tests. */
  make?: (adapter: AdapterFile, threads: number) => CopyProcess;
  /** In ms; unaffected by changes of the system clock. */
  now?: () => number;
  /** Starts to measure how many processors other programs keep busy. */
  watch?: typeof watchLoad;
}

/** The process that makes a copy. */
export interface CopyProcess {
  /** Resolves when the process has ended, with or without a copy. */
  ended: Promise<void>;
  stop(): void;
}

export class IdleFolding implements FoldedCopies {
  /** The adapter requested last, and the number of requests for each by path. */
  private inUse: AdapterFile | undefined;
  private readonly uses = new Map<string, number>();
  /** When a copy was last attempted, by the adapter's path. */
  private readonly attemptedAt = new Map<string, number>();
  /** When the server or the machine was last seen busy. */
  private lastActivity = { requests: -1, at: 0 };
  private making: CopyProcess | undefined;
  private startedAt = 0;
  /** An adapter whose copy is finished but not yet opened. */
  private readyAdapter: AdapterFile | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly now: () => number;
  private readonly watch: typeof watchLoad;
  private otherLoad: () => number;

  /** The version of the loaded base. If its file has been replaced, a copy no longer matches. */
  private readonly loadedVersion: Promise<string>;

  constructor(private readonly options: FoldingOptions) {
    this.loadedVersion = identifyOnDisk(options.basePath);
    // The host reports problems with the file.
    this.loadedVersion.catch(() => undefined);
    this.now = options.now ?? (() => performance.timeOrigin + performance.now());
    this.watch = options.watch ?? watchLoad;
    this.otherLoad = this.watch();
  }

  noteUse(adapter: AdapterFile): void {
    // The next check may be seconds away, and a user is waiting.
    this.making?.stop();
    this.inUse = adapter;
    this.uses.set(adapter.path, (this.uses.get(adapter.path) ?? 0) + 1);
  }

  async find({ path }: AdapterFile): Promise<FoldedCopy | undefined> {
    return (await this.isBaseUnchanged()) ? findCopy(this.options.basePath, path) : undefined;
  }

  private async isBaseUnchanged(): Promise<boolean> {
    return (await identifyOnDisk(this.options.basePath)) === (await this.loadedVersion);
  }

  /** Whether a copy is being made; that takes longer for a larger base. */
  get isMaking(): boolean {
    return this.making !== undefined;
  }

  remove({ path }: AdapterFile): Promise<void> {
    return removeCopy(this.options.basePath, path);
  }

  /** Starts to check periodically whether `host` is idle. */
  start(host: LlamaHost): void {
    this.timer = setInterval(() => void this.check(host).catch(logError), CHECK_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.making?.stop();
  }

  /** Takes the next step: starts to make a copy, stops it, or lets the host open it. */
  async check(host: LlamaHost): Promise<void> {
    const now = this.now();
    const { requests, active } = host.statistics;
    const isActive = active > 0 || requests !== this.lastActivity.requests;
    const busy = this.making === undefined && this.otherLoad() > MAX_BUSY_PROCESSORS;
    this.otherLoad = this.watch();
    if (isActive || busy) this.lastActivity = { requests, at: now };
    if (this.making) {
      const isLate = now - this.startedAt > MAX_MS;
      if (isActive || isLate || (await trainingNow())) this.making.stop();
    } else if (this.readyAdapter) {
      if (!isActive) await this.warmUp(host, this.readyAdapter);
    } else if (now - this.lastActivity.at >= IDLE_MS) await this.make(host, now);
  }

  private async make(host: LlamaHost, now: number): Promise<void> {
    const { inUse } = this;
    if (!inUse || host.device.backend !== 'cpu' || this.uses.get(inUse.path)! < MIN_REQUESTS) return;
    if (now - (this.attemptedAt.get(inUse.path) ?? -Infinity) < RETRY_MS || (await trainingNow())) return;
    this.attemptedAt.set(inUse.path, now);
    const { basePath } = this.options;
    const readInfo = () => readCopyInfo(basePath, inUse.path);
    const info = await readInfo();
    // An attempt in the future was recorded by a wrong clock.
    const canRetry = info?.tries && Math.abs(now - info.tries.at) >= RETRY_MS * 2 ** (info.tries.count - 1);
    if ((info && !canRetry) || !(await this.isBaseUnchanged())) return;
    await recordAttempt(basePath, inUse.path, now);
    this.startedAt = now;
    this.making = (this.options.make ?? this.startChild.bind(this))(inUse, host.threads);
    void this.making.ended.then(async () => {
      this.making = undefined;
      if ((await readInfo())?.model) this.readyAdapter = inUse;
    });
  }

  /** Opens the copy while the server is idle, so that the next request finds it open. */
  private async warmUp(host: LlamaHost, { name }: AdapterFile): Promise<void> {
    this.readyAdapter = undefined;
    if (!host.models.includes(name)) return;
    await host.unload(name);
    await host.complete({ model: name, prompt: ' ', maxTokens: 1 });
  }

  private startChild({ path }: AdapterFile, threads: number): CopyProcess {
    const child = startBundle('fold', [this.options.basePath, path, String(threads)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: llamaEnv(),
    });
    const ended = endOf(child, 'exit').then(() => undefined);
    const stop = () => {
      if (!child.connected) return;
      child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), EXIT_MS).unref();
      void ended.then(() => clearTimeout(timer));
    };
    return { ended, stop };
  }
}

export const logError = (error: unknown) => console.error(`folded copies: ${reportError(error).message}`);
