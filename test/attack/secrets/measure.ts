/**
 * How many of the drawn secrets are found, and how many lookalikes are mistaken for one: by half, and by kind for the
 * open one.
 */
import { proportionInterval } from '../../../src/statistics/proportion.ts';
import type { Case, Half } from './grammar.ts';

export interface Judged extends Case {
  /** The rule that found a secret. */
  rule?: string;
}

export interface Share {
  count: number;
  of: number;
  /** `count / of`. */
  share: number;
}

const shareOf = (judged: readonly Judged[], counts: (one: Judged) => boolean): Share => {
  const count = judged.filter(counts).length;
  return { count, of: judged.length, share: count / judged.length };
};

export const recall = (judged: readonly Judged[], half: Half) =>
  shareOf(
    judged.filter((one) => one.secret && one.half === half),
    ({ rule }) => rule !== undefined,
  );

export const falseAlarms = (judged: readonly Judged[], half: Half) =>
  shareOf(
    judged.filter((one) => !one.secret && one.half === half),
    ({ rule }) => rule !== undefined,
  );

export function describeShare({ count, of, share }: Share): string {
  const { low, high } = proportionInterval(count, of);
  const percent = (value: number) => (100 * value).toFixed(1);
  return `${percent(share)}% (${count} of ${of}; 95%: ${percent(low)} to ${percent(high)})`;
}

/** The errors in the open half, kind by kind, worst first. Nothing about the sealed half. */
export function tableOfOpen(judged: readonly Judged[]): string[] {
  const open = judged.filter(({ half }) => half === 'open');
  const rows = [...new Set(open.map(rowOf))].map((row) => {
    const members = open.filter((one) => rowOf(one) === row);
    return { row, wrong: members.filter(isWrong).length, of: members.length };
  });
  return rows
    .sort((a, b) => b.wrong - a.wrong || a.row.localeCompare(b.row))
    .map(({ row, wrong, of }) => `${String(wrong).padStart(5)} wrong of ${String(of).padStart(4)}  ${row}`);
}

export const isWrong = ({ secret, rule }: Judged) => secret !== (rule !== undefined);
const rowOf = ({ secret, family, kind }: Judged) =>
  `${secret ? 'secret   ' : 'lookalike'}  ${family}: ${kind}`;

/** A wrong answer in the open half, with the decisive part of its file. */
export const detailOf = ({ secret, kind, cell, path, piece, rule }: Judged) =>
  `${secret ? 'MISSED' : `FALSE ALARM (${rule})`}  ${kind}; ${cell}; ${path}\n${piece.replace(/^/gm, '        ')}`;
