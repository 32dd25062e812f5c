import { visibleLine } from '../../text/foreign-text.ts';

export { formatBytes, formatDuration } from '../../text/units.ts';

/** Longer cells are truncated to this many characters. */
const MAX_CELL_LENGTH = 1000;

/**
 * The lines of a table: columns are padded to their widest cell; the first is left-aligned, the others right-aligned.
 */
export function formatTable(input: string[][]): string[] {
  const rows = input.map((row) => row.map((cell) => visibleLine(cell, MAX_CELL_LENGTH)));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) =>
    row
      .map((cell, column) => (column ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ');
  return rows.map(line);
}

/** "12 kB", "8.4 MB": for files that may be small. */
export const fileSize = (bytes: number): string =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

/** "file" or "files". */
export const plural = (word: string, count: number): string => (count === 1 ? word : `${word}s`);

/** 1234567 as "1,234,567". */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en');
}
