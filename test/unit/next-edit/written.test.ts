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

it('are all places of one event, for five minutes, but not what a tool wrote', () => {
  const ranges = new WrittenRanges();
  const at = (offset: number) => ({ offset, removed: 0, inserted: 3 });
  ranges.change([at(10), at(20)], 0);
  expect([ranges.has(10, 13, 0), ranges.has(23, 26, 0), ranges.has(14, 22, 0)]).toEqual([true, true, false]);
  expect(ranges.has(10, 13, 5 * 60_000 + 1)).toBe(false);
  ranges.change([{ offset: 0, removed: 30, inserted: 30_000 }], 0);
  expect(ranges.has(0, 30_000, 0)).toBe(false);
});
