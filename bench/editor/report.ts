/** The figures for people. */
import { markdownTable } from '../markdown.ts';
import type { VersionFigures } from './figures.ts';
import { columns, type ListFigures } from './list.ts';

export function report(figures: Record<string, VersionFigures>): string {
  return Object.entries(figures)
    .map(([version, one]) => [`## ${version}`, ...listTable(one), ...typingTable(one)].join('\n'))
    .join('\n\n');
}

function listTable({ table }: VersionFigures): string[] {
  if (Object.keys(table).length === 0) return [];
  const cell = ({ median, p95, opened, trials }: ListFigures) =>
    `${median ?? '-'}, ${p95 ?? '-'}, ${opened}/${trials}`;
  const rows = Object.entries(table).map(([condition, row]) => [
    condition,
    ...columns.map(({ name }) => cell(row[name]!)),
  ]);
  return [
    '\nFrom the key to the open list, ms: median, 95th percentile, lists opened of trials.\n',
    ...markdownTable(['', ...columns.map(({ name }) => name)], rows),
  ];
}

function typingTable({ byLanguage }: VersionFigures): string[] {
  if (!byLanguage) return [];
  const languages = Object.keys(byLanguage);
  const all = Object.values(byLanguage) as Record<string, unknown>[];
  const show = (value: unknown) =>
    typeof value === 'object'
      ? Object.entries(value as object)
          .map(([key, part]) => `${key} ${part}`)
          .join(', ')
      : String(value);
  const rows = Object.keys(all[0]!).map((figure) => [figure, ...all.map((one) => show(one[figure]))]);
  return ['\nWhile a file was typed:\n', ...markdownTable(['', ...languages], rows)];
}
