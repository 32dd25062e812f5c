import { describe, expect, it } from 'vitest';
import { Answer } from '../../../src/serving/tokens/answer.ts';
import { Detokenizer } from '../../../src/serving/tokens/detokenizer.ts';
import { Slots } from '../../../src/serving/host/slots.ts';
import { commonPrefix } from '../../../src/completion/code/text.ts';
import { layOutPrompt } from '../../../src/serving/tokens/prompt-tokens.ts';
import { parseServerArgs } from '../../../src/serving/http/server-args.ts';
import { StopText } from '../../../src/serving/tokens/stop-text.ts';

describe('stop texts', () => {
  /** However a text is split into pieces, the output is the text up to the first stop text. */
  it('end the answer wherever the pieces are split', () => {
    const text = 'one\ntwo\n\nthree END four';
    for (const stops of [['\n\n'], ['END', '\n\n'], ['absent'], ['four', 'e\nt'], ['']]) {
      const wanted = stops
        .filter(Boolean)
        .reduce(
          (best, stop) => (text.includes(stop) ? Math.min(best, text.indexOf(stop)) : best),
          text.length,
        );
      for (let size = 1; size <= text.length; size += 1) {
        const stopText = new StopText(stops);
        let out = '';
        let stopped = false;
        for (let at = 0; at < text.length && !stopped; at += size) {
          const next = stopText.push(text.slice(at, at + size));
          out += next.text;
          stopped = next.stopped;
        }
        if (!stopped) out += stopText.flush();
        expect(out).toBe(text.slice(0, wanted));
      }
    }
  });

  it('hold back only what may become one', () => {
    const stopText = new StopText(['\n\n']);
    expect(stopText.push('a\n').text).toBe('a');
    expect(stopText.push('b').text).toBe('\nb');
  });
});

describe('characters that span several tokens', () => {
  const bytes = (text: string) => [...Buffer.from(text)];
  const decode = (tokens: readonly number[]) => Buffer.from(tokens).toString('utf8');
  it('come out whole', () => {
    const detokenizer = new Detokenizer(decode, []);
    const pieces = bytes('a😀é').map((byte) => detokenizer.push(byte));
    expect(pieces.join('')).toBe('a😀é');
    expect(pieces.every((piece) => !piece.includes('\uFFFD'))).toBe(true);
    expect(detokenizer.flush()).toBe('');
  });
  it('are dropped if the answer ends inside one', () => {
    const detokenizer = new Detokenizer(decode, []);
    for (const byte of bytes('a😀').slice(0, 3)) detokenizer.push(byte);
    expect(detokenizer.flush()).toBe('');
  });
  it('do not hold up the rest if they are invalid', () => {
    const detokenizer = new Detokenizer(decode, []);
    const text = [...Array<number>(10).fill(0xff), ...bytes('ok')]
      .map((byte) => detokenizer.push(byte))
      .join('');
    expect(text + detokenizer.flush()).toContain('ok');
  });
});

describe('an answer', () => {
  const vocabulary = {
    ends: new Set([0]),
    decode: (tokens: readonly number[]) => tokens.map((token) => (token ? String(token) : '')).join(''),
  } as never;
  const written = (ignoreEnd: boolean) => {
    const answer = new Answer(vocabulary, { prompt: [], maxTokens: 3, ignoreEnd });
    const ended = [5, 0, 7].map((token) => answer.push(token));
    return { ended, ...answer.result };
  };
  it('ends where the model ends', () =>
    expect(written(false)).toMatchObject({ ended: [false, true, expect.anything()], finishReason: 'stop' }));
  it('continues to the token limit if ends are ignored', () =>
    expect(written(true)).toMatchObject({
      ended: [false, false, true],
      text: '57',
      completionTokens: 3,
      finishReason: 'length',
    }));
});

