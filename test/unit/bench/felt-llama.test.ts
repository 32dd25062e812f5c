import { describe, expect, it } from 'vitest';
import { shownOf } from '../../../bench/felt/llama-shown.ts';
import { Ring } from '../../../bench/felt/ring.ts';

describe("what llama.vscode's rules show", () => {
  const open = { left: 'x = ', right: '', below: ['', 'y = 2', 'z = 3'] };
  it.each([
    ['foo(1)\n', 'foo(1)'],
    ['foo(1)\nbar', 'foo(1)\nbar'],
    ['', undefined],
    ['  \n', undefined],
  ])('of %j, at a line end', (answer, expected) => expect(shownOf(answer, open)).toBe(expected));
  it('drops what repeats the next line that is not blank', () => {
    const around = { ...open, left: 'y ' };
    expect(shownOf('= 2', around)).toBeUndefined();
    expect(shownOf('= 2\nz =', around)).toBeUndefined();
    expect(shownOf('= 2\nother', around)).toBe('= 2\nother');
    expect(shownOf('= 2', { ...around, below: [] })).toBe('= 2');
  });
  it('cuts what stands right of the cursor, or else all but the first line', () => {
    const around = { ...open, right: ')' };
    expect(shownOf('1)', around)).toBe('1');
    expect(shownOf('1\n2', around)).toBe('1');
    expect(shownOf(')', around)).toBeUndefined();
  });
});

describe('the ring', () => {
  const file = (name: string, count: number) =>
    Array.from({ length: count }, (_, line) => `${name} ${line}`).join('\n');
  it('takes a part around the cursor, once, and keeps sixteen', () => {
    const ring = new Ring();
    ring.pickAround('a.py', file('a', 40), 20);
    ring.pickAround('a.py', file('a', 40), 20);
    expect(ring.chunks).toEqual([{ filename: 'a.py', text: `${file('a', 40)}\n` }]);
    ring.pickAround('b.py', file('b', 100), 50);
    expect(ring.chunks[1]!.text.split('\n').length - 1).toBe(32);
    for (let n = 0; n < 20; n += 1) ring.pickAround(`${n}.py`, file(`f${n}`, 10), 0);
    expect(ring.chunks).toHaveLength(16);
    expect(ring.chunks.at(-1)!.filename).toBe('19.py');
  });
  it('takes parts beyond what is sent when the cursor has moved far', () => {
    const ring = new Ring();
    const text = file('a', 1000);
    ring.move('a.py', text, 500);
    expect(ring.chunks).toHaveLength(2);
    ring.move('a.py', text, 520);
    expect(ring.chunks).toHaveLength(2);
    const [above, below] = ring.chunks.map((chunk) => Number(/ (\d+)/.exec(chunk.text)![1]));
    expect(above).toBeLessThan(500 - 256);
    expect(below).toBeGreaterThanOrEqual(500 + 64);
  });
  it('leaves out very small parts', () => {
    const ring = new Ring();
    ring.pickAround('a.py', 'one\ntwo', 0);
    expect(ring.chunks).toEqual([]);
  });
});
