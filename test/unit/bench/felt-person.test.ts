import { describe, expect, it } from 'vitest';
import { isRight, lookAt, OVERLOOKED, paces, takenOf, type Person } from '../../../bench/felt/person.ts';

const costs = paces.quick;
const sight = (shown: string, typed: string, at = 0) => ({ shown, typed, at });
const take = (shown: string, wanted: string, person: Person) => {
  const taken = takenOf(sight(shown, wanted), person, costs);
  return taken && [taken.kind, taken.text, taken.keys];
};

describe('a person accepts', () => {
  it.each<[Person, string, string, unknown]>([
    ['whole', 'compute(1)', 'compute(1)\nother', ['all', 'compute(1)', 1]],
    ['whole', 'compute(1)\n  bar()', 'compute(1)\n  bar()\nbaz', ['all', 'compute(1)\n  bar()', 1]],
    // A line that is only right at the start is not a right line.
    ['whole', 'compute(1)', 'compute(1) + 2', undefined],
    ['whole', 'compute(1)\n  baz()', 'compute(1)\n  bar()', undefined],
    ['lines', 'compute(1)\n  baz()', 'compute(1)\n  bar()', ['lines', 'compute(1)', 3]],
    ['lines', 'first()\nsecond()\nwrong', 'first()\nsecond()\nright', ['lines', 'first()\nsecond()', 4]],
    ['lines', '\n  first()\n  wrong', '\n  first()\n  right', ['lines', '\n  first()', 3]],
    ['lines', 'compute(first)', 'compute(second)', undefined],
    ['words', 'compute(first)', 'compute(second)', ['words', 'compute(', 3]],
    ['words', 'compute', 'compute(second)', ['all', 'compute', 1]],
    // A key per word takes longer than one key for the line.
    ['words', 'a.b.c.d.e.f\nwrong', 'a.b.c.d.e.f\nright', ['lines', 'a.b.c.d.e.f', 3]],
    ['words', 'computed(1)', 'compute(1)', undefined],
    ['words', 'compute', 'computed', undefined],
    // Typing it is faster than deciding on it.
    ['words', 'one(x)', 'one(y)', undefined],
    ['whole', 'ab', 'ab', undefined],
    ['whole', 'x', 'y', undefined],
  ])('(%s) of %j for %j: %j', (person, shown, wanted, expected) =>
    expect(take(shown, wanted, person)).toEqual(expected),
  );
  it('less if deciding takes longer', () => {
    const short = sight('value', 'value');
    expect(takenOf(short, 'whole', paces.quick)).toMatchObject({ text: 'value' });
    expect(takenOf(short, 'whole', paces.median)).toBeUndefined();
  });
  it('only the text wanted at the cursor', () => {
    expect(takenOf(sight('compute(1)', 'x = compute(1)', 4), 'whole', costs)).toMatchObject({ kind: 'all' });
  });
});

describe('a look', () => {
  const reading = (characters: number) => costs.glance + characters * costs.character;
  it('reads the correct part to its end, without its indentation', () => {
    expect(lookAt(sight('a(1)\n    b(2)', 'a(1)\n    b(2)\nc'), 0, costs)).toEqual({
      looking: reading('a(1)\nb(2)'.length),
      correcting: 0,
      reversed: 0,
    });
  });
  it('ends with the first wrong word', () => {
    const { looking } = lookAt(sight('self.second(value)', 'self.first(value)'), 0, costs);
    expect(looking).toBe(reading('self.second'.length));
  });
  it('reads only what is new', () => {
    expect(lookAt(sight('first()\nlast()', 'first()\nlast()'), 7, costs).looking).toBe(reading(7));
  });
  it('notices a wrong first word, and one in text too short to accept anyway', () => {
    for (const [shown, wanted] of [
      ['second(a, long, list)', 'first(a, long, list)'],
      ['(b', '(c'],
    ] as const)
      expect(lookAt(sight(shown, wanted), 0, costs)).toMatchObject({ correcting: 0, reversed: 0 });
  });
  it('sometimes overlooks a later wrong word, which is accepted, read again and undone', () => {
    const found = lookAt(sight('self.second(value)', 'self.first(value)'), 0, costs);
    const rest = '(value)'.length * costs.character;
    const tab = costs.decision + costs.key;
    expect(found.reversed).toBe(OVERLOOKED);
    expect(found.correcting).toBeCloseTo(
      OVERLOOKED * (rest + tab + reading('self.second'.length) + 2 * costs.key),
    );
  });
  it('overlooks it only once, even if the suggestion grows', () => {
    const grown = sight('self.second(value)\nmore()', 'self.first(value)');
    expect(lookAt(grown, 'self.second(value)'.length, costs)).toMatchObject({ correcting: 0, reversed: 0 });
  });
});

it.each([
  ['compute(1)', 'compute(1)\nother', true],
  ['compute(1)\nwrong', 'compute(1)\nother', true],
  ['compute(1)', 'compute(1) + 2', false],
  ['compute(2)', 'compute(1)', false],
])('whether %j is right for %j: %j', (shown, typed, expected) =>
  expect(isRight(sight(shown, typed))).toBe(expected),
);
