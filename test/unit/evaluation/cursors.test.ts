import { describe, expect, it } from 'vitest';
import { answerAt, editSimilarity, findCursors } from '../../../src/evaluation/cursors.ts';

const text = `import { a } from './a.ts';

/** Adds. */
// four
export function add(first: number, second: number) {
  const total = first + second;
  return total;
}

if (add(1, 2) > 2) {
  console.log('more than two');
}
`;
const document = { file: 'src/add.ts', fromLine: 1, text };
const lineAt = (line: number) => findCursors([document], 'line', 99).find((cursor) => cursor.line === line)!;
const blockAt = (line: number) =>
  findCursors([document], 'block', 99).find((cursor) => cursor.line === line)!;

describe('a cursor in a line', () => {
  it('stands at the first gap after a third of the line; what follows the line is after it', () => {
    const cursor = lineAt(6);
    expect(cursor).toMatchObject({ kind: 'line', path: 'src/add.ts', actual: ' = first + second;' });
    expect(cursor.before.endsWith('{\n  const total')).toBe(true);
    expect(cursor.after.startsWith('\n  return total;\n}')).toBe(true);
    expect(cursor.before + cursor.actual + cursor.after).toBe(text);
  });
  it('is not in short lines, nor in the first ones, nor where no word is left to write', () => {
    const lines = findCursors([document], 'line', 99).map(({ line }) => line);
    expect(lines).toEqual([5, 6, 7, 11]);
  });
  it('counts lines from where a cut file begins', () => {
    const lines = findCursors([{ ...document, fromLine: 101 }], 'line', 99).map(({ line }) => line);
    expect(lines).toEqual([105, 106, 107, 111]);
  });
});

describe('a cursor before a block', () => {
  it('has the lines that are indented more', () => {
    const cursor = blockAt(5);
    expect(cursor.actual).toBe('\n  const total = first + second;\n  return total;');
    expect(cursor.after.startsWith('\n}\n\nif')).toBe(true);
    expect(cursor.before + cursor.actual + cursor.after).toBe(text);
  });
  it('ends at a blank line, and is none where nothing is indented or too much is', () => {
    const python = 'a = 1\nb = 2\nc = 3\nd = 4\ndef f():\n    x = 1\n\n    return x\ndef g():\nreturn\n';
    const found = findCursors([{ file: 'f.py', fromLine: 1, text: python }], 'block', 99);
    expect(found).toMatchObject([{ line: 5, actual: '\n    x = 1' }]);
    const long = `a\na\na\na\nf(\n${'  x,\n'.repeat(9)})\n`;
    expect(findCursors([{ file: 'f.c', fromLine: 1, text: long }], 'block', 99)).toEqual([]);
  });
});

it('takes cursors evenly', () => {
  expect(findCursors([document, document], 'line', 4).map(({ line }) => line)).toEqual([6, 11, 6, 11]);
});

describe('an answer', () => {
  it('counts up to the end of its line', () => {
    expect(answerAt({ kind: 'line', before: 'x' }, ' = 1; \r\ny = 2;')).toBe(' = 1;');
  });
  it('counts up to the end of its block', () => {
    const answer = '\n    a();  \n    b();\n  }\n  c();';
    expect(answerAt({ kind: 'block', before: 'x\n  if (y) {' }, answer)).toBe('\n    a();\n    b();');
  });
  it('is as similar as its edits are few', () => {
    expect(editSimilarity('kitten', 'sitting')).toBeCloseTo(1 - 3 / 7, 12);
    expect(editSimilarity('', '')).toBe(1);
    expect(editSimilarity('abc', '')).toBe(0);
  });
});
