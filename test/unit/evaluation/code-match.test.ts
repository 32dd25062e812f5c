import { describe, expect, it } from 'vitest';
import {
  identifierF1,
  listIdentifiers,
  fuzzyRatio,
  equalIgnoringWhitespace,
  sameWords,
  withoutComments,
} from '../../../src/evaluation/scoring/code-match.ts';
import { keywords } from '../../../src/evaluation/scoring/keywords.ts';
import {
  firstCall,
  firstCodeLine,
  firstNonBlankLine,
  firstStatement,
  withinBrackets,
} from '../../../src/evaluation/scoring/statement.ts';

describe('the edit similarity', () => {
  // Values of rapidfuzz's fuzz.ratio, divided by 100.
  it.each([
    ['return a + b', 'return b + a', 0.8333333333333334],
    ['x = foo(1, 2)', 'x = bar(1)', 0.6086956521739131],
    ['', 'abc', 0],
    ['self.client.get(url)', 'self.client.post(url, data)', 0.7659574468085107],
    ['kitten', 'sitting', 0.6153846153846154],
  ])('of %j and %j is %d', (a, b, expected) => expect(fuzzyRatio(a, b)).toBeCloseTo(expected, 12));
  it('of two empty texts is 1', () => expect(fuzzyRatio('', '')).toBe(1));
});

it('compares words, or all but white space', () => {
  expect(sameWords('  a  = b\n', 'a = b')).toBe(true);
  expect(sameWords('a=b', 'a = b')).toBe(false);
  expect(equalIgnoringWhitespace('a=b', ' a =\n b')).toBe(true);
});

describe('identifiers', () => {
  it('leave out keywords, numbers and strings', () => {
    expect(listIdentifiers('if self.x_1 in load("a b", 3): return True', keywords['python']!)).toEqual([
      'self',
      'x_1',
      'load',
      'True',
    ]);
  });
  it('are compared as sets', () => {
    expect(identifierF1(['a', 'a', 'b'], ['b', 'c'])).toBe(0.5);
    expect(identifierF1([], [])).toBe(0);
  });
});

it('cuts comments as the benchmark does', () => {
  expect(withoutComments('a # b\nc // d\n')).toBe('a \nc \n');
});

describe('the first statement', () => {
  it.each([
    ['python', 'x = ', 'foo(1)\ny = 2\n', 'foo(1)'],
    ['python', 'x = ', 'foo(\n    1,\n)\ny = 2\n', 'foo(\n    1,\n)'],
    ['python', 'x = foo(1, ', '2\n)\ny = 2\n', '2\n)'],
    ['python', 'x = ', '"""a\nb"""\ny', '"""a\nb"""'],
    ['python', 'x = 1 + ', '\\\n2\ny', '\\\n2'],
    ['python', 'x = ', 'foo(', 'foo('],
    ['java', 'int x = ', 'foo(1);\nint y;', 'foo(1);'],
    ['typescript', 'if (x)', ' {\n  y();\n}', ' {'],
    ['csharp', 'x = ', 'y', 'y'],
  ])('of %s after %j in %j is %j', (languageId, before, answer, expected) =>
    expect(firstStatement(before, answer, languageId)).toBe(expected),
  );
});

it('ends a block and a condition at the closing bracket', () => {
  expect(withinBrackets('a(); if (x) { b(); } } c();', ['{', '}'])).toBe('a(); if (x) { b(); } ');
  expect(withinBrackets('i < n(1)) {', ['(', ')'])).toBe('i < n(1)');
  expect(withinBrackets('i < n', ['(', ')'])).toBe('i < n');
});

it('ends a call at its parenthesis', () => {
  expect(firstCall('np.ones((n, n)) + 1')).toBe('np.ones((n, n))');
  expect(firstCall('x')).toBe('x');
});

describe('the line that counts', () => {
  it('is the first non-blank one', () => expect(firstNonBlankLine('\n  \n  a\nb')).toBe('  a'));
  it.each([
    ['python', '\n# a\n"""\nb\n"""\n    c = 1\nd', '    c = 1'],
    ['python', '# only', '# only'],
    ['java', '/*\n * a\n */\n// b\n  c();\n', '  c();'],
  ])('of %s skips comments', (languageId, answer, expected) =>
    expect(firstCodeLine(answer, languageId)).toBe(expected),
  );
});
