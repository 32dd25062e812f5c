import { describe, expect, it } from 'vitest';
import { gainOf, outcomeOf, secondsOf, type Foreign, type Measured } from '../../../bench/gain/metrics.ts';
import { sdistUrl } from '../../../bench/gain/fetch.ts';
import { withoutProtocol } from '../../../bench/gain/keys.ts';
import { noiseOf } from '../../../bench/gain/noise.ts';
import { partnerOf, repositories, type Repository } from '../../../bench/gain/repositories.ts';
import { lineOf, noiseTable, tableOf } from '../../../bench/gain/table.ts';
import type { ItemRow } from '../../../src/evaluation/metrics/item-rows.ts';
import type { RunEvent } from '../../../src/protocol/events.ts';
import { choiceAt } from '../../support/choice.ts';

type Counts = Record<string, [sum: number, weight: number]>;
const parts = (counts: Counts) =>
  Object.fromEntries(Object.entries(counts).map(([name, [sum, weight]]) => [name, { sum, weight }]));
const row = (item: string, document: string | undefined, before: Counts, after: Counts): ItemRow => ({
  item,
  digest: item,
  ...(document !== undefined && { document }),
  parts: { before: parts(before), after: parts(after) },
});
const rowsOf = (rows: ItemRow[]) => new Map(rows.map((row) => [row.digest, row]));

/** Lines of 10 characters, two per file; `exact` says for each whether base and result complete it. */
const lines = (exact: [number, number][]) =>
  rowsOf(
    exact.map(([before, after], at) =>
      row(
        `line ${at}`,
        `file ${Math.floor(at / 2)}`,
        { 'exact lines': [before, 1], 'characters offered': [10 * before, 10] },
        { 'exact lines': [after, 1], 'characters offered': [10 * after, 10] },
      ),
    ),
  );
const problems = (passed: [number, number][]) =>
  rowsOf(
    passed.map(([before, after], at) =>
      row(
        `HumanEval/${at}`,
        undefined,
        { 'pass@1': [before, 1], 'loss of solutions': [5, 10] },
        { 'pass@1': [after, 1], 'loss of solutions': [6, 10] },
      ),
    ),
  );
const texts = rowsOf([
  row('text 0', undefined, { 'KL from base': [0, 100] }, { 'KL from base': [9, 100] }),
  row('text 1', undefined, { 'KL from base': [0, 300] }, { 'KL from base': [11, 300] }),
]);

const measured = (name: string, rows: Measured['rows'], more: Partial<Measured> = {}): Measured => ({
  name,
  language: 'Go',
  steps: 280,
  seconds: { training: 600, measuring: 90 },
  rows,
  ...more,
});
/** Both complete half of the `n` items; the result completes `won` more. */
const some = (n: number, won: number): [number, number][] =>
  Array.from({ length: n }, (_, at) => (at % 2 ? [1, 1] : [0, at < 2 * won ? 1 : 0]));

const passed = some(164, 20);
const good = (name: string, won: number, more?: Partial<Measured>) =>
  measured(
    name,
    new Map([
      ['cursors', lines(some(60, won))],
      ['humaneval', problems(passed)],
      ['retention', texts],
    ]),
    more,
  );

