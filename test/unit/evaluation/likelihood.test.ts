import { describe, expect, it } from 'vitest';
import { encode, logLikelihoods, pack } from '../../../src/evaluation/scoring/likelihood.ts';
import { charTokenizer, fakeModel } from './help.ts';

const codes = (text: string) => [...text].map((character) => character.charCodeAt(0));
/** Two letters are one token if the second is "b": the first token of a continuation depends on the text before it. */
const merging = {
  encode: (text: string) => Int32Array.from(text.match(/.?b|./gs) ?? [], (piece) => piece.charCodeAt(0)),
  eos: 0,
};

describe('a continuation', () => {
  it("has the tokens that follow the context's in the whole text", () => {
    const { tokens, counted } = encode({ context: 'one', continuation: ' two' }, charTokenizer);
    expect([...tokens]).toEqual(codes('one two'));
    expect(counted).toBe(4);
  });
  it('takes over the white space at the end of the context', () => {
    const { tokens, counted } = encode({ context: 'one  ', continuation: 'two' }, charTokenizer);
    expect([...tokens]).toEqual(codes('one  two'));
    expect(counted).toBe(5);
  });
  it('is encoded with its context, not on its own', () => {
    // "cb" is one token, so the whole text is "a", "cb" and the context "a", "c": no token is left to count.
    expect(encode({ context: 'ac', continuation: 'b' }, merging).counted).toBe(0);
    expect(encode({ context: 'ac', continuation: ' b' }, merging).counted).toBe(1);
  });
  it('follows the start token if the vocabulary has one, else the end token if there is no context', () => {
    const continued = { context: 'a', continuation: ' b' };
    expect([...encode(continued, { ...charTokenizer, start: 7 }).tokens]).toEqual([7, ...codes('a b')]);
    const alone = { context: '', continuation: 'b' };
    expect(encode(alone, charTokenizer)).toEqual({ tokens: Int32Array.of(0, ...codes('b')), counted: 1 });
  });
  it('loses the beginning of its context if the whole is too long', () => {
    // The last token is only predicted, so three are inputs.
    const { tokens, counted } = encode({ context: 'abcdef', continuation: ' g' }, charTokenizer, 3);
    expect([...tokens]).toEqual(codes('ef g'));
    expect(counted).toBe(2);
  });
});

it('packs texts so that none attends to earlier ones', () => {
  const texts = ['abc', 'de', 'f'].map((text) => ({ tokens: charTokenizer.encode(text) }));
  const { tokens, starts, begins } = pack(texts);
  expect([...tokens]).toEqual(codes('abcdef'));
  expect([...starts]).toEqual([0, 0, 0, 3, 3]);
  expect(begins).toEqual([0, 3, 5]);
});

describe('log-likelihoods', () => {
  /** Each token's loss is a hundredth of its code. */
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

  it('sum the losses of the continuation only, several in a pass', async () => {
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
