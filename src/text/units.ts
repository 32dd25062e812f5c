/** Formats durations, sizes, counts and metrics; only how digits are parted depends on the language. */
import { decimal, whole } from './l10n.ts';

/** "40 s", "3 min", "1 h 20 min". */
export function formatDuration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "880 MB", "2.31 GB": decimal units, as in operating systems' monitors. */
export function formatBytes(bytes: number): string {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${decimal(bytes / 1e9, 2)} GB`;
}

/** "812", "608k", "4.9M": a count of which only the size matters. */
export function roughly(count: number): string {
  if (count >= 1e9) return `${decimal(count / 1e9, 1)}G`;
  if (count >= 1e6) return `${decimal(count / 1e6, 1)}M`;
  if (count >= 1e4) return `${Math.round(count / 1e3)}k`;
  return whole(count);
}

/** "0.173", "42.1": a metric. */
export const formatValue = (value: number): string => decimal(value, Math.abs(value) >= 10 ? 1 : 3);

/** "-0.173", "+0.004": a difference. */
export const formatDifference = (value: number): string =>
  `${value < 0 ? '-' : '+'}${formatValue(Math.abs(value))}`;

/**
 * "-0.173 [-0.221, -0.126]": a metric and its interval, formatted by `words`. An interval of zero width is omitted,
 * since it only means that there was a single item.
 */
export const formatWithInterval = (
  { value, low, high }: { value: number; low: number; high: number },
  words: (value: number) => string,
): string =>
  low === high
    ? words(value)
    : `${words(value)} [${words(low)}${decimal(0.1, 1).includes(',') ? ';' : ','} ${words(high)}]`;

export const formatDifferenceInterval = (one: { value: number; low: number; high: number }): string =>
  formatWithInterval(one, formatDifference);
