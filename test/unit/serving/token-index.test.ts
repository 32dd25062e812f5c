import { describe, expect, it } from 'vitest';
import { uniform } from '../../../src/statistics/random.ts';
import { TokenIndex } from '../../../src/serving/tokens/token-index.ts';

const random = uniform(3);
const letters = ' abc\xe6\x97';
const word = () =>
  Array.from({ length: Math.floor(random() * 6) }, () => letters[Math.floor(random() * 6)]!).join('');
const words = Array.from({ length: 2000 }, word);
const left = new Set([1, 5, 9, 13]);
const index = new TokenIndex(words.length, (token) => words[token]!, left);

describe('the tokens that spell a text', () => {
  it('are the same as found by checking every token', () => {
    for (let time = 0; time < 300; time += 1) {
      const text = word();
      if (text.length < 2) continue;
      const slow = words.flatMap((says, token) =>
        says !== '' && !left.has(token) && (says.startsWith(text) || text.startsWith(says)) ? [token] : [],
      );
      expect(index.spelling(text, Infinity)!.sort((a, b) => a - b)).toEqual(slow);
    }
  });

  it('are not listed if there are too many', () => {
    const some = index.spelling('ab', Infinity)!.length;
    expect(index.spelling('ab', some)).toHaveLength(some);
    expect(index.spelling('ab', some - 1)).toBeUndefined();
    expect(index.spelling(' ', Infinity)).toBeUndefined();
  });
});
