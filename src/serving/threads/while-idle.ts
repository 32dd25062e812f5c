/** Has the number of threads measured once nobody waits and nothing else works: not at the start, for which somebody waits. */
import { reportError } from '../../text/errors.ts';
import type { LlamaHost } from '../host-types.ts';
import { MOST_BUSY, watchLoad } from '../../platform/machine/machine-load.ts';

const LOOK_MS = 5_000;
/** Looks in a row without a request and with a quiet machine. */
const QUIET_LOOKS = 4;

/** What it takes of a host. */
type Measured = Pick<LlamaHost, 'statistics' | 'measureThreads'>;

export class MeasuringWhileIdle {
  private requests = -1;
  private looks = 0;
  private othersBusy: () => number;
  private timer: NodeJS.Timeout | undefined;

  /** `watch` begins to measure how many processors other programs keep busy. */
  constructor(
    private readonly host: Measured,
    private readonly watch = watchLoad,
  ) {
    this.othersBusy = watch();
  }

  start(): void {
    this.timer = setInterval(() => void this.look(), LOOK_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  async look(): Promise<void> {
    const { requests, active } = this.host.statistics;
    const idle = active === 0 && requests === this.requests && this.othersBusy() <= MOST_BUSY;
    this.requests = requests;
    this.othersBusy = this.watch();
    this.looks = idle ? this.looks + 1 : 0;
    if (this.looks < QUIET_LOOKS) return;
    // Also while it measures, so that only one does.
    this.looks = -Infinity;
    const measured = await this.host.measureThreads().catch((error: unknown) => {
      if ((error as Error).name !== 'AbortError') console.error(`threads: ${reportError(error).message}`);
      return false;
    });
    if (measured) this.stop();
    else this.looks = 0;
  }
}