describe('metrics of repositories', () => {
  it('are ratios of totals before and after, with the KL of the result', () => {
    const [gain] = gainOf([good('a', 12)]).perRepository;
    expect(gain).toMatchObject({ name: 'a', language: 'Go', lines: 60, offered: true });
    expect(gain!.lineExact).toMatchObject({ base: 0.5, own: 0.7 });
    expect(gain!.lineExact!.ownMinusBase.value).toBeCloseTo(0.2, 12);
    expect(gain!.lineExact!.ownMinusBase.low).toBeLessThan(0.2);
    expect(gain!.humanevalLoss).toMatchObject({ base: 0.5, own: 0.6 });
    expect(gain!.kl).toBeCloseTo(20 / 400, 12);
  });

  it('leave out what was not measured', () => {
    const gain = gainOf([measured('a', new Map([['cursors', lines(some(8, 2))]]))]);
    expect(gain.perRepository[0]).not.toHaveProperty('kl');
    expect(gain.perRepository[0]).not.toHaveProperty('humanevalPass');
    expect(Object.keys(gain.perRepository[0]!.lineExact!)).toEqual(['base', 'own', 'ownMinusBase']);
    expect(Object.keys(gain.pooled).sort()).toEqual(['charactersSaved', 'lineExact']);
  });

  it('are exactly those of the base if the run offers no result', () => {
    const [gain] = gainOf([good('a', 12, { whyNot: 'lines got worse' })]).perRepository;
    expect(gain!.lineExact).toEqual({ base: 0.5, own: 0.5, ownMinusBase: { value: 0, low: 0, high: 0 } });
    expect(gain!.humanevalLoss).toMatchObject({ base: 0.5, own: 0.5, ownMinusBase: { value: 0 } });
    expect(gain).toMatchObject({ kl: 0, offered: false, whyNot: 'lines got worse' });
  });

  it("adopt the run's decision and its strength", () => {
    const choice = choiceAt(0.5, 'learned most');
    const summary = { step: 9, sentence: '', comparisons: [] };
    expect(outcomeOf({ events: [], summary: { ...summary, choice } })).toMatchObject({ strength: 0.5 });
    expect(outcomeOf({ events: [], summary: { ...summary, choice } }).whyNot).toBeUndefined();
    const nothing = { ...choice, decided: 'not better' as const, strength: 0, why: 'no strength is better' };
    expect(outcomeOf({ events: [], summary: { ...summary, choice: nothing } })).toMatchObject({
      whyNot: 'no strength is better',
    });
    expect(outcomeOf({ events: [] }).whyNot).toBeDefined();
    const events = [1, 12].map((step) => ({ type: 'step', step, time: '2026-01-01T00:00:00Z' }) as RunEvent);
    expect(outcomeOf({ events }).steps).toBe(12);
  });
});

describe('pooled metrics', () => {
  it('count each repository equally, however many cursors it has', () => {
    const large = measured('b', new Map([['cursors', lines(some(600, 0))]]));
    const { lineExact } = gainOf([good('a', 12), large]).pooled;
    expect(lineExact!.ownMinusBase.value).toBeCloseTo(0.1, 12);
  });

  it('count a repository without an offered result as zero, no lower', () => {
    const { lineExact } = gainOf([good('a', 12), good('b', 30, { whyNot: 'lines got worse' })]).pooled;
    expect(lineExact!.ownMinusBase.value).toBeCloseTo(0.1, 12);
  });

  it('are more certain with more repositories', () => {
    const width = (all: Measured[]) => {
      const { low, high } = gainOf(all).pooled.charactersSaved!.ownMinusBase;
      return high - low;
    };
    expect(width(['a', 'b', 'c', 'd'].map((name) => good(name, 12)))).toBeLessThan(
      0.6 * width([good('a', 12)]),
    );
  });

  it('are no more certain about HumanEval if each repository answers the same problems alike', () => {
    const passOf = (names: string[]) =>
      gainOf(names.map((name) => good(name, 12))).pooled.humanevalPass!.ownMinusBase;
    const [single, five] = [passOf(['a']), passOf(['a', 'b', 'c', 'd', 'e'])];
    expect(five.value).toBeCloseTo(single.value, 12);
    expect(five.high - five.low).toBeGreaterThan(0.95 * (single.high - single.low));
  });
});

/** An adapter that completes `won` more lines than the base. */
const foreign = (won: number, more?: Partial<Foreign>): Foreign => ({
  name: 'other',
  strength: 0.75,
  chosen: true,
  steps: 260,
  items: new Map([...lines(some(60, won))].map(([digest, { parts }]) => [digest, parts.after])),
  ...more,
});

