/** Numbers formatted for reading. A value always has its unit, and a difference its sign. */
import { dayAndTime, decimal, grouped, t, whole, withPoint } from '../../src/text/l10n.ts';
import { formatWithInterval } from '../../src/text/units.ts';

export { formatBytes, formatDuration } from '../../src/text/units.ts';

const MINUS = '\u2212';
const signed = (text: string, value: number) => (value < 0 ? `${MINUS}${text}` : text);

/** Shares (pass@k, accuracy) are shown in percent; everything else in its own unit. */
export const isShare = (metric: string, unit = '') =>
  unit === '%' ||
  unit === 'share' ||
  /^pass@|accuracy|^acc(_norm)?$|exact.?match|similarity|^identifier F1$|^exact lines$|^characters (saved|offered)$|^average$/i.test(
    metric,
  );

/** Three decimals, fewer for large numbers, more for small ones: 1.943, 12.3, 0.0042. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? t('not a number') : signed(t('infinite'), value);
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 100) return signed(whole(Math.round(size)), value);
  if (size >= 10) return signed(decimal(size, 1), value);
  if (size >= 0.01) return signed(decimal(size, 3), value);
  if (size >= 1e-4) return signed(decimal(size, 4), value);
  return signed(withPoint(size.toExponential(1)), value);
}

/** A tick label for an axis whose ticks are `step` apart, with no more decimals than needed to distinguish them. */
export function formatTick(value: number, step: number): string {
  let decimals = 0;
  // Steps are 1, 2, 2.5 or 5 times a power of ten, plus rounding errors.
  while (decimals < 6 && Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6)
    decimals++;
  const text = Math.abs(value).toFixed(decimals);
  return Number(text) === 0 ? '0' : signed(grouped(Number(text), decimals), value);
}

/** Like formatTick, for a share in percent. */
export const formatShareTick = (share: number, step: number): string =>
  t('{number}%', { number: formatTick(100 * share, 100 * step) });

/** A value; if `share`, 1 means 100%. */
function formatValue(value: number, share: boolean): string {
  return share
    ? t('{number}%', { number: signed(decimal(Math.abs(value * 100), 1), value) })
    : formatNumber(value);
}

/** "1.943 [1.902, 1.984]" */
export function formatInterval(
  interval: { value: number; low: number; high: number },
  share: boolean,
): string {
  return formatWithInterval(interval, (value) => formatValue(value, share));
}

/** Like formatInterval, with a sign on every number; shares differ in points, not percent. */
export function formatDifference(
  interval: { value: number; low: number; high: number },
  share: boolean,
): string {
  const formatted = (value: number) => {
    const text = share ? signed(decimal(Math.abs(value * 100), 1), value) : formatNumber(value);
    return value > 0 ? `+${text}` : text;
  };
  const difference = formatWithInterval(interval, formatted);
  return share ? t('{difference} points', { difference }) : difference;
}

/** Learning rates: "1e-3", "3.5e-4". */
export function formatRate(rate: number): string {
  if (rate === 0) return '0';
  return withPoint(rate.toExponential(1).replace('.0e', 'e'));
}

export const stepCount = (steps: number): string =>
  steps === 1 ? t('1 step') : t('{steps} steps', { steps: whole(steps) });

/** "base" or "step 40". */
export const stepName = (step: number): string =>
  step === 0 ? t('base') : t('step {step}', { step: whole(step) });

/** "24 Nov 2026, 14:05" in the reader's time zone. */
export function formatTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return dayAndTime(date);
}
