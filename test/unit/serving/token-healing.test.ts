import { describe, expect, it } from 'vitest';
import { chooseFitting } from '../../../src/serving/tokens/token-healing.ts';

const latin1 = (text: string) => Buffer.from(text).toString('latin1');
const words = ['<end>', ' c', ' con', ' console', ' other', '日', '', 'c'].map(latin1);
words[6] = '\xe6\x97'; // The first two bytes of 日.
const vocabulary = { bytes: (token: number) => words[token]!, ends: new Set([0]) };
const logProbabilities = new Map([
  [4, 0.5],
  [0, 0.2],
  [3, 0.15],
  [2, 0.1],
  [1, 0.04],
  [6, 0.006],
  [5, 0.003],
  [7, 0.001],
]);
const choose = (text: string, temperature = 0, random = () => 0.999) =>
  chooseFitting(latin1(text), logProbabilities, vocabulary, { temperature, random });

describe('a token that spells', () => {
  it.each([
    [' cons', 3],
    [' con', 3],
    [' cow', 1],
    ['cow', 7],
    ['日本', 6],
    ['<end>', undefined],
  ])('%j: the most likely one that is its prefix or extends it', (text, token) => {
    if (token === undefined) expect(() => choose(text)).toThrow(RangeError);
    else expect(choose(text).token).toBe(token);
  });

  it('has its probability among those that fit', () => {
    expect(choose(' con').logprob).toBeCloseTo(Math.log(0.15 / (0.15 + 0.1 + 0.04)), 6);
    expect(choose('cow').logprob).toBe(0);
    // Independent of the sampling temperature.
    expect(choose(' con', 0.5, () => 0.999)).toEqual({
      token: 1,
      logprob: expect.closeTo(Math.log(0.04 / 0.29), 6),
    });
  });

  it('is sampled from those that fit, in proportion to p^(1/T)', () => {
    const counts = new Map<number, number>();
    const n = 4000;
    for (let draw = 0; draw < n; draw += 1) {
      const { token } = choose(' con', 0.5, () => (draw + 0.5) / n);
      counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    const weights = [0.15 ** 2, 0.1 ** 2, 0.04 ** 2];
    const sum = weights.reduce((total, weight) => total + weight, 0);
    [3, 2, 1].forEach((token, index) => expect(counts.get(token)! / n).toBeCloseTo(weights[index]! / sum, 2));
  });
});