describe('a prompt in tokens', () => {
  const tokens = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);
  const fill = { prefix: 9001, suffix: 9002, middle: 9003 };
  it('is prefix, suffix, middle', () =>
    expect(layOutPrompt([1, 2], [3], { fill, bos: 9000, room: 100 })).toEqual({
      tokens: [9000, 9001, 1, 2, 9002, 3, 9003],
      trimmed: 0,
    }));
  it('is the prefix alone without a suffix or without the tokens', () => {
    expect(layOutPrompt([1, 2], [], { fill, bos: undefined, room: 100 }).tokens).toEqual([1, 2]);
    expect(layOutPrompt([1, 2], [3], { fill: undefined, bos: undefined, room: 100 }).tokens).toEqual([1, 2]);
  });
  it.each([10, 100, 1000])('fits %i tokens, cut at the far ends', (room) => {
    const { tokens: laid, trimmed } = layOutPrompt(tokens(2000), tokens(2000, 5000), {
      fill,
      bos: undefined,
      room,
    });
    expect(laid.length).toBeLessThanOrEqual(room);
    expect(laid.length).toBeGreaterThan(room * 0.6);
    const middle = laid.indexOf(fill.suffix);
    expect(laid.slice(1, middle).at(-1)).toBe(1999);
    expect(laid[middle + 1] === 5000 || laid[middle + 1] === fill.middle).toBe(true);
    expect(trimmed).toBe(4000 - (laid.length - 3));
  });
  it('gives the suffix the room that the prefix leaves', () => {
    const { tokens: laid } = layOutPrompt([1], tokens(2000, 5000), { fill, bos: undefined, room: 104 });
    expect(laid).toHaveLength(104);
  });
  it('has a common prefix with another', () => {
    expect(commonPrefix([1, 2, 3], [1, 2, 4])).toBe(2);
    expect(commonPrefix([], [1])).toBe(0);
    expect(commonPrefix([1, 2], [1, 2, 3])).toBe(2);
  });
});

describe('the pool', () => {
  it('hands out the best free slot, then queues in order', async () => {
    const pool = new Slots(['a', 'b']);
    expect(await pool.acquire((slot) => (slot === 'b' ? 1 : 0))).toBe('b');
    expect(await pool.acquire(() => 0)).toBe('a');
    const order: string[] = [];
    const first = pool.acquire(() => 0).then((slot) => order.push(`first ${slot}`));
    const second = pool.acquire(() => 0).then((slot) => order.push(`second ${slot}`));
    pool.release('b');
    pool.release('a');
    await Promise.all([first, second]);
    expect(order).toEqual(['first b', 'second a']);
  });
  it('lets a waiting request give up, and loses no slot', async () => {
    const pool = new Slots(['a']);
    await pool.acquire(() => 0);
    const stop = new AbortController();
    const waiting = pool.acquire(() => 0, stop.signal);
    const next = pool.acquire(() => 0);
    stop.abort(new Error('gave up'));
    await expect(waiting).rejects.toThrow('gave up');
    pool.release('a');
    expect(await next).toBe('a');
    await expect(pool.acquire(() => 0, stop.signal)).rejects.toThrow('gave up');
  });
});

describe('the arguments of the server', () => {
  it('are parsed', () =>
    expect(
      parseServerArgs([
        '--base',
        'b.gguf',
        '--adapter',
        'x=a=b.gguf',
        '--model',
        'm=c.gguf',
        '--port',
        '0',
        '--announce',
        'a.json',
        '--idle-minutes',
        '0.5',
      ]),
    ).toEqual({
      base: 'b.gguf',
      gpu: 'auto',
      adapters: [{ name: 'x', path: 'a=b.gguf' }],
      models: [{ name: 'm', path: 'c.gguf' }],
      port: 0,
      idleMinutes: 0.5,
      announceIn: 'a.json',
    }));
  it.each([
    [[]],
    [['--base', 'b', '--adapter', 'noname']],
    [['--base', 'b', '--port', '99999']],
    [['--base', 'b', '--threads', '1.5']],
    [['--base', 'b', 'stray']],
  ])('are rejected: %j', (args) =>
    expect(() => parseServerArgs(args)).toThrow(expect.objectContaining({ code: 'bad-argument' })),
  );
});
