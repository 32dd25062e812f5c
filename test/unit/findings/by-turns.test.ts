/** Who answers when, and how often a comparison by turns is wrong: the figures in docs/science.md. */
import { describe, expect, it } from 'vitest';
import {
  comparisonOf,
  comparisonSize,
  concludedBy,
  gainOf,
  gainSentence,
  sideOf,
  TURN_MS,
  turnAt,
  verdictText,
  type Comparison,
} from '../../../src/findings/by-turns.ts';
import { turnCountsSchema, turnLineSchema } from '../../../src/protocol/by-turns.ts';
import { acceptanceSchema } from '../../../src/protocol/panel.ts';
import { parseLines } from '../../../src/platform/files/lines.ts';
import { mix } from '../../../src/statistics/random.ts';
import { simulateTurns } from './simulate-turns.ts';

const counts = (turn: number, values: object = {}) => ({
  type: 'counts' as const,
  seed: 7,
  turn,
  ...turnCountsSchema.parse(values),
});
const comparison = (lines: Comparison['counts'], suggestions = 10): Comparison => ({
  seed: 7,
  at: '2026-12-01T10:00:00.000Z',
  suggestions,
  counts: lines,
});
const turns = (count: number) => Array.from({ length: count }, (_, turn) => turn);
/** Each side keeps as many characters of 100 in each of its turns. */
const keeping = (result: number, untrained: number, count = 40, shown = 5) =>
  turns(count).map((turn) =>
    counts(turn, {
      shown,
      typed: 100,
      // A little different each time.
      keptCharacters: (sideOf(7, turn) === 'result' ? result : untrained) + (mix(turn) % 3),
    }),
  );
const later = 1000 * TURN_MS;

describe('the draw', () => {
  it('is the same in all windows, has both sides in each pair, and is another for another seed', () => {
    const drawn = (seed: number) => turns(400).map((turn) => sideOf(seed, turn));
    expect(drawn(7)).toEqual(drawn(7));
    expect(drawn(7)).not.toEqual(drawn(8));
    for (const pair of turns(200))
      expect(new Set([sideOf(7, 2 * pair), sideOf(7, 2 * pair + 1)]).size).toBe(2);
    const first = turns(200).filter((pair) => sideOf(7, 2 * pair) === 'result').length;
    expect(first).toBeGreaterThan(70);
    expect(first).toBeLessThan(130);
  });

  it.each([-1, 0, 2 ** 40])('knows a clock that is %d ms after 1970', (time) => {
    expect(['result', 'untrained']).toContain(sideOf(7, turnAt(time)));
    expect(sideOf(7, turnAt(time))).toBe(sideOf(7, turnAt(time)));
  });
});

describe('the lines of a file', () => {
  it('are summed; damaged ones, those of another comparison and a second end are left out', () => {
    const text = [
      '{"type":"begun","seed":7,"at":"2026-12-01T10:00:00.000Z","suggestions":10}',
      '{"type":"counts","seed":7,"turn":1,"shown":2}',
      '{"type":"counts","seed":6,"turn":1,"shown":90}',
      '{"type":"counts","seed":7,"turn":"one"}',
      '{"type":"cou',
      '{"type":"ended","seed":7,"at":"2026-12-01T10:00:00.000Z","verdict":"helps"}',
      '{"type":"ended","seed":7,"at":"2026-12-01T10:00:00.000Z"}',
      '',
    ].join('\n');
    expect(comparisonOf(parseLines(turnLineSchema, text).values)).toMatchObject({
      counts: [{ turn: 1, shown: 2, typed: 0 }],
      ended: { verdict: 'helps' },
    });
  });

  it('are no comparison without the first one', () => {
    expect(comparisonOf([counts(1)])).toBeUndefined();
  });
});

