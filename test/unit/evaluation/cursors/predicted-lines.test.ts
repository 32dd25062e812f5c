import { describe, expect, it } from 'vitest';
import { predictedLines } from '../../../../src/evaluation/cursors/predicted-lines.ts';

/** Token texts, numbered as they occur; 0 ends a text and has none. */
const texts: string[] = [''];
const idOf = (text: string): number => {
  if (!texts.includes(text)) texts.push(text);
  return texts.indexOf(text);
};
/** The expected tokens are those written, except at the given positions. */
const linesOf = (written: string[], wrong: Record<number, string> = {}, begun = 0) =>
  predictedLines(
    [...written, ''].map(idOf),
    [...written, ''].map((text, at) => idOf(wrong[at] ?? text)),
    (token) => Buffer.from(texts[token]!).toString('latin1'),
    begun,
  );
/** Counts of the lines after the first one. */
const predicted = (written: string[], wrong: Record<number, string> = {}) => {
  const lines = linesOf(written, wrong).filter(({ line }) => line > 0);
  const total = (key: 'characters' | 'right') => lines.reduce((sum, one) => sum + one[key], 0);
  const exact = lines.filter((one) => one.exact).length;
  return { lines: lines.length, exact, characters: total('characters'), right: total('right') };
};

//                0     1     2     3      4     5     6      7    8     9
const written = ['x)', '\n', '  ', 'let', ' a', ' +', ' bc', ';', '\n', ' }'];
const characters = 'let a + bc;'.length;

describe('predicted lines', () => {
  it('are counted if they contain a word', () => {
    expect(predicted(written)).toEqual({ lines: 1, exact: 1, characters, right: characters });
    expect(predicted(['a', '\n', 'bc'])).toEqual({ lines: 1, exact: 1, characters: 2, right: 2 });
    expect(predicted(['a', '\n', 'bc'], { 2: 'bc\n\n' })).toMatchObject({ exact: 1, right: 2 });
    expect(predicted(['a', '\n', 'bc'], { 2: 'bc;' })).toMatchObject({ exact: 0 });
    expect(predicted(['a', 'b'])).toMatchObject({ lines: 0, characters: 0 });
    expect(predicted(['a', '\n', ' ', '}', '\n', '\n'])).toMatchObject({ lines: 0 });
  });

  it('are exact if the last two thirds of the line are', () => {
    expect(predicted(written, { 3: 'if' })).toEqual({
      lines: 1,
      exact: 1,
      characters,
      right: characters - 3,
    });
    expect(predicted(written, { 6: ' d' })).toEqual({
      lines: 1,
      exact: 0,
      characters,
      right: characters - 3,
    });
  });

  it('do not count indentation', () => {
    expect(predicted(written, { 0: 'y', 2: '\t' })).toEqual({
      lines: 1,
      exact: 1,
      characters,
      right: characters,
    });
  });

  it('may be predicted in different tokens', () => {
    expect(predicted(written, { 4: ' a +', 7: ';\n' })).toMatchObject({ exact: 1, right: characters });
    // Correct up to the line end; the text after it does not matter.
    expect(predicted(written, { 7: ';\n\n' })).toMatchObject({ exact: 1, right: characters });
    // A word that continues differently.
    expect(predicted(written, { 6: ' bcd' })).toMatchObject({ exact: 0, right: characters - 3 });
  });

  it('are wrong if only a prefix of a token is predicted', () => {
    expect(predicted(['a', '\n', 'f', '();', '\n'], { 3: '(' })).toMatchObject({ exact: 0, right: 1 });
    // Only text up to the end of the line is required: the model may stop there.
    expect(predicted(['a', '\n', 'f', '();\n'], { 3: '();' })).toMatchObject({ exact: 1, right: 4 });
  });

  it('are compared by bytes: part of a character does not count', () => {
    const bytes = ['x', '\n', 'a', '\xe6', '\x97', '\xa5'];
    const at = (wrong: string) =>
      predictedLines([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 6], (token) => [...bytes, wrong][token]!)[1];
    expect(at('\xa5')).toMatchObject({ exact: true, characters: 4, right: 4 });
    expect(at('\xb9')).toMatchObject({ exact: false, characters: 4, right: 3 });
  });

  it('must also end at the end of the text', () => {
    expect(predicted(['a', '\n', 'bc'], { 3: ' + d' })).toMatchObject({ exact: 0, right: 2 });
    expect(predicted(['a', '\n', 'bc'], { 3: '\n\n' })).toMatchObject({ exact: 1, right: 2 });
  });

  it('must end where the line ends', () => {
    expect(predicted(written, { 8: ' //' })).toMatchObject({ exact: 0, right: characters });
    expect(predicted(written, { 8: '' })).toMatchObject({ exact: 1, right: characters });
    expect(predicted(written, { 7: '' })).toMatchObject({ exact: 0, right: characters - 1 });
  });

  it('begin at the cursor in the first line', () => {
    // "foo(" stands before the cursor, and is generated again with what follows.
    const first = (wrong: Record<number, string>, begun: number) =>
      linesOf(['foo(', 'bar', ', baz', ')', '\n'], wrong, begun)[0];
    const rest = { line: 0, typed: 'foo(', actual: 'bar, baz)', characters: 9 };
    expect(first({ 0: 'x' }, 4)).toEqual({ ...rest, suggested: 'bar, baz)', exact: true, right: 9 });
    expect(first({ 2: ', qux' }, 4)).toEqual({
      ...rest,
      suggested: 'bar, qux\u2026',
      exact: false,
      right: 4,
    });
    // A token that spans the cursor is given.
    expect(first({ 1: 'x' }, 5)).toMatchObject({ typed: 'foo(bar', actual: ', baz)', exact: true });
    expect(linesOf(['foo', '(', '\n', '}'], {}, 3)).toEqual([]);
  });

  it('say what was typed and what would be suggested for the rest', () => {
    expect(linesOf(['a', '\n', '  ', 'value', ' = ', 'one', ';'], { 5: 'two\n' })[1]).toMatchObject({
      ...{ typed: '  valu', actual: 'e = one;', suggested: 'e = two\u2026' },
    });
  });
});
