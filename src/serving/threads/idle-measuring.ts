/**
 * Measures the number of threads once the server and the machine are idle, not at the start, when the user is waiting.
 */
import { reportError } from '../../text/errors.ts';
import type { LlamaHost } from '../host-types.ts';
import { MAX_BUSY_PROCESSORS, watchLoad } from '../../platform/machine/machine-load.ts';

const CHECK_MS = 5_000;
/** Consecutive checks without a request and with a quiet machine. */
const QUIET_CHECKS = 4;

/** The part of a host that is used here. */
type MeasurableHost = Pick<LlamaHost, 'statistics' | 'measureThreads'>;

export class IdleMeasuring {
  private requests = -1;
  private quietChecks = 0;
  private othersBusy: () => number;
  private timer: NodeJS.Timeout | undefined;

  /** `watch` starts to measure how many processors other programs keep busy. */
  constructor(
    private readonly host: MeasurableHost,
    private readonly watch = watchLoad,
  ) {
    this.othersBusy = watch();
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
    const idle = active === 0 && requests === this.requests && this.othersBusy() <= MAX_BUSY_PROCESSORS;
    this.requests = requests;
    this.othersBusy = this.watch();
    this.quietChecks = idle ? this.quietChecks + 1 : 0;
    if (this.quietChecks < QUIET_CHECKS) return;
    // So that only one measurement runs at a time.
    this.quietChecks = -Infinity;
    const measured = await this.host.measureThreads().catch((error: unknown) => {
      if ((error as Error).name !== 'AbortError') console.error(`threads: ${reportError(error).message}`);
      return false;
    });
    if (measured) this.stop();
    else this.quietChecks = 0;
  }
}
