/** What a chosen strength brings, on files that had no part in choosing it. */
import { afterEach, describe, expect, it } from 'vitest';
import german from '../../../l10n/bundle.l10n.de.json' with { type: 'json' };
import { chooseCrossFitted } from '../../../src/evaluation/strength/cross-fit.ts';
import { choiceIn, pointOf } from '../../../src/evaluation/strength/rule.ts';
import { speak } from '../../../src/protocol/l10n.ts';
import { strengthChoiceSchema } from '../../../src/protocol/evaluation.ts';
import type { RatioItem } from '../../../src/statistics/statistics.ts';

const itemsOf = (bits: readonly number[], named = true): RatioItem[] =>
  bits.map((sum, at) => ({ sum, weight: 10, ...(named && { document: `${at}.ts` }) }));
/** By strength: the bits per byte that each of the files gained, each with one cursor of ten bytes. */
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
    const point = pointOf(Number(strength), before, { learned, kl: forgot, solutions: [] });
    return { point, learned };
  });
  return {
    ...chooseCrossFitted(base, measured, 0.1),
    path: measured.map(({ point }) => point),
  };
}

const even = [0.09, 0.09, 0.09, 0.09, 0.09, 0.09];
/** Without its first file this is the better strength; with it, it is uncertain. */
const uneven = [0, 0.1, 0.1, 0.1, 0.1, 0.1];

describe('what a choice brings', () => {
  it('is counted for each file at the strength that is chosen without it', () => {
    const { strength, learned, without } = choose({ 0.5: uneven, 1: even });
    expect(strength).toBe(1);
    expect(without).toEqual({ '0.ts': 0.5 });
    // The five others at strength 1, the first at .5.
    expect(learned!.value).toBeCloseTo(-(5 * 0.09) / 6);
  });
  it('is what was measured there, if each file would have chosen the same', () => {
    const { strength, learned, without, path } = choose({ 0.5: even.map((gain) => gain / 2), 1: even });
    expect([strength, without]).toEqual([1, undefined]);
    expect(learned).toEqual(path.find((point) => point.strength === 1)!.learned);
  });
  it('never takes a strength that forgot too much', () => {
    const { strength, learned, without } = choose(
      { 0.5: uneven, 0.75: even, 1: uneven },
      { 0.5: 0.2, 1: 0.2 },
    );
    expect([strength, without]).toEqual([0.75, undefined]);
    expect(learned!.value).toBeCloseTo(-0.09);
  });
  it('is not said where nothing is offered', () => {
    for (const none of [choose({ 1: even.map((gain) => -gain) }), choose({ 1: even.slice(0, 3) })]) {
      expect(none.strength).toBe(0);
      expect(none).not.toHaveProperty('learned');
    }
  });
  it('takes items that belong to no file by themselves, and names none of them', () => {
    const { learned, without } = choose({ 0.5: uneven, 1: even }, {}, false);
    expect(learned!.value).toBeCloseTo(-(5 * 0.09) / 6);
    expect(without).toBeUndefined();
  });
});

describe('what is said of a choice', () => {
  afterEach(() => speak('en'));
  const chosen = { ...choose({ 0.5: uneven, 1: even }), limit: 0.1, setting: '6 held-out cursors' };

  it('is what it brings, not what it was chosen by', () => {
    expect(chosen.why).toMatch(/^at strength 1 it learned most: -0\.075 bits per byte \[/);
    expect(strengthChoiceSchema.parse(chosen)).toEqual(chosen);
  });
  it('is the same in another language', () => {
    speak('de', german);
    expect(choiceIn(chosen).why).toContain('-0,075');
  });
  it('is what it was chosen by, in a run of an earlier version', () => {
    const { strength, why, limit, path, setting } = chosen;
    speak('de', german);
    expect(choiceIn(strengthChoiceSchema.parse({ strength, why, limit, path, setting })).why).toContain(
      '-0,090',
    );
  });
});