describe('a foreign adapter', () => {
  it('is compared with the base and with our own at the same items', () => {
    const { perRepository, pooled } = gainOf([good('a', 12, { foreign: foreign(3) })]);
    const [gain] = perRepository;
    expect(gain!.partner).toEqual({ name: 'other', strength: 0.75, chosen: true, steps: 260 });
    expect(gain!.charactersSaved).toMatchObject({ base: 0.5, foreign: 0.55, own: 0.7 });
    expect(gain!.charactersSaved!.foreignMinusBase!.value).toBeCloseTo(0.05, 12);
    const { value, low, high } = gain!.charactersSaved!.ownMinusForeign!;
    expect(value).toBeCloseTo(0.15, 12);
    expect(low).toBeLessThan(value);
    expect(high).toBeGreaterThan(value);
    expect(pooled.charactersSaved).toMatchObject({ base: 0.5, foreign: 0.55, own: 0.7 });
    expect(gain!.humanevalPass).not.toHaveProperty('foreign');
  });

  it('is also compared at the cursors used to choose the strength', () => {
    const bits = (of: number) => parts({ 'bits per byte': [of, 10] });
    const cursors = rowsOf(
      [4, 5, 6].map((of, at) => row(`cursor ${at}`, `f${at}`, {}, { 'bits per byte': [of, 10] })),
    );
    for (const cursor of cursors.values()) cursor.parts.before = bits(7);
    const own = good('a', 12);
    own.rows.set('cursors', cursors);
    const control = foreign(3);
    const items = new Map([
      ...control.items,
      ...[...cursors.keys()].map((digest) => [digest, bits(6)] as const),
    ]);
    const [gain] = gainOf([{ ...own, foreign: { ...control, items } }]).perRepository;
    expect(gain!.bitsAtCursors).toMatchObject({ base: 0.7, foreign: 0.6, own: 0.5 });
    expect(gain!.bitsAtCursors!.ownMinusForeign!.value).toBeCloseTo(-0.1, 12);
  });

  it('is paired by item, whatever the order', () => {
    const compared = (items: Foreign['items']) =>
      gainOf([good('a', 12, { foreign: foreign(12, { items }) })]).pooled.lineExact!.ownMinusForeign!;
    const { items } = foreign(3);
    expect(compared(new Map([...items].reverse()))).toEqual(compared(items));
    // The same number of lines, but different ones.
    const turned = [...items.values()].reverse();
    const others = compared(new Map([...items.keys()].map((digest, at) => [digest, turned[at]!])));
    expect(others.value).toBeCloseTo(compared(items).value, 12);
    expect(others.high).toBeGreaterThan(compared(items).high);
  });

  it('is compared with the base if our result is not offered', () => {
    const kept = good('a', 12, { whyNot: 'lines got worse', foreign: foreign(3) });
    const { ownMinusForeign } = gainOf([kept]).perRepository[0]!.charactersSaved!;
    expect(ownMinusForeign!.value).toBeCloseTo(-0.05, 12);
  });

  it('is compared with the reference adapter, which replaces a result that is not offered', () => {
    const reference = foreign(9).items;
    const of = (more: Partial<Measured>) =>
      gainOf([good('a', 12, { reference, ...more })]).perRepository[0]!.lineExact!;
    expect(of({ foreign: foreign(3) })).toMatchObject({
      base: 0.5,
      reference: 0.65,
      foreign: 0.55,
      own: 0.7,
    });
    expect(of({}).ownMinusReference!.value).toBeCloseTo(0.05, 12);
    const kept = of({ whyNot: 'lines got worse' });
    expect(kept.own).toBe(kept.reference);
    expect(kept.ownMinusReference!.value).toBeCloseTo(0, 12);
    expect(kept.ownMinusBase.value).toBeCloseTo(0.15, 12);
  });

  it('counts each repository equally when pooled', () => {
    const all = [good('a', 12, { foreign: foreign(3) }), good('b', 6, { foreign: foreign(9) })];
    const { lineExact } = gainOf(all).pooled;
    expect(lineExact!.foreign).toBeCloseTo(0.6, 12);
    expect(lineExact!.ownMinusForeign!.value).toBeCloseTo(0.05, 12);
  });

  it('must have been measured at all items', () => {
    const items = new Map([...foreign(3).items].slice(1));
    expect(() => gainOf([good('a', 12, { foreign: foreign(3, { items }) })])).toThrow(
      'other was not measured at line 0 of a',
    );
  });
});

