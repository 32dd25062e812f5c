/**
 * A clock that stands still while the computer sleeps. Node's own goes on meanwhile on macOS and Windows, so a night
 * would count as one very long training step.
 */
import { startThread } from '../processes/start.ts';

const TICK_MS = 1000;
/** A thread that did not tick for this long was asleep with the computer: no load holds it up like that. */
const SLEEP_MS = 30_000;

/**
 * The thread's code, inline so that no separate file is needed. A timer of the main thread would not do: a training step
 * in native code can block that one for minutes.
 */
const source = `
const { workerData: { seen, tickMs, sleepMs } } = require('node:worker_threads');
const tick = () => {
  const now = Number(process.hrtime.bigint()) / 1e6;
  if (seen[1] > 0 && now - seen[1] > sleepMs) seen[0] += now - seen[1];
  seen[1] = now;
};
tick();
setInterval(tick, tickMs);
`;

/** Watches for sleep from a thread of its own. */
export class SleepWatch {
  /** In ms: slept so far, and the time of the last tick, 0 if the thread does not run. */
  private readonly seen = new Float64Array(new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT));

  constructor(
    tickMs = TICK_MS,
    private readonly sleepMs = SLEEP_MS,
  ) {
    const { seen } = this;
    const worker = startThread(source, { eval: true, workerData: { seen, tickMs, sleepMs } });
    // Without the thread, sleep counts as any other time.
    worker.on('error', () => undefined).on('exit', () => void (seen[1] = 0));
    worker.unref();
  }

  /** Milliseconds that the computer has slept since the watch began. */
  get sleptMs(): number {
    return sleptUntil(Number(process.hrtime.bigint()) / 1e6, this.seen, this.sleepMs);
  }
}

/** The computer may have woken up a moment ago, before the thread's next tick. */
export function sleptUntil(now: number, [slept = 0, tick = 0]: Iterable<number>, sleepMs = SLEEP_MS): number {
  return slept + (tick > 0 && now - tick > sleepMs ? now - tick : 0);
}

let watch: SleepWatch | undefined;

/** As performance.now(), but without the time that the computer sleeps. */
export function awakeMs(): number {
  watch ??= new SleepWatch();
  return performance.now() - watch.sleptMs;
}
