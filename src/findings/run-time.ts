/** Progress and remaining time of a run, from the times in its state. */
import { t } from '../text/l10n.ts';
import { formatDuration } from '../text/units.ts';
import type { RunState } from '../protocol/run.ts';

type Times = Pick<RunState, 'begun' | 'ends'>;

/** Seconds until the end, including measuring; undefined if unknown, or if it takes longer than expected. */
export function secondsLeft({ ends }: Times, now = Date.now()): number | undefined {
  const left = ends === undefined ? 0 : (Date.parse(ends) - now) / 1000;
  return left > 0 ? left : undefined;
}

/** "about 20 s left, 2 min until the end": of the phase, and of the whole run. */
export function timeLeftIn(
  { etaSeconds, ...times }: Pick<RunState, 'etaSeconds'> & Times,
  now = Date.now(),
): string | undefined {
  const all = secondsLeft(times, now);
  const [time, total] = [etaSeconds, all].map((seconds) => (seconds ? formatDuration(seconds) : undefined));
  if (time && total && time !== total && all! > etaSeconds!)
    return t('about {time} left, {total} until the end', { time, total });
  const duration = time ?? total;
  return duration && t('about {time} left', { time: duration });
}

/** The elapsed share of the run's total time, below 1 until it ends; undefined if unknown. */
export function shareDone({ begun, ends }: Times, now = Date.now()): number | undefined {
  if (begun === undefined || ends === undefined) return undefined;
  const [from, to] = [Date.parse(begun), Date.parse(ends)];
  return Math.min(0.99, Math.max(0, (now - from) / Math.max(1, to - from, now - from)));
}
