/** A chart's data as CSV (RFC 4180), one value per row, numbers as measured. */
import { inEnglish } from '../../src/text/l10n.ts';
import type { PanelView } from '../view-model/panel.ts';
import type { ChartView, DataRow, Picked } from './view.ts';

// Programs read saved files, so the header of 'metric' stays 'figure'.
const columns = ['run', 'metric', 'at', 'value', 'low', 'high', 'n', 'unit', 'setting'] as const;

/** The same in every language, because it is read by programs. Empty if there is nothing to draw. */
export const csvOf = <M>(chart: ChartView<M>, panel: PanelView, picked: Picked): string =>
  inEnglish(() => {
    // Read again, because labels of runs and metrics are created in the current language.
    const model = chart.read(panel.english(), picked);
    return model === undefined ? '' : toCsv(chart.rows(model), chart.atName);
  });

export function toCsv(rows: readonly DataRow[], atName: string): string {
  const head = columns.map((column) => (column === 'at' ? atName : column === 'metric' ? 'figure' : column));
  return [head, ...rows.map((row) => columns.map((column) => row[column]))]
    .map((cells) => `${cells.map(cell).join(',')}\r\n`)
    .join('');
}

function cell(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  // A spreadsheet would interpret texts that begin like this as formulas.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
