import { describe, expect, it, vi } from 'vitest';
import { Certainty } from '../../../src/completion/answer/certainty.ts';
import { chanceOf, keepLikely, policyAt, type ShowPolicy } from '../../../src/completion/answer/chance.ts';
import type { CursorDocument } from '../../../src/completion/types.ts';
import { setUp, settle } from './set-up.ts';

/** With this calibration, the probability equals the model's at 0 and 1, and is close to it in between. */
const plain = { bias: 0, slope: 1 };
const showing = (least: number): ShowPolicy => ({ calibration: plain, minChance: least });
const document = { path: 'a.ts', languageId: 'typescript', before: '', after: '' };

/** Makes the estimated probability of the text, after each piece, the given one. */
function certainty(...pieces: [text: string, chance: number][]): Certainty {
  const made = new Certainty();
  let [from, before] = [0, 0];
  for (const [text, chance] of pieces) {
    const logprob = Math.log(chance / (1 - chance));
    made.add(from, logprob - before);
    from += text.length;
    before = logprob;
  }
  return made;
}

/** Of a cleaned answer of which nothing was cut. */
const keep = (cleaned: { text: string }, certainty: Certainty, policy: ShowPolicy, place: CursorDocument) =>
  keepLikely(cleaned, { text: cleaned.text.replaceAll('\r', ''), certainty, cut: false }, policy, place);

describe('the probability of a suggestion', () => {
  it('increases with its log-probability and with the bias', () => {
    expect(chanceOf(0, plain)).toBe(0.5);
    expect(chanceOf(-1, plain)).toBeLessThan(chanceOf(-0.5, plain));
    expect(chanceOf(-1, { bias: 1, slope: 1 })).toBe(0.5);
  });

  it('drops the first line that is too unlikely, and all lines after it', () => {
    const pieces: [string, number][] = [
      ['one();\n', 0.4],
      ['two();\n', 0.3],
      ['three();', 0.1],
    ];
    const text = pieces.map(([piece]) => piece).join('');
    const kept = (least: number) => keep({ text }, certainty(...pieces), showing(least), document);
    expect(kept(0)).toEqual({ text });
    expect(kept(0.05)).toEqual({ text });
    expect(kept(0.2)).toEqual({ text: 'one();\ntwo();', isPart: true });
    expect(kept(0.35)).toEqual({ text: 'one();', isPart: true });
    expect(kept(0.45)).toEqual({ dropped: 'unsure' });
  });

  it('shows the likely words of an unlikely first line', () => {
    const kept = (...pieces: [string, number][]) =>
      keep({ text: pieces.map(([piece]) => piece).join('') }, certainty(...pieces), showing(0.1), document);
    expect(
      kept(['\n  this', 0.45], ['.first', 0.4], ['(', 0.3], ['1', 0.2], [')\n', 0.05], ['x', 0.04]),
    ).toEqual({
      text: '\n  this.first',
      isPart: true,
    });
    // A word is left out if only its beginning is likely, or if typing it is faster than reading it.
    expect(kept(['größe_des_fensters', 0.4], [' + he', 0.3], ['ight', 0.05])).toEqual({
      text: 'größe_des_fensters',
      isPart: true,
    });
    expect(kept(['of', 0.4], [' it', 0.05])).toEqual({ dropped: 'unsure' });
    expect(kept(['all', 0.2], [' is', 0.05])).toEqual({ dropped: 'unsure' });
  });

  it('leaves no bracket open that only a dropped line would close', () => {
    const pieces: [string, number][] = [
      ['go();\n', 0.49],
      ['if (x) {\n', 0.48],
      ['  stay();\n', 0.47],
      ['}', 0.1],
    ];
    const text = pieces.map(([piece]) => piece).join('');
    expect(keep({ text }, certainty(...pieces), showing(0.3), document)).toEqual({
      text: 'go();',
      isPart: true,
    });
    const [, ...alone] = pieces;
    const rest = alone.map(([piece]) => piece).join('');
    // From its first line, the part that a block could follow.
    expect(keep({ text: rest }, certainty(...alone), showing(0.3), document)).toEqual({
      text: 'if (x)',
      isPart: true,
    });
  });

  it.each([
    ["import { a } from './", 'typescript', 0.1],
    ["const a = require('", 'typescript', 0.1],
    ['import (\n\t"fmt"\n\t"', 'go', 0.1],
    ['const a = `${', 'typescript', 0.1],
    ['text = f"{', 'python', 0.1],
    ['A text "', 'markdown', 0.1],
    ['const a = "', 'typescript', 0.7],
    ['// It ', 'typescript', 0.7],
    ['def f():\n    """', 'python', 0.7],
    ['import (\n\t"fmt"\n)\n\nvar a = "', 'go', 0.7],
    ['print(f"Hello {name}', 'python', 0.7],
    ["SELECT replace(x, '''', ''), ", 'sql', 0.1],
    ["name: 'don''t'''\nnext: ", 'yaml', 0.1],
    ['# It ', 'powershell', 0.7],
    ['<# It ', 'powershell', 0.7],
    ['-- It ', 'haskell', 0.7],
    ['; It ', 'clojure', 0.7],
    ['# It ', 'terraform', 0.7],
    ['/* a (', 'terraform', 0.7],
    ['; It ', 'ini', 0.7],
    ['"""Doc (', 'starlark', 0.7],
    ['let a = """', 'swift', 0.7],
  ])('is at least the given value after %j in %s', (before, languageId, least) => {
    const place = { ...document, before, languageId };
    expect(policyAt(place, showing(0.1)).minChance).toBe(least);
    // An explicit request still shows everything.
    expect(policyAt(place, showing(0)).minChance).toBe(0);
  });

  it('in a string or comment, shows only very likely first words', () => {
    const likely = policyAt({ ...document, before: '// It ' }, showing(0.1));
    const kept = (...pieces: [string, number][]) =>
      keep({ text: pieces.map(([piece]) => piece).join('') }, certainty(...pieces), likely, {
        ...document,
        before: '// It ',
      });
    expect(kept(['reads', 0.9], [' a file', 0.65])).toEqual({ text: 'reads', isPart: true });
    expect(kept(['reads', 0.9], [' (', 0.8], ['a file', 0.65])).toEqual({ text: 'reads', isPart: true });
    expect(kept(['reads', 0.6], [' a file', 0.5])).toEqual({ dropped: 'unsure' });
  });

  it.each([')', ');', '  }', '""', 'ab', ', x'])('does not show text as trivial as %j', (text) => {
    expect(keep({ text }, new Certainty(), showing(0.1), document)).toEqual({ dropped: 'trivial' });
    expect(keep({ text }, new Certainty(), showing(0), document)).toEqual({ text });
  });

  it('keeps Windows line ends, and counts them as the model does', () => {
    const pieces: [string, number][] = [
      ['\n', 0.49],
      ['  one();', 0.45],
      ['\n  two();', 0.1],
    ];
    const text = '\r\n  one();\r\n  two();';
    expect(keep({ text }, certainty(...pieces), showing(0.3), document)).toEqual({
      text: '\r\n  one();',
      isPart: true,
    });
  });

  it('shows everything from a model without probabilities', () => {
    expect(keep({ text: 'one' }, new Certainty(), showing(0.9), document)).toEqual({ text: 'one' });
  });
});

