/** The effect of a chosen strength, on files that were not used to choose it. */
import { afterEach, describe, expect, it } from 'vitest';
import german from '../../../l10n/bundle.l10n.de.json' with { type: 'json' };
import { chooseCrossFitted } from '../../../src/evaluation/strength/cross-fit.ts';
import { whyNotOffered } from '../../../src/findings/offer.ts';
import { verdictOf } from '../../../src/findings/verdict.ts';
import { statedSummary, addFindings, withStrength } from '../../../src/evaluation/metrics/summary.ts';
import { choiceIn, strengthPoint } from '../../../src/findings/strength-rule.ts';
import { setLanguage } from '../../../src/text/l10n.ts';
import {
  CHARACTERS,
  EXACT_LINES,
  strengthChoiceSchema,
  summarySchema,
} from '../../../src/protocol/evaluation.ts';
import type { RatioItem } from '../../../src/statistics/statistics.ts';

const itemsOf = (bits: readonly number[], named = true): RatioItem[] =>
  bits.map((sum, at) => ({ sum, weight: 10, ...(named && { document: `${at}.ts` }) }));
/** By strength: the bits per byte gained on each file, with one cursor of ten bytes each. */
function choose(gains: Record<string, readonly number[]>, kl: Record<string, number> = {}, named = true) {
  const files = Object.values(gains)[0]!;
  const base = itemsOf(
    files.map(() => 20),
    named,
  );
  const measured = Object.entries(gains).map(([strength, own]) => {
    const learned = itemsOf(
      own.map((gain) => 20 - 10 * gain),
      named,
    );
    const forgot = [{ sum: kl[strength] ?? 0, weight: 1 }];
    const before = { learned: base, kl: [], solutions: [] };
    const point = strengthPoint(Number(strength), before, { learned, kl: forgot, solutions: [] });
    return { point, learned };
  });
  return {
    ...chooseCrossFitted({ learned: base }, measured, 0.1),
    path: measured.map(({ point }) => point),
  };
}

const even = [0.09, 0.09, 0.09, 0.09, 0.09, 0.09];
/** The better strength without its first file; with it, uncertain. */
const uneven = [0, 0.1, 0.1, 0.1, 0.1, 0.1];

describe('the effect of a choice', () => {
  it('is counted for each file at the strength chosen without it', () => {
    const { strength, learned, without } = choose({ 0.5: uneven, 1: even });
    expect(strength).toBe(1);
    expect(without).toEqual({ '0.ts': 0.5 });
    // The other five at strength 1, the first at 0.5.
    expect(learned!.value).toBeCloseTo(-(5 * 0.09) / 6);
  });
  it('is the measured one if each file would have chosen the same strength', () => {
    const { strength, learned, without, path } = choose({ 0.5: even.map((gain) => gain / 2), 1: even });
    expect([strength, without]).toEqual([1, undefined]);
    expect(learned).toEqual(path.find((point) => point.strength === 1)!.learned);
  });
  it('never uses a strength that forgot too much', () => {
    const { strength, learned, without } = choose(
      { 0.5: uneven, 0.75: even, 1: uneven },
      { 0.5: 0.2, 1: 0.2 },
    );
    expect([strength, without]).toEqual([0.75, undefined]);
    expect(learned!.value).toBeCloseTo(-0.09);
  });
  it('is not stated if nothing is offered', () => {
    for (const none of [choose({ 1: even.map((gain) => -gain) }), choose({ 1: even.slice(0, 3) })]) {
      expect(none.strength).toBe(0);
      expect(none).not.toHaveProperty('learned');
    }
  });
  it('withdraws the offer if it rules out a noticeable gain', () => {
    // A weak strength is certainly, if barely, better; without one file, another one looks better, and harms that
    // file.
    const lucky = {
      0.5: [0.014, 0.014, 0.014, 0.014, 0.014, -0.02],
      1: [-0.02, 0.014, 0.014, 0.014, 0.014, 0.014],
    };
    const choice = { ...choose({ ...lucky, 0.25: even.map(() => 0.002) }), limit: 0.1, setting: '' };
    expect(choice.strength).toBe(0);
    expect(choice.why).toMatch(/no better than before.*: \+0\.005 bits per byte/);
    expect(verdictOf({ choice, comparisons: [] }).kind).toBe('same');
    setLanguage('de', german);
    expect(choiceIn(choice).why).toContain('+0,005');
    setLanguage('en');
  });
  it('treats items without a file separately, and names none of them', () => {
    const { learned, without } = choose({ 0.5: uneven, 1: even }, {}, false);
    expect(learned!.value).toBeCloseTo(-(5 * 0.09) / 6);
    expect(without).toBeUndefined();
  });
});

