import { describe, expect, it } from 'vitest';
import { pieceConfidence, likeliest } from '../../../src/serving/tokens/confidence.ts';

describe("the model's confidence", () => {
  it('is for the first of the most likely tokens', () => {
    const probabilities = new Map([
      [7, 0.5],
      [3, 0.3],
    ]);
    expect(likeliest(probabilities)).toEqual({ token: 7, logprob: Math.log(0.5) });
    expect(() => likeliest(new Map())).toThrow(RangeError);
  });

  it('multiplies the probabilities of the tokens of a piece', () => {
    const pieces = [0.5, 0.5, 0.25].map((chance) => ({ logprob: Math.log(chance) }));
    expect(Math.exp(pieceConfidence(pieces))).toBeCloseTo(1 / 16);
    expect(pieceConfidence([])).toBe(0);
  });
});
