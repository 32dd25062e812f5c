import { describe, expect, it } from 'vitest';
import { judgePreference, judgePreferences } from '../../../../src/corpus/preferences/verdict.ts';
import type { Preference } from '../../../../src/protocol/preferences.ts';
import { preference } from './help.ts';

const record = (shown: string, accepted: string, later: string, more: Partial<Preference> = {}) =>
  preference({ shown, accepted: accepted.length, later, ...more });
const judged = (one: Preference) =>
  judgePreference(one).map(({ text, desirable }) => [desirable ? '+' : '-', text]);

describe('an accepted completion', () => {
  const sum = 'sum(prices)';
  it('that is still there is desirable', () => {
    expect(judged(record(sum, sum, sum))).toEqual([['+', sum]]);
    expect(judged(record(sum, sum, 'sum( prices )\nreturn total'))).toEqual([['+', sum]]);
    expect(judged(record(sum, sum, 'sum(prices) / count'))).toEqual([['+', sum]]);
  });
  it('that was corrected makes the correction desirable', () => {
    expect(judged(record(sum, sum, 'sum(prizes)'))).toEqual([['+', 'sum(prizes)']]);
  });
  it('that was replaced is undesirable, and its replacement desirable', () => {
    const later = 'items.reduce(add)\nreturn total';
    expect(judged(record(sum, sum, later))).toEqual([
      ['-', sum],
      ['+', 'items.reduce(add)'],
    ]);
  });
  it('that was deleted is undesirable', () => {
    expect(judged(record(sum, sum, ''))).toEqual([['-', sum]]);
  });
  it('accepted in part is judged by that part', () => {
    expect(judged(record(sum, 'sum(', 'sum(taxes, 2)'))).toEqual([['+', 'sum(']]);
  });
  it('of several lines is compared with as many lines', () => {
    const block = 'if (a) {\n  return b;\n}';
    expect(judged(record(block, block, 'if (a) {\n    return b;\n  }\n  more();\n'))).toEqual([['+', block]]);
    const other = 'while (next()) {\n  count += 1;\n}\nmore();\n';
    expect(judged(record(block, block, other))).toEqual([
      ['-', block],
      ['+', 'while (next()) {\n  count += 1;\n}'],
    ]);
  });
});

describe('a completion that was not accepted', () => {
  const sum = 'sum(prices)';
  it('but typed is desirable after all', () => {
    expect(judged(record(sum, '', 'sum(prices);\n'))).toEqual([['+', sum]]);
    expect(judged(record(sum, '', 'sum(pri'))).toEqual([['+', 'sum(pri']]);
  });
  it('is undesirable if something else was typed, which is desirable', () => {
    expect(judged(record(sum, '', 'items.length;\nfoo();'))).toEqual([
      ['-', sum],
      ['+', 'items.length;'],
    ]);
  });
  it('has no verdict if nothing, or too little, was typed', () => {
    expect(judged(record(sum, '', ''))).toEqual([]);
    expect(judged(record(sum, '', 'su'))).toEqual([]);
    expect(judged(record(sum, '', 'sum('))).toEqual([]);
  });
});

it('has no verdict if checked too soon, or too short', () => {
  expect(judged(record('sum(prices)', 'sum(prices)', 'sum(prices)', { seconds: 10 }))).toEqual([]);
  expect(judged(record('()', '()', '()'))).toEqual([]);
});

it('keeps the later verdict if the same text was judged twice at a place', () => {
  const twice = [record('sum(prices)', '', 'max(items)'), record('sum(prices)', '', 'sum(prices)')];
  const all = judgePreferences(twice).map(({ text, desirable }) => [text, desirable]);
  expect(all).toEqual([
    ['max(items)', true],
    ['sum(prices)', true],
  ]);
  expect(judgePreferences([...twice, record('sum(prices)', '', '', { prefix: 'let a = ' })])).toHaveLength(2);
});
