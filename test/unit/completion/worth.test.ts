import { describe, expect, it } from 'vitest';
import { Certainty } from '../../../src/completion/answer/certainty.ts';
import { keepLikely } from '../../../src/completion/answer/chance.ts';
import { expectedSaving } from '../../../src/completion/answer/worth.ts';

/** The same log-probability for each word. */
function sureBy(text: string, logprob: number): Certainty {
  const certainty = new Certainty();
  for (const { index } of text.matchAll(/\s*(?:\w+|[^\w\s])/g)) certainty.add(index, logprob);
  return certainty;
}
const saving = (text: string, logprob: number, endsLine = true) =>
  expectedSaving(text, sureBy(text, logprob), endsLine);

const line = 'const found = await readSettings(folder);';

describe('what a suggestion is expected to save', () => {
  it('is its typing time less a glance, reading, deciding and Tab, if it is certain', () => {
    // 41 characters: 41 * 220 - 680 - 230 - 41 * 16.
    expect(saving(line, 0)).toBeCloseTo(7454, 6);
  });

  it('falls with each doubt, and below nothing', () => {
    const all = [0, -0.05, -0.1, -0.2, -0.5, -1].map((logprob) => saving(line, logprob));
    expect(all).toEqual([...all].sort((a, b) => b - a));
    expect(all.at(-1)).toBeLessThan(0);
  });

  it('is more for a long line than for a short one of the same chance', () => {
    const chanceOfHalf = (text: string) => {
      const certainty = new Certainty();
      certainty.add(0, Math.log(0.5));
      return expectedSaving(text, certainty, true);
    };
    expect(chanceOfHalf('size')).toBeLessThan(0);
    expect(chanceOfHalf('sizeOfAllRemainingParts')).toBeGreaterThan(0);
  });

  it('is less for words that are not the whole line, which only some accept', () => {
    expect(saving('readSettings', 0, false)).toBeLessThan(saving('readSettings', 0));
  });

  it('does not count the indentation, which the editor types', () => {
    const deep = `{\n${' '.repeat(40)}go();`;
    expect(saving(deep, 0) + 16 * 38).toBeCloseTo(saving('{\n  go();', 0), 6);
  });

  it('is unknown without probabilities: everything is shown', () => {
    expect(expectedSaving(line, new Certainty(), true)).toBe(Infinity);
  });

  it('decides what is shown, unless everything is', () => {
    const document = { path: 'a.ts', languageId: 'typescript', before: '', after: '' };
    const kept = (logprob: number, minChance: number) =>
      keepLikely(
        { text: line },
        sureBy(line, logprob),
        { calibration: { bias: 5, slope: 0.1 }, minChance },
        document,
      );
    expect(kept(-0.05, 0.09)).toEqual({ text: line });
    expect(kept(-1, 0.09)).toEqual({ dropped: 'unsure' });
    expect(kept(-1, 0)).toEqual({ text: line });
  });
});
