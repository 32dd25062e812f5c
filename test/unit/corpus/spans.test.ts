import { describe, expect, it } from 'vitest';
import { uniform } from '../../../src/corpus/shuffle.ts';
import { chooseSpan } from '../../../src/corpus/tokens/spans.ts';

const draws = (seed: number) => {
  let count = 0;
  return () => uniform(seed, (count += 1));
};
/** The middles chosen, with how often in `times` draws. */
function middles(text: string, ends = { from: 0, to: text.length }, times = 4000): Map<string, number> {
  const found = new Map<string, number>();
  for (let seed = 0; seed < times; seed += 1) {
    const span = chooseSpan(text, ends, draws(seed));
    if (!span) continue;
    expect(span.to).toBeGreaterThanOrEqual(ends.from);
    expect(span.to).toBeLessThanOrEqual(ends.to);
    const middle = text.slice(span.from, span.to);
    found.set(middle, (found.get(middle) ?? 0) + 1);
  }
  return found;
}

const script = `import { price } from './price.ts';

function total(items, tax) {
  let sum = 0;
  for (const item of items) {
    sum += price(item, {
      tax,
      rounded: true,
    });
  }
  return sum;
}
`;
const python = `def total(items, tax):
    """All of them."""
    for item in items:
        if item.price:
            yield item.price * tax

    return None
`;

describe('spans', () => {
  it.each([
    ['the rest of a line', script, ["'./price.ts';", 'const item of items) {', ' item of items) {', ' 0;']],
    ['the rest of a word', script, ['urn sum;', 'tal(items, tax) {']],
    ['arguments', script, ['items, tax', 'const item of items']],
    [
      'a block with braces',
      script,
      [
        '\n    sum += price(item, {\n      tax,\n      rounded: true,\n    });',
        '\n      tax,\n      rounded: true,',
      ],
    ],
    ['the remainder of a block', script, ['rounded: true,', 'return sum;']],
    [
      'a statement over several lines',
      script,
      [
        'price(item, {\n      tax,\n      rounded: true,\n    });',
        '{\n      tax,\n      rounded: true,\n    });',
      ],
    ],
    ['whole lines', script, ['let sum = 0;', "import { price } from './price.ts';"]],
    [
      'a block by indentation, up to a blank line',
      python,
      [
        '\n    """All of them."""\n    for item in items:\n        if item.price:\n            yield item.price * tax',
        '\n            yield item.price * tax',
      ],
    ],
  ])('are %s', (_, text, expected) => {
    const found = middles(text);
    expect(expected.filter((middle) => !found.has(middle))).toEqual([]);
  });

  it('end with a line or before a closing bracket, and are not blank', () => {
    for (const text of [script, python])
      for (const middle of middles(text).keys()) {
        expect(middle).toMatch(/\w/);
        const after = text.slice(text.indexOf(middle) + middle.length);
        expect(after).toMatch(/^(?:\n|[)\]}]|$)/);
      }
  });

  it('mostly end with their line', () => {
    const found = [...middles(script)];
    const count = (only: boolean) =>
      found.reduce((sum, [middle, times]) => sum + (middle.includes('\n') !== only ? times : 0), 0);
    expect(count(true)).toBeGreaterThan(count(false));
    expect(count(false)).toBeGreaterThan(0.15 * 4000);
  });

  it('end at allowed places', () => {
    const ends = { from: script.indexOf('  for'), to: script.indexOf('  return') };
    expect(middles(script, ends).size).toBeGreaterThan(10);
    expect(middles(script, { from: 0, to: 0 }).size).toBe(0);
  });

  it('are undefined in blank text, and short in one-line text', () => {
    expect(middles('\n\n  \n}\n').size).toBe(0);
    for (const middle of middles('word '.repeat(500)).keys()) expect(middle.length).toBeLessThanOrEqual(480);
  });

  it('skip brackets in strings', () => {
    expect([...middles(`call(")", one, two);\n`).keys()]).toContain('")", one, two');
  });
});
