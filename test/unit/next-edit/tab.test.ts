/** Offers while their text changes, and what Tab does with them. */
import { describe, expect, it } from 'vitest';
import { moveOffer, tabAction, type Cursor } from '../../../src/next-edit/index.ts';
import { uniform } from '../../../src/statistics/random.ts';

describe('an offer in a changing text', () => {
  it('stays at the same characters, or disappears if its line was touched', () => {
    const random = uniform(1);
    const below = (n: number) => Math.floor(random() * n);
    const text = Array.from({ length: 9 }, (_, line) => `line ${line} (x);`).join('\n');
    const start = text.indexOf('4 (x)') + 3;
    const parts = [{ start, end: start + 1, text: 'y' }];
    const from = text.indexOf('line 4');
    const offer = { path: 'a.ts', from, before: 'line 4 (x);', parts, shown: parts };
    for (let round = 0; round < 500; round += 1) {
      const offset = below(text.length + 1);
      const removed = below(Math.min(12, text.length - offset + 1));
      const inserted = ['', 'new', '\n'][below(3)]!;
      const now = text.slice(0, offset) + inserted + text.slice(offset + removed);
      const after = moveOffer(offer, [{ offset, removed, inserted: inserted.length }]);
      const isTouched = offset <= from + offer.before.length && offset + removed >= from;
      expect(after === undefined).toBe(isTouched);
      if (!after) continue;
      const [part] = after.parts;
      expect([now.slice(after.from, after.from + 11), now.slice(part!.start - 3, part!.end + 2)]).toEqual([
        'line 4 (x);',
        '4 (x);',
      ]);
      expect(after.shown).toEqual(after.parts);
    }
  });
});

describe('what Tab does', () => {
  const parts = [{ start: 104, end: 105, text: 'y' }];
  const offer = { path: 'a.ts', from: 100, before: '  f(x);', parts, shown: parts };
  const at = (offset: number, head: string, more: Partial<Cursor> = {}): Cursor => ({
    path: 'a.ts',
    offset,
    line: 1,
    head,
    ...more,
  });
  const here = { path: 'a.ts', offset: 20, line: 1, isStep: false };

  it('applies an import behind the use of its name, on the same line', () => {
    const missing = { ...offer, import: { title: 'Add import', at: 20 } };
    const doesAt = (offset: number, head: string) => tabAction(at(offset, head), missing, undefined, true);
    expect(doesAt(25, '  price')).toBe('apply');
    // Before it, on the next line, where Tab indents, and where the import is written.
    for (const [offset, head] of [
      [20, '  '],
      [19, ' x'],
      [32, 'more'],
      [104, '  f('],
    ] as const)
      expect(doesAt(offset, head)).toBeUndefined();
  });

  it('moves with the text around its use', () => {
    const missing = { ...offer, import: { title: 'Add import', at: 20 } };
    const moved = moveOffer(missing, [{ offset: 50, removed: 0, inserted: 5 }]);
    expect([moved?.from, moved?.import?.at]).toEqual([105, 20]);
  });

  it.each([
    ['goes to the offer from the line of the edit', at(22, 'const'), here, false, 'go'],
    ['does nothing from another line', at(40, 'const', { line: 2 }), here, false, undefined],
    ['does nothing from another file', at(22, 'const', { path: 'b.ts' }), here, false, undefined],
    ['does nothing where it indents', at(20, '  '), here, false, undefined],
    [
      'goes on where it indents if a step has put the cursor there',
      at(20, '  '),
      { ...here, isStep: true },
      false,
      'go',
    ],
    ['does nothing after more typing', at(22, 'const'), here, true, undefined],
    ["applies anywhere in the offer's line", at(107, '  f(x);', { line: 5 }), here, false, 'apply'],
    ["indents at the start of the offer's line", at(101, ' ', { line: 5 }), here, false, undefined],
    [
      'does not apply away from the place after more typing',
      at(107, '  f(x);', { line: 5 }),
      here,
      true,
      undefined,
    ],
    ['applies at the place after more typing', at(104, '  f(', { line: 5 }), here, true, 'apply'],
  ] as const)('%s', (_, cursor, start, isPassed, does) => {
    expect(tabAction(cursor, offer, start, isPassed)).toBe(does);
  });
});