describe('the noise between seeds', () => {
  const seeds = [2, 4, 9].map((won, seed) => good('a', won, { seed, foreign: foreign(3) }));
  const { perRepository } = gainOf(seeds);
  const noise = noiseOf(perRepository);

  it('is the spread of each metric across seeds', () => {
    // 2, 4 and 9 of 60: the mean is 5, the sum of squares 9 + 1 + 16.
    const { mean, standardDeviation, min, max } = noise.lineExact!.ownMinusBase!;
    expect(mean).toBeCloseTo(5 / 60, 12);
    expect(standardDeviation).toBeCloseTo(Math.sqrt(26 / 2) / 60, 12);
    expect([min, max]).toEqual([2 / 60, 9 / 60].map((value) => expect.closeTo(value, 12) as number));
    expect(noise.lineExact!.base!.standardDeviation).toBe(0);
    expect(noise.lineExact!.ownMinusForeign!.mean).toBeCloseTo(2 / 60, 12);
    expect(noise.kl!.mean).toBeCloseTo(0.05, 12);
    expect(noise).not.toHaveProperty('bitsAtCursors');
  });

  it('is shown below the runs', () => {
    const text = noiseTable(perRepository, noise);
    expect(text).toMatch(/^\| a, seed 2 \|/m);
    expect(text).toMatch(/^\| exact lines \| own - base \| \+0\.083 \| 0\.060 \| \+0\.033 \| \+0\.150 \|$/m);
  });
});

describe('the duration of a run', () => {
  const at = (second: number, event: object) =>
    ({ time: new Date(Date.UTC(2026, 0, 1) + 1000 * second).toISOString(), ...event }) as RunEvent;

  it('is split into the time up to the last step and the time after it', () => {
    const events = [
      at(0, { type: 'start' }),
      at(60, { type: 'step' }),
      at(90, { type: 'phase', phase: 'Evaluating' }),
      at(130, { type: 'done' }),
    ];
    expect(secondsOf(events)).toEqual({ training: 60, measuring: 70 });
  });

  it('excludes the pause before a resumed run', () => {
    const events = [
      at(0, { type: 'start' }),
      at(60, { type: 'checkpoint' }),
      at(9000, { type: 'phase', phase: 'Loading the model' }),
      at(9002, { type: 'memory' }),
      at(9004, { type: 'phase', phase: 'Measuring the machine' }),
      at(9005, { type: 'start' }),
      at(9030, { type: 'step' }),
      at(9040, { type: 'done' }),
    ];
    expect(secondsOf(events)).toEqual({ training: 85, measuring: 10 });
  });
});

describe('the table', () => {
  const gain = gainOf([good('a', 12), good('b', 30, { whyNot: 'lines got worse' })]);

  it('shows before, after and the interval for each repository and for all', () => {
    const [head, , first, second] = tableOf(gain).split('\n');
    expect(head).toContain('| exact lines |');
    expect(first).toMatch(/\| a \| Go \| 60 \| 0\.500 -> 0\.700, \+0\.200 \[\+0\.\d+, \+0\.\d+\] \|/);
    expect(first).toContain('| 0.050 | yes | 280 | 10.0 + 1.5 min |');
    expect(second).toContain('no: base kept');
    expect(tableOf(gain)).toMatch(/^b offers nothing: lines got worse\.$/m);
    expect(tableOf(gain)).toMatch(/^- Exact lines: 0\.500 -> 0\.600, \+0\.100 \[/m);
    expect(lineOf(gain.perRepository[0]!)).toMatch(/^a \(Go\): lines 60; exact lines 0\.500 -> 0\.700/);
  });

  it('has the same number of cells in each row', () => {
    const cells = tableOf(gain)
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => line.split(' | ').length);
    expect(new Set(cells).size).toBe(1);
  });

  it('has base, foreign and own side by side, and says which own one it is', () => {
    const text = tableOf(gainOf([good('a', 12, { foreign: foreign(3, { strength: 0.5, chosen: false }) })]));
    expect(text).toMatch(
      /^\| a \| characters predicted \| other, 260 steps, at 0\.5 \(its run chose none\) \| 0\.500 \| 0\.550 \| 0\.700 \| \+0\.150 \[.*\] \|$/m,
    );
    expect(text).toMatch(/^\| together \| exact lines \| foreign \| 0\.500 \| 0\.550 \| 0\.700 \|/m);
    expect(tableOf(gain)).not.toContain('foreign');
  });
});