describe('completion that shows only likely text', () => {
  const open = (options: Parameters<typeof setUp>[0] = {}) => {
    const t = setUp({ calibration: plain, debounceMs: 0, ...options });
    return { ...t, at: (before: string, more = {}) => t.at(before, { minChance: 0.3, ...more }) };
  };

  it('stops the model as soon as nothing can become likely enough', async () => {
    const onAnswer = vi.fn();
    const { completer, requests, at } = open({ onAnswer });
    const promise = completer.complete(at('const total = '));
    await settle();
    const { stream, fail, signal } = requests[0]!;
    stream('a', -0.5);
    expect(signal.aborted).toBe(false);
    stream(' + b', -3);
    expect(signal.aborted).toBe(true);
    fail(new Error('aborted'));
    expect(await promise).toBeUndefined();
    expect(completer.statistics('mine').quiet).toEqual({ unsure: 1 });
    expect(onAnswer.mock.calls).toEqual([[expect.any(Number), 'unsure']]);
  });

  it('shows everything on an explicit request', async () => {
    const { completer, requests, at } = open();
    const promise = completer.complete(at('const total = '));
    await settle();
    requests[0]!.stream('a', -9);
    requests[0]!.fail(new Error('aborted'));
    await promise;
    const asked = completer.complete(at('const total = ', { invoked: true }));
    await settle();
    requests[1]!.stream('a', -9);
    requests[1]!.answer('a');
    expect(await asked).toMatchObject({ text: 'a' });
  });

  it('shows everything on an explicit request that was prefetched', async () => {
    const t = setUp({ calibration: plain, debounceMs: 0, ahead: true });
    const shown = t.completer.complete(t.at('const a = ', { minChance: 0.3 }));
    await settle();
    t.requests[0]!.answer('first(');
    await shown;
    await settle();
    const asked = t.completer.complete(t.at('const a = first(', { minChance: 0.3, invoked: true }));
    t.requests[1]!.stream('1', -9);
    t.requests[1]!.fail(new Error('aborted'));
    await settle();
    t.requests[2]!.stream('1', -9);
    t.requests[2]!.answer('1');
    expect(await asked).toMatchObject({ text: '1', source: 'model' });
  });

  it('does not treat a prefetch as an explicit request', async () => {
    const t = setUp({ calibration: plain, debounceMs: 0, ahead: true });
    const shown = t.completer.complete(t.at('const a = ', { minChance: 0.3, invoked: true }));
    await settle();
    t.requests[0]!.answer('first(');
    await shown;
    await settle();
    t.requests[1]!.stream('1', -9);
    expect(t.requests[1]!.signal.aborted).toBe(true);
  });

  it('shows the lines that are certain, up to the first uncertain one', async () => {
    const { completer, requests, at } = open();
    const promise = completer.complete(at('function f() {\n'));
    await settle();
    const { stream, fail, signal } = requests[0]!;
    stream('  go();\n', -0.1);
    const first = await promise;
    expect(first).toMatchObject({ text: '  go();' });
    stream('  perhaps', -5);
    expect(signal.aborted).toBe(true);
    fail(new Error('aborted'));
    expect(await first!.more).toBe(false);
    expect(await completer.complete(at('function f() {\n'))).toMatchObject({
      text: '  go();',
      source: 'cache',
    });
  });
});
