import { describe, expect, it } from 'vitest';
import { Pace } from '../../../src/completion/pace.ts';
import { setUp, settle } from './set-up.ts';

const after = (pieces: number, milliseconds: number) => {
  const pace = new Pace();
  pace.record('mine', pieces, milliseconds);
  return pace;
};

describe('the token limit of a request', () => {
  it.each([
    ['everything, on a fast machine', 11, 290, 96],
    ['as many as are generated in four seconds', 11, 1000, 40],
    ['at least a line', 11, 10_000, 16],
    ['everything, until enough is known', 3, 10_000, 96],
  ])('%s', (_, pieces, milliseconds, tokens) => {
    expect(after(pieces, milliseconds).tokens('mine', 96)).toBe(tokens);
  });

  it('adapts slowly, and separately for each adapter', () => {
    const pace = after(11, 1000);
    expect(pace.tokens('other', 96)).toBe(96);
    pace.record('mine', 11, 2000);
    expect(pace.tokens('mine', 96)).toBe(30);
    expect(pace.tokens('mine', 12)).toBe(12);
  });
});

describe('a slow machine', () => {
  it('gets a lower limit after its first answer, except for explicit requests', async () => {
    let now = 0;
    const t = setUp({ now: () => now });
    const answered = async (before: string, invoked: boolean) => {
      const completion = t.completer.complete(t.at(before, { invoked }));
      if (!invoked) t.pauses.at(-1)!.end();
      await settle();
      const { ask, stream, answer } = t.requests.at(-1)!;
      for (const piece of [' one', ' two', ' three', ' four', ' five']) {
        stream(piece);
        now += 200;
      }
      answer(' one two three four five');
      await completion;
      return ask.maxTokens;
    };
    const [first, second, third] = [
      await answered('const a = ', false),
      await answered('let b = ', false),
      await answered('var c = ', true),
    ];
    expect(second).toBe(20);
    expect(first).toBeGreaterThan(20);
    expect(third).toBe(first);
  });
});