describe('the repositories', () => {
  const of = (use: string) => repositories.filter((repository) => repository.use === use);

  it('include at least six to report on, in at least five languages, and others to tune on', () => {
    expect(of('report').length).toBeGreaterThanOrEqual(6);
    expect(new Set(of('report').map(({ language }) => language)).size).toBeGreaterThanOrEqual(5);
    expect(of('tuning').length).toBeGreaterThanOrEqual(3);
  });

  it('have a partner in the same language each, none for tuning if they are reported on', () => {
    for (const repository of of('report')) {
      const partner = partnerOf(repository);
      expect(partner).toMatchObject({ language: repository.language });
      expect(partner!.name).not.toBe(repository.name);
    }
    const makeRepository = (name: string, use: Repository['use'], language = 'C') => ({
      ...repositories[0]!,
      name,
      use,
      language,
    });
    const all = [
      makeRepository('t', 'tuning'),
      makeRepository('p', 'partner'),
      makeRepository('r', 'report'),
      makeRepository('s', 'report'),
      makeRepository('d', 'report', 'D'),
    ];
    const partners = all.map((each) => partnerOf(each, all)?.name);
    expect(partners).toEqual(['p', 't', 's', 'r', undefined]);
  });

  it('are pinned, and listed only once', () => {
    for (const { sha256, source } of repositories) {
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(source.version).toMatch(/^\d/);
    }
    for (const key of ['name', 'sha256'] as const)
      expect(new Set(repositories.map((repository) => repository[key])).size).toBe(repositories.length);
  });
});

describe('the key of a cached run', () => {
  const bundle = (evaluation: string, loop: string) =>
    `import { a } from 'a';\n// src/protocol/evaluation.ts\n${evaluation}\n// src/training/loop.ts\n${loop}\n// node_modules/zod/a.js\nz();\n`;

  it('is the program without its process protocol', () => {
    const key = withoutProtocol(bundle('var summary = 1;', 'train();'));
    expect(withoutProtocol(bundle('var summary = 2;', 'train();'))).toBe(key);
    expect(withoutProtocol(bundle('var summary = 1;', 'trainOtherwise();'))).not.toBe(key);
    expect(key).toContain('z();');
  });
});

describe("the sdist link in pip's output", () => {
  const output = `1 location(s) to search for versions of some-thing:
  Found link https://files.example/a/some_thing-1.2.0-py3-none-any.whl#sha256=1 (from https://index.example/simple/some-thing/), version: 1.2.0
  Found link https://files.example/b/some_thing-1.2.0.tar.gz#sha256=2 (from https://index.example/simple/some-thing/) (requires-python:>=3.8), version: 1.2.0
  Skipping link: wrong project name: https://files.example/c/some_thing-1.2.0.tar.gz.asc`;

  it('is found among other links', () => {
    expect(sdistUrl(output, 'some_thing-1.2.0.tar.gz')).toBe(
      'https://files.example/b/some_thing-1.2.0.tar.gz#sha256=2',
    );
    expect(sdistUrl(output, 'thing-1.2.0.tar.gz')).toBeUndefined();
  });
});
