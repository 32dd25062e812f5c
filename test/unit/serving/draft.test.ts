import { describe, expect, it } from 'vitest';
import { rightOnes } from '../../../src/serving/engine/speculation.ts';
import { DraftLength } from '../../../src/serving/tokens/draft-length.ts';
import { Drafter, readingOrder } from '../../../src/serving/tokens/draft.ts';

const END = 99;
const guess = (text: number[], most = 4) => new Drafter(text, new Set([END])).guess(most);

describe('a guess', () => {
  it.each([
    ['what followed the same tokens', [1, 2, 3, 4, 5, 6, 1, 2], { tokens: [3, 4, 5, 6], matched: 2 }],
    ['the longest match', [7, 1, 2, 3, 0, 9, 1, 2, 4, 0, 7, 1, 2], { tokens: [3, 0, 9, 1], matched: 3 }],
    ['the newest of several', [1, 2, 3, 5, 1, 2, 4, 8, 9, 1, 2], { tokens: [4, 8, 9, 1], matched: 2 }],
    ['no end of a text', [1, 2, 3, END, 5, 1, 2], { tokens: [3], matched: 2 }],
    ['nothing after one token alone', [1, 2, 3, 4, 1], undefined],
    ['nothing across texts', [1, 2, -1, 5, 8, 1, 2], undefined],
    ['a run that goes on', [5, 5, 5, 5], { tokens: [5], matched: 3 }],
  ])('is %s', (_, text, expected) => {
    expect(guess(text)).toEqual(expected);
  });

  it('sees the tokens of the answer', () => {
    const drafter = new Drafter([1, 2, 3, 4], new Set());
    expect(drafter.guess(2)).toBeUndefined();
    for (const token of [1, 2]) drafter.push(token);
    expect(drafter.guess(2)).toEqual({ tokens: [3, 4], matched: 2 });
  });

  it('finds the text before the cursor last, and the answer after it', () => {
    const fill = { prefix: 50, suffix: 51, middle: 52 };
    expect(readingOrder([1, 2, 50, 3, 4, 51, 5, 6, 52, 7], fill)).toEqual([1, 2, -1, 5, 6, -1, 3, 4, 7]);
    expect(readingOrder([1, 2, 3], fill)).toEqual([1, 2, 3]);
    expect(readingOrder([1, 2, 3], undefined)).toEqual([1, 2, 3]);
  });
});

describe('how many are checked at once', () => {
  const machine = (rowMs: number) => {
    const length = new DraftLength();
    for (let time = 0; time < 60; time += 1) {
      length.took(1, 30);
      length.took(8, 30 + 7 * rowMs);
    }
    return length;
  };

  it('follows from what a row costs', () => {
    expect(machine(0.5).choose(9, 20)).toBe(15);
    expect(machine(8).choose(9, 20)).toBeGreaterThan(0);
    expect(machine(29).choose(9, 20)).toBe(0);
    expect(machine(0.5).choose(9, 2)).toBe(2);
  });

  it('and from how often guesses were right', () => {
    const length = machine(12);
    expect(length.choose(9, 20)).toBeGreaterThan(0);
    for (let time = 0; time < 20; time += 1) length.learn(9, 7, 0);
    expect(length.choose(9, 20)).toBe(0);
    for (let time = 0; time < 20; time += 1) length.learn(9, 7, 7);
    expect(length.choose(9, 20)).toBeGreaterThan(0);
  });
});

describe('a check', () => {
  const sure = (token: number) => new Map([[token, 0.9] as const, [token + 1, 0.1] as const]);
  const unsure = (token: number) => new Map([[token, 0.51] as const, [token + 1, 0.49] as const]);
  const tokens = (rows: Parameters<typeof rightOnes>[0], guessed: number[]) =>
    rightOnes(rows, guessed).map(({ token }) => token);

  it('takes the right ones, and the one after them', () => {
    expect(tokens([sure(1), sure(2), sure(3)], [1, 2])).toEqual([1, 2, 3]);
    expect(tokens([sure(1), sure(5), sure(3)], [1, 2])).toEqual([1, 5]);
    expect(tokens([sure(4), sure(2), sure(3)], [1, 2])).toEqual([4]);
  });
  it('takes none where rounding may decide', () => {
    expect(tokens([sure(1), unsure(2), sure(3)], [1, 2])).toEqual([1]);
    expect(tokens([unsure(1), sure(2)], [1])).toEqual([]);
  });
});
