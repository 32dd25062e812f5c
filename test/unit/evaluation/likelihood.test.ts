import { describe, expect, it } from 'vitest';
import { encode, logLikelihoods, pack } from '../../../src/evaluation/scoring/likelihood.ts';
import { charTokenizer, fakeModel } from './help.ts';

const codes = (text: string) => [...text].map((character) => character.charCodeAt(0));
/** Two letters are one token where the second is "b": what a continuation begins with depends on what is before it. */
const merging = {
  encode: (text: string) => Int32Array.from(text.match(/.?b|./gs) ?? [], (piece) => piece.charCodeAt(0)),
  eos: 0,
};

describe('a continuation', () => {
  it('has the tokens that the whole has after those of the context', () => {
    const { tokens, counted } = encode({ context: 'one', continuation: ' two' }, charTokenizer);
    expect([...tokens]).toEqual(codes('one two'));
    expect(counted).toBe(4);
  });
  it('takes the white space that ends the context', () => {
    const { tokens, counted } = encode({ context: 'one  ', continuation: 'two' }, charTokenizer);
    expect([...tokens]).toEqual(codes('one  two'));
    expect(counted).toBe(5);
  });
  it('is encoded with its context, not by itself', () => {
    // "cb" is one token, so the whole is "a", "cb" and the context "a", "c": nothing is left to count.
    expect(encode({ context: 'ac', continuation: 'b' }, merging).counted).toBe(0);
    expect(encode({ context: 'ac', continuation: ' b' }, merging).counted).toBe(1);
  });
  it('follows the start token where the vocabulary asks for one, else the end where nothing is before it', () => {
    const continued = { context: 'a', continuation: ' b' };
    expect([...encode(continued, { ...charTokenizer, start: 7 }).tokens]).toEqual([7, ...codes('a b')]);
    const alone = { context: '', continuation: 'b' };
    expect(encode(alone, charTokenizer)).toEqual({ tokens: Int32Array.of(0, ...codes('b')), counted: 1 });
  });
  it('loses the beginning of its context where the whole is too long', () => {
    // The last token is only predicted: three are seen.
    const { tokens, counted } = encode({ context: 'abcdef', continuation: ' g' }, charTokenizer, 3);
    expect([...tokens]).toEqual(codes('ef g'));
    expect(counted).toBe(2);
  });
});

it('packs texts so that none sees those before it', () => {
  const texts = ['abc', 'de', 'f'].map((text) => ({ tokens: charTokenizer.encode(text) }));
  const { tokens, starts, begins } = pack(texts);
  expect([...tokens]).toEqual(codes('abcdef'));
  expect([...starts]).toEqual([0, 0, 0, 3, 3]);
  expect(begins).toEqual([0, 3, 5]);
});

describe('log-likelihoods', () => {
  /** Every token costs a hundredth of its code. */
  const passes: string[] = [];
  const model = fakeModel({
    tokenLosses(tokens, { starts, last } = {}) {
      passes.push(String.fromCharCode(...tokens));
      expect(starts).toHaveLength(tokens.length - 1);
      expect(last).toBeLessThan(tokens.length);
      return Promise.resolve(Float32Array.from(tokens.slice(-last!), (token) => token / 128));
    },
  });
  const cost = (text: string) => ({
    value: codes(text).reduce((sum, code) => sum - code / 128, 0),
    tokens: text.length,
  });

  it('sum the losses of the continuation alone, several in a pass', async () => {
    passes.length = 0;
    const found = await logLikelihoods(model, [
      { context: 'Question', continuation: ' yes' },
      { context: 'Q', continuation: ' no' },
    ]);
    expect(found).toEqual([cost(' yes'), cost(' no')]);
    expect(passes).toEqual(['Question yesQ no']);
  });
  it('take more than one pass for long texts', async () => {
    passes.length = 0;
    const context = 'x'.repeat(1500);
    const found = await logLikelihoods(model, [
      { context, continuation: ' a' },
      { context, continuation: ' b' },
    ]);
    expect(found).toEqual([cost(' a'), cost(' b')]);
    expect(passes).toEqual([`${context} a`, `${context} b`]);
  });
});