describe('lines and characters that would have been suggested', () => {
  const counts = (values: readonly number[], weight: number) =>
    values.map((sum, at): RatioItem => ({ sum, weight, document: `${at}.ts` }));
  const at = (lines: readonly number[]) => ({
    [EXACT_LINES]: counts(lines, 3),
    [CHARACTERS]: counts(
      lines.map((line) => 10 * line),
      40,
    ),
  });
  const learnedAt = (gains: readonly number[]) => itemsOf(gains.map((gain) => 20 - 10 * gain));
  const base = { learned: learnedAt([0, 0, 0, 0, 0, 0]), offered: at([1, 1, 1, 1, 1, 1]) };
  const measured = Object.entries({ 0.5: uneven, 1: even }).map(([strength, gains]) => {
    const learned = learnedAt(gains);
    const counted = { kl: [{ sum: 0, weight: 1 }], solutions: [], learned };
    const point = strengthPoint(Number(strength), { ...counted, learned: base.learned }, counted);
    return { point, learned, offered: at(strength === '1' ? [3, 2, 2, 2, 2, 2] : [0, 1, 1, 1, 1, 1]) };
  });
  const chosen = chooseCrossFitted(base, measured, 0.1, { setting: 'six cursors' });
  const choice = { ...chosen, limit: 0.1, setting: 'six cursors', path: measured.map(({ point }) => point) };

  it('are counted for each file at the strength chosen without it', () => {
    const [lines, characters] = chosen.offered!;
    // The first file at strength 0.5.
    expect(lines!.after).toMatchObject({ value: 10 / 18, n: 18, setting: 'six cursors' });
    expect(lines!.before).toMatchObject({ value: 6 / 18, n: 18 });
    expect(characters!.after).toMatchObject({ value: 100 / 240, n: 6 });
  });
  it("are among the result's metrics, unless its strength was set by hand", () => {
    const summary = addFindings({ step: 1, sentence: '', comparisons: [] }, { choice });
    expect(summarySchema.parse(summary)).toEqual(summary);
    expect(summary.comparisons).toEqual(chosen.offered);
    expect(addFindings(summary, {}).comparisons).toEqual(chosen.offered);
    expect(summary.sentence).toMatch(
      /^Completes 10 of 18 held-out lines exactly \(6 before\), and predicts 42% of/,
    );
    const byHand = withStrength(summary, 0.75);
    expect(byHand.comparisons).toEqual([]);
    expect(withStrength(byHand, undefined).comparisons).toEqual(chosen.offered);
  });
  it('stay among the stated metrics of a fetched adapter', () => {
    expect(statedSummary(1, chosen.offered!).comparisons).toEqual(chosen.offered);
    expect(statedSummary(1, chosen.offered!).stated).toEqual(['cursors']);
  });
  it('veto a result with fewer exact lines', () => {
    const fewer = measured.map((one) => ({ ...one, offered: at([0, 0, 0, 0, 0, 0]) }));
    const worse = { ...choice, ...chooseCrossFitted(base, fewer, 0.1) };
    const { comparisons } = addFindings({ step: 1, sentence: '', comparisons: [] }, { choice: worse });
    expect(whyNotOffered({ comparisons, choice: worse })).toMatch(/^fewer lines are completed exactly/);
  });
});

describe('the description of a choice', () => {
  afterEach(() => setLanguage('en'));
  const chosen = { ...choose({ 0.5: uneven, 1: even }), limit: 0.1, setting: '6 held-out cursors' };

  it('states its effect, not the scores it was chosen by', () => {
    expect(chosen.why).toMatch(/^at strength 1 it learned most: -0\.075 bits per byte \[/);
    expect(strengthChoiceSchema.parse(chosen)).toEqual(chosen);
  });
  it('is the same in another language', () => {
    setLanguage('de', german);
    expect(choiceIn(chosen).why).toContain('-0,075');
  });
  it('states the scores it was chosen by in a run of an earlier version', () => {
    const { strength, why, limit, path, setting } = chosen;
    setLanguage('de', german);
    expect(choiceIn(strengthChoiceSchema.parse({ strength, why, limit, path, setting })).why).toContain(
      '-0,090',
    );
  });
});
