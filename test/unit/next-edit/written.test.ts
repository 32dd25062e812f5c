/** Which parts of a document count as written by the user. */
import { expect, it } from 'vitest';
import { WrittenRanges } from '../../../src/next-edit/index.ts';
import { uniform } from '../../../src/statistics/random.ts';

it('are the characters that were inserted, wherever other changes move them', () => {
  const random = uniform(1);
  const below = (n: number) => Math.floor(random() * n);
  for (let round = 0; round < 100; round += 1) {
    let text = '.'.repeat(200);
    const ranges = new WrittenRanges();
    for (let step = 0; step < 8; step += 1) {
      const offset = below(text.length);
      const removed = below(Math.min(6, text.length - offset));
      const inserted = below(6);
      ranges.change([{ offset, removed, inserted }], 0);
      text = text.slice(0, offset) + 'x'.repeat(inserted) + text.slice(offset + removed);
    }
    for (let at = 0; at < text.length; at += 1)
      if (text[at] === 'x') expect(ranges.has(at, at + 1, 0)).toBe(true);
    const far = /\.{20}/.exec(text);
    if (far) expect(ranges.has(far.index + 1, far.index + 19, 0)).toBe(false);
  }
});

it('are all places of one event, for five minutes', () => {
  const ranges = new WrittenRanges();
  const at = (offset: number) => ({ offset, removed: 0, inserted: 3 });
  ranges.change([at(10), at(20)], 0);
  expect([ranges.has(10, 13, 0), ranges.has(23, 26, 0), ranges.has(14, 22, 0)]).toEqual([true, true, false]);
  expect(ranges.has(10, 13, 5 * 60_000 + 1)).toBe(false);
});

it('get old even if what is next to them is written without a break', () => {
  const ranges = new WrittenRanges();
  const minutes = (count: number) => count * 60_000;
  for (let time = 0; time <= minutes(8); time += 1000)
    ranges.change([{ offset: time / 1000, removed: 0, inserted: 1 }], time);
  const has = (from: number) => ranges.has(from, from + 1, minutes(8));
  expect([has(0), has(2 * 60), has(4 * 60), has(8 * 60)]).toEqual([false, false, true, true]);
});

it('are not what a tool wrote, but what was pasted', () => {
  const large = { offset: 0, removed: 30, inserted: 30_000 };
  const isWritten = (change: typeof large, selected?: { from: number; to: number }) => {
    const ranges = new WrittenRanges();
    ranges.change([change], 0, selected);
    return ranges.has(0, 20_000, 0);
  };
  expect([isWritten(large), isWritten(large, { from: 40, to: 40 })]).toEqual([false, false]);
  expect(isWritten(large, { from: 0, to: 30 })).toBe(true);
  // As a formatter replaces a document.
  expect(isWritten({ ...large, removed: 29_000 }, { from: 40, to: 40 })).toBe(false);
});

it('stay where a tool changes other text', () => {
  const ranges = new WrittenRanges();
  ranges.change([{ offset: 0, removed: 0, inserted: 100 }], 0);
  ranges.change([{ offset: 20, removed: 10, inserted: 1000 }], 0);
  const has = (from: number) => ranges.has(from, from + 10, 0);
  expect([has(0), has(20), has(1010), has(1020), has(1080), has(1090)]).toEqual([
    true,
    false,
    false,
    true,
    true,
    false,
  ]);
});
