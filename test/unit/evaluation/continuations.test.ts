import { expect, it } from 'vitest';
import { textTokens } from '../../../src/evaluation/tasks/retention.ts';

it('a text of the base begins with its start token, if it has one', () => {
  const encode = (text: string) => Int32Array.from(text, (character) => character.charCodeAt(0));
  expect(textTokens('abc', { encode }, 2)).toEqual([97, 98]);
  expect(textTokens('abc', { encode, start: 1 }, 2)).toEqual([1, 97, 98]);
});
