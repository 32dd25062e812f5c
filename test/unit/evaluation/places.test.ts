import { describe, expect, it } from 'vitest';
import { findPlaces, choosePlacesToShow } from '../../../src/evaluation/places.ts';
import type { Place } from '../../../src/protocol/evaluation.ts';
import { summarySchema } from '../../../src/protocol/evaluation.ts';
import { createItem, type Item, type ItemScore } from '../../../src/evaluation/task.ts';

const place = (file: string, before: string, after: string, line = 1): Place => ({
  ...{ file, line, prefix: 'x = ', actual: 'right', before, after },
});
const gained = (file: string) => place(file, 'other', 'right');
const lost = (file: string) => place(file, 'right', 'other');
const differing = (file: string) => place(file, 'one', 'another');
const agreed = (file: string) => place(file, 'same', 'same');
const filesOf = (tried: Place[]) => choosePlacesToShow(tried).map(({ file }) => file);

describe('the places to show', () => {
  it('are one that only the result gets right, one only the base, and one neither', () => {
    expect(filesOf([agreed('a'), differing('b'), lost('c'), gained('d'), gained('e')])).toEqual([
      ...['d', 'c', 'b'],
    ]);
  });
  it('are from files not shown yet', () => {
    expect(filesOf([gained('a'), lost('a'), lost('b'), differing('a'), differing('b')])).toEqual([
      ...['a', 'b', 'a'],
    ]);
  });
  it('include more of the most frequent kind, whichever model it favours', () => {
    expect(filesOf([gained('a'), gained('b'), lost('c'), lost('d'), lost('e')])).toEqual(['a', 'c', 'd']);
    expect(filesOf([lost('a'), lost('b'), gained('c'), gained('d'), gained('e')])).toEqual(['c', 'a', 'd']);
  });
  it('do not favour the result', () => {
    const tried = [gained('a'), lost('b'), gained('c'), lost('d'), agreed('f')];
    expect(filesOf(tried)).toEqual(['a', 'b', 'd']);
    const turned = tried.map((one) => ({ ...one, before: one.after, after: one.before }));
    expect(filesOf(turned)).toEqual(['b', 'a', 'c']);
  });
  it('include those where both agree if there are no others, those with suggestions first', () => {
    expect(filesOf([place('a', '', ''), place('b', '', ''), agreed('c'), gained('d')])).toEqual([
      ...['d', 'c', 'a'],
    ]);
    expect(filesOf([agreed('a')])).toEqual(['a']);
    expect(filesOf([])).toEqual([]);
  });
});

describe('the measured places', () => {
  const cursor = (kind: string, path: string, line: number, answers: [string, string]) => ({
    item: {
      ...createItem(`${kind} at ${path}:${line}`, { path, line }),
      ...{ kind, path, line, before: 'one\ntwo\nthree\nfour\nfive = ', actual: 'right', after: '\n' },
    } as Item,
    scores: answers.map((answer): ItemScore => ({ parts: {}, detail: { answer } })),
  });
  const all = [
    cursor('line', 'b.ts', 7, ['right', 'right']),
    cursor('block', 'a.ts', 2, ['right', 'wrong']),
    cursor('line', 'b.ts', 3, ['wrong', 'right']),
    cursor('line', 'a.ts', 9, ['wrong', 'right']),
    cursor('line', 'a.ts', 5, ['right', '']),
    { item: createItem('window 0', {}), scores: [{ parts: {} }, { parts: {} }] },
  ];
  const places = findPlaces(
    all.map(({ item }) => item),
    [all.map(({ scores }) => scores[0]!), all.map(({ scores }) => scores[1]!)],
  );
  it('are counted by which of the models are right', () => {
    expect(places).toMatchObject({ tried: 4, both: 1, gained: 2, lost: 1 });
  });
  it('show the lines up to the cursor, in the order of the files', () => {
    expect(places!.shown[0]).toEqual({
      ...{ file: 'a.ts', line: 9, prefix: 'two\nthree\nfour\nfive = ' },
      ...{ actual: 'right', before: 'wrong', after: 'right' },
    });
    expect(places!.shown[1]).toMatchObject({ file: 'a.ts', line: 5, after: '' });
    expect(places!.shown[2]).toMatchObject({ file: 'b.ts', line: 3 });
  });
  it('are right where all is that an editor would show of a line that opens a block', () => {
    const opening = { ...all[0]!.item, before: 'if (', actual: 'isActive) {' } as Item;
    const answered = (answer: string): ItemScore => ({ parts: {}, detail: { answer } });
    const found = findPlaces([opening], [[answered('on) ')], [answered('isActive)')]]);
    expect(found).toMatchObject({ gained: 1, lost: 0, shown: [{ actual: 'isActive)' }] });
  });
  it('are undefined without lines', () => {
    const { item, scores } = all.at(-1)!;
    expect(findPlaces([item], [[scores[0]!], [scores[1]!]])).toBeUndefined();
  });
  it('are written into the summary', () => {
    const written = summarySchema.parse({ step: 1, sentence: '', comparisons: [], places });
    expect(written.places).toEqual(places);
  });
});
