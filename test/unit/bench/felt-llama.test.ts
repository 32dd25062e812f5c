import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../bench/felt/clock.ts';
import { LlamaVscode } from '../../../bench/felt/llama-vscode.ts';
import { shownOf } from '../../../bench/felt/llama-shown.ts';
import { Ring } from '../../../bench/felt/ring.ts';

describe("what llama.vscode's rules show", () => {
  const open = { left: 'x = ', right: '', below: ['', 'y = 2', 'z = 3'] };
  it.each([
    ['foo(1)\n', 'foo(1)'],
    ['foo(1)\nbar', 'foo(1)\nbar'],
    ['', undefined],
    ['  \n', undefined],
  ])('of %j, at the end of a line', (answer, expected) => expect(shownOf(answer, open)).toBe(expected));
  it('drops text that repeats the next non-blank line', () => {
    const around = { ...open, left: 'y ' };
    expect(shownOf('= 2', around)).toBeUndefined();
    expect(shownOf('= 2\nz =', around)).toBeUndefined();
    expect(shownOf('= 2\nother', around)).toBe('= 2\nother');
    expect(shownOf('= 2', { ...around, below: [] })).toBe('= 2');
  });
  it('cuts the text right of the cursor, or else all but the first line', () => {
    const around = { ...open, right: ')' };
    expect(shownOf('1)', around)).toBe('1');
    expect(shownOf('1\n2', around)).toBe('1');
    expect(shownOf(')', around)).toBeUndefined();
  });
});

describe('the ring buffer', () => {
  const file = (name: string, count: number) =>
    Array.from({ length: count }, (_, line) => `${name} ${line}`).join('\n');
  it('takes the chunk around the cursor once, and keeps sixteen', () => {
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
  it('takes chunks from outside the sent text when the cursor has moved far', () => {
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
  it('leaves out very small chunks', () => {
    const ring = new Ring();
    ring.pickAround('a.py', 'one\ntwo', 0);
    expect(ring.chunks).toEqual([]);
  });
});

describe('llama.vscode', () => {
  /** A side whose server gives this answer, and the requests it received. */
  function side(answer: (prompt: string) => string) {
    const asked: { input_prefix: string; input_suffix: string; prompt: string; n_predict: number }[] = [];
    const server = {
      infill: (body: (typeof asked)[number]) => {
        asked.push(body);
        return Promise.resolve(answer(body.prompt));
      },
    };
    return { asked, llama: new LlamaVscode(server, new VirtualClock(() => 0)) };
  }
  const place = (before: string, after = '\nz\n') => ({ path: 'a.py', before, after, files: () => [] });
  const { signal } = new AbortController();

  it('sends the lines around the cursor and the current line', async () => {
    const { asked, llama } = side(() => 'oo(1)\n');
    expect(await llama.suggest(place('a\nx = f'), signal)).toEqual({ text: 'oo(1)' });
    expect(asked[0]).toMatchObject({
      input_prefix: 'a\n',
      input_suffix: '\nz\n\n',
      prompt: 'x = f',
      n_predict: 128,
    });
  });
  it('sends nothing while its suggestion is typed, and one request for the text after it', async () => {
    const { asked, llama } = side((prompt) => (prompt === 'x = f' ? 'oo(1)' : ' + 2'));
    await llama.suggest(place('a\nx = f'), signal);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked.map(({ prompt }) => prompt)).toEqual(['x = f', 'x = foo(1)']);
    expect(await llama.suggest(place('a\nx = foo'), signal)).toEqual({ text: '(1)' });
    expect(await llama.suggest(place('a\nx = foo(1)'), signal)).toEqual({ text: ' + 2' });
    expect(llama.requests).toBe(3);
  });
  it('leaves out existing indentation, and sends nothing before a lot of text', async () => {
    const { asked, llama } = side(() => '    foo()\n');
    expect(await llama.suggest(place('if a:\n    '), signal)).toEqual({ text: 'foo()' });
    expect(asked[0]!.prompt).toBe('');
    const count = asked.length;
    expect(await llama.suggest(place('x = ', 'a long rest\n'), signal)).toBeUndefined();
    expect(asked).toHaveLength(count);
  });
  it('reads the open files ahead', async () => {
    const { asked, llama } = side(() => '');
    const text = 'one\ntwo\nthree\n';
    await llama.open({ ...place('a\nb\nc\n'), files: () => [{ path: 'b.py', text }] });
    expect(asked[0]).toMatchObject({
      n_predict: 0,
      input_extra: [{ filename: 'b.py' }, { filename: 'a.py' }],
    });
  });
});
