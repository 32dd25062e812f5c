import { describe, expect, it } from 'vitest';
import { Certainty } from '../../../src/completion/answer/certainty.ts';
import { cutTruncated, isTrivial } from '../../../src/completion/answer/unfinished.ts';
import { keepLikely } from '../../../src/completion/answer/chance.ts';
import { expectedSaving, isTooShort } from '../../../src/completion/answer/worth.ts';

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

  it('does not count the indentation, which nobody types or reads', () => {
    const deep = `{\n${' '.repeat(40)}go();`;
    expect(saving(deep, 0)).toBeCloseTo(saving('{\n  go();', 0), 6);
  });

  it('is less where the answer was cut within its line', () => {
    const kept = (written: { text: string; cut: boolean }, after = '') => {
      const document = { path: 'a.ts', languageId: 'typescript', before: 'x = ', after };
      const certainty = sureBy('settingsOfAll', -0.9);
      const policy = { calibration: { bias: 5, slope: 0.1 }, minChance: 0.09 };
      return keepLikely({ text: 'settingsOfAll' }, { ...written, certainty }, policy, document);
    };
    expect(kept({ text: 'settingsOfAll', cut: false })).toEqual({ text: 'settingsOfAll' });
    expect(kept({ text: 'settingsOfAll);', cut: false })).toEqual({ text: 'settingsOfAll' });
    expect(kept({ text: 'settingsOfAll', cut: true })).toEqual({ dropped: 'unsure' });
    expect(kept({ text: 'settingsOfAll(folders', cut: false })).toEqual({ dropped: 'unsure' });
    // The rest of the line is there already.
    expect(kept({ text: 'settingsOfAll(folders', cut: false }, '(folders);')).toEqual({
      text: 'settingsOfAll',
    });
  });

  it('counts two keys for a Chinese character, which is a word', () => {
    expect(saving('返回结果', 0)).toBeGreaterThan(0);
    expect(saving('返回', 0)).toBeLessThan(0);
    expect(isTrivial('返回')).toBe(false);
    expect(cutTruncated({ text: '// 返回结果', finishReason: 'length' }).text).toBe('// 返回结');
  });

  it('is nothing for what is typed sooner than read, however certain it is', () => {
    expect([';', 'self', '\r\n        go'].map(isTooShort)).toEqual([true, true, true]);
    expect(['settings', 'go();'].map(isTooShort)).toEqual([false, false]);
  });

  it('is unknown without probabilities: everything is shown', () => {
    expect(expectedSaving(line, new Certainty(), true)).toBe(Infinity);
  });

  it('decides what is shown, unless everything is', () => {
    const document = { path: 'a.ts', languageId: 'typescript', before: '', after: '' };
    const kept = (logprob: number, minChance: number) =>
      keepLikely(
        { text: line },
        { text: line, certainty: sureBy(line, logprob), cut: false },
        { calibration: { bias: 5, slope: 0.1 }, minChance },
        document,
      );
    expect(kept(-0.05, 0.09)).toEqual({ text: line });
    expect(kept(-1, 0.09)).toEqual({ dropped: 'unsure' });
    expect(kept(-1, 0)).toEqual({ text: line });
  });
});