describe('the verdict', () => {
  it.each([
    ['helps', 30, 20],
    ['useless', 20, 30],
    ['useless', 20, 20],
    ['useless', 0, 20],
  ])('is that it %s, if it keeps %d of 100 characters and the untrained model %d', (verdict, ...kept) => {
    expect(concludedBy(comparison(keeping(...kept)), later)?.verdict).toBe(verdict);
  });

  it('is unclear after turns that differ much', () => {
    const uneven = turns(40).map((turn) =>
      counts(turn, { shown: 5, typed: 100, keptCharacters: mix(turn, 3) % 60 }),
    );
    expect(concludedBy(comparison(uneven), later)?.verdict).toBe('unclear');
  });

  it.each([
    ['before as many were shown as was announced', comparison(keeping(30, 20), 201), later],
    ['in a turn that is not over', comparison(keeping(30, 20), 200), 39 * TURN_MS + 1],
    [
      'right after it, while accepted text is still checked',
      comparison(keeping(30, 20), 200),
      40 * TURN_MS + 1,
    ],
    [
      'as long as one side shows nothing',
      comparison(
        keeping(30, 20).map((line) => (sideOf(7, line.turn) === 'result' ? line : { ...line, shown: 0 })),
      ),
      later,
    ],
    ['from one turn', comparison([counts(1, { shown: 100, typed: 1000, keptCharacters: 80 })]), later],
  ])('is not made %s', (_, early, now) => {
    expect(concludedBy(early, now)).toBeUndefined();
  });

  it('counts a turn that a clock has set in the future, and one with a single suggestion', () => {
    const odd = [...keeping(30, 20), counts(9_000_000, { shown: 1, typed: 3 })];
    expect(concludedBy(comparison(odd, 201), later)?.verdict).toBe('helps');
  });

  it('has no negative zero in its interval', () => {
    expect(gainSentence({ value: -0.12, low: -0.2, high: 0.004 }, 'Garden', 'Qwen')).toContain('[0, 20]');
  });

  it('is a sentence', () => {
    expect(gainSentence({ value: 0.18, low: 0.06, high: 0.31 }, 'Garden', 'Qwen')).toBe(
      'Garden keeps 18% more [6, 31] than Qwen.',
    );
    expect(
      verdictText(
        { verdict: 'useless', gain: { value: -0.12, low: -0.2, high: 0.01 } } as never,
        'Garden',
        'Qwen',
      ),
    ).toBe('Garden keeps 12% less [-1, 20] than Qwen. So Qwen completes your code from now on.');
  });
});

describe('the number of suggestions', () => {
  const seen = (accepted: number) =>
    comparisonSize(acceptanceSchema.parse({ shown: 1000, accepted, kept: 8, dropped: 2 }));

  it('follows from what this person keeps, else from an assumption', () => {
    expect(comparisonSize(acceptanceSchema.parse({}))).toEqual({
      suggestions: 7500,
      hours: 250,
      share: 0.2,
      isCounted: false,
    });
    expect(seen(500)).toMatchObject({ suggestions: 3800, share: 0.4, isCounted: true });
    expect(seen(0).suggestions).toBe(30_000);
  });

  /** Shares of verdicts in simulated comparisons of the announced size. */
  const verdicts = (gain: number, times: number, suggestions = 7500) => {
    const found = { helps: 0, useless: 0, unclear: 0, worse: 0 };
    for (let seed = 0; seed < times; seed += 1) {
      const made = simulateTurns({ gain, suggestions, seed });
      found[concludedBy(made, Infinity)!.verdict!] += 1 / times;
      if (gainOf(made)!.high < 0) found.worse += 1 / times;
    }
    return found;
  };

  it('shows a difference of a fifth in four of five comparisons', () => {
    expect(verdicts(0.2, 200).helps).toBeGreaterThan(0.75);
    expect(verdicts(-0.2, 100).useless).toBeGreaterThan(0.9);
  });

  it('and one that is not there in at most one of twenty', () => {
    const { helps, worse } = verdicts(0, 1000);
    expect(helps + worse).toBeLessThan(0.05);
    expect(verdicts(0.2, 100).useless).toBe(0);
  });
});
