/**
 * What is done once the server and the machine are idle, not at the start, when the user is waiting: measuring the
 * number of threads, and making way for a server on a GPU that may be used again.
 */
import { reportError } from '../../text/errors.ts';
import type { LlamaHost } from '../host-types.ts';
import { MAX_BUSY_PROCESSORS, watchLoad } from '../../platform/machine/machine-load.ts';

const CHECK_MS = 5_000;
/** Consecutive checks without a request and with a quiet machine. */
const QUIET_CHECKS = 4;

/** The part of a host that is used here. */
type MeasurableHost = Pick<LlamaHost, 'statistics' | 'measureThreads' | 'gpuMayBeFree'>;

export class IdleMeasuring {
  private requests = -1;
  private quietChecks = 0;
  private measured = false;
  private otherLoad: () => number;
  private timer: NodeJS.Timeout | undefined;

  /**
   * `onGpuFree` is called once what kept the host from the GPU for a time is over. `watch` starts to measure how
   * many processors other programs keep busy.
   */
  constructor(
    private readonly host: MeasurableHost,
    private readonly onGpuFree?: () => void,
    private readonly watch = watchLoad,
  ) {
    this.otherLoad = watch();
  }

  start(): void {
    this.timer = setInterval(() => void this.check(), CHECK_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  async check(): Promise<void> {
    const { requests, active } = this.host.statistics;
    const idle = active === 0 && requests === this.requests && this.otherLoad() <= MAX_BUSY_PROCESSORS;
    this.requests = requests;
    this.otherLoad = this.watch();
    this.quietChecks = idle ? this.quietChecks + 1 : 0;
    if (this.quietChecks < QUIET_CHECKS) return;
    // So that only one measurement runs at a time.
    this.quietChecks = -Infinity;
    if (this.onGpuFree && (await this.host.gpuMayBeFree())) {
      this.stop();
      return this.onGpuFree();
    }
    this.measured ||= await this.measure();
    // A training may still displace it from the GPU.
    if (this.measured && !this.onGpuFree) this.stop();
    else this.quietChecks = 0;
  }

  private measure(): Promise<boolean> {
    return this.host.measureThreads().catch((error: unknown) => {
      if ((error as Error).name !== 'AbortError') console.error(`threads: ${reportError(error).message}`);
      return false;
    });
  }
}
