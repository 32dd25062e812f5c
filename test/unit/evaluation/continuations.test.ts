import { expect, it } from 'vitest';
import { chooseOthers } from '../../../src/evaluation/cursors/continuations.ts';
import type { Cursor, CursorKind } from '../../../src/evaluation/cursors/cursors.ts';
import { interleave } from '../../../src/evaluation/strength/task.ts';
import { textTokens } from '../../../src/evaluation/tasks/retention.ts';

const cursors = (kind: CursorKind, files: number): Cursor[] =>
  Array.from({ length: files }, (_, file) => ({
    kind,
    path: `${file}.ts`,
    line: kind === 'line' ? 7 : 9,
    column: 4,
    before: '',
    actual: '',
    after: '',
  }));

it('further cursors have the share of each kind, from all files', () => {
  const more = [...cursors('line', 48), ...cursors('block', 24)];
  const known = more.filter((_, at) => at % 3 === 0);
  const others = chooseOthers(known, more, { line: 8, block: 4 });
  expect(others.filter((one) => known.includes(one))).toEqual([]);
  const files = (kind: CursorKind) =>
    others.filter((one) => one.kind === kind).map(({ path }) => Number.parseInt(path, 10));
  expect([files('line').length, files('block').length]).toEqual([8, 4]);
  expect(files('line').at(-1)).toBeGreaterThan(40);
  expect(files('block').at(-1)).toBeGreaterThan(18);
  // However many are measured, blocks are among them.
  const first = interleave(others.map((one) => ({ ...one, document: one.path }))).slice(0, 6);
  expect(first.filter(({ kind }) => kind === 'block')).toHaveLength(2);
});

it('a text of the base begins with its start token, if it has one', () => {
  const encode = (text: string) => Int32Array.from(text, (character) => character.charCodeAt(0));
  expect(textTokens('abc', { encode }, 2)).toEqual([97, 98]);
  expect(textTokens('abc', { encode, start: 1 }, 2)).toEqual([1, 97, 98]);
});
