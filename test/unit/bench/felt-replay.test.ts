import { describe, expect, it } from 'vitest';
import { acceptOf } from '../../../bench/felt/accept.ts';
import { VirtualClock } from '../../../bench/felt/clock.ts';
import { figuresOf } from '../../../bench/felt/figures.ts';
import { replay, type Assistant, type Suggestion } from '../../../bench/felt/replay.ts';

describe('what is accepted', () => {
  it.each([
    ['foo(1)', 'foo(1)\nbar', { kind: 'all', text: 'foo(1)' }],
    ['foo(1)\n  bar', 'foo(1)\n  bar\nbaz', { kind: 'all', text: 'foo(1)\n  bar' }],
    ['foo(1)\n  baz', 'foo(1)\n  bar', { kind: 'line', text: 'foo(1)' }],
    ['\n  foo\n  bar', '\n  foo\n  baz', { kind: 'line', text: '\n  foo' }],
    ['self.first', 'self.second', { kind: 'word', text: 'self' }],
    [' value + 1', ' value - 1', { kind: 'word', text: ' value' }],
    // A line of which only the beginning is right is no right line.
    ['foo(1)', 'foo(1) + 2', { kind: 'word', text: 'foo' }],
    ['valued', 'value', undefined],
    ['value', 'valued', undefined],
    ['ab', 'ab', undefined],
    ['x', 'y', undefined],
  ])('of %j for %j', (shown, wanted, expected) => expect(acceptOf(shown, wanted)).toEqual(expected));
});

it('nothing shorter is accepted than what is worth it', () => {
  expect(acceptOf('self.first', 'self.second', 5)).toBeUndefined();
  expect(acceptOf('self.first', 'self.first', 5)).toEqual({ kind: 'all', text: 'self.first' });
});

describe('the clock', () => {
  it('jumps while nothing works, in order', async () => {
    const clock = new VirtualClock(() => 0);
    const seen: number[] = [];
    void clock.sleep(300).then(() => seen.push(clock.now()));
    void clock.sleep(100).then(() => {
      seen.push(clock.now());
      return clock.sleep(50).then(() => seen.push(clock.now()));
    });
    await clock.until(200);
    expect([...seen, clock.now()]).toEqual([100, 150, 200]);
    await clock.until(1000);
    expect(seen).toEqual([100, 150, 300]);
  });
  it('runs as the real one while the engine works', async () => {
    let real = 0;
    const clock = new VirtualClock(() => real);
    let finish = () => {};
    const work = clock.work(() => new Promise<void>((resolve) => (finish = resolve)));
    real = 40;
    expect(clock.now()).toBe(40);
    finish();
    await work;
    real = 90;
    expect(clock.now()).toBe(40);
    await clock.until(60);
    expect(clock.now()).toBe(60);
  });
});

const hunk = { path: 'a.py', before: 'x = 1\n', typed: 'value = compute(1)\nother', after: '\n' };

/** Suggests what `of` says of the text that was typed, after so long. */
function assistant(clock: VirtualClock, of: (typed: string) => string | undefined, delay = 100) {
  const asked: string[] = [];
  const side: Assistant = {
    get requests() {
      return asked.length;
    },
    async suggest({ before }): Promise<Suggestion | undefined> {
      const typed = before.slice(hunk.before.length);
      asked.push(typed);
      await clock.sleep(delay);
      const text = of(typed);
      return text === undefined ? undefined : { text };
    },
  };
  return { side, asked };
}
const run = async (of: (typed: string) => string | undefined, delay?: number) => {
  const clock = new VirtualClock(() => 0);
  const { side, asked } = assistant(clock, of, delay);
  return { ...(await replay(hunk, () => [], side, clock)), asked };
};

describe('a replay', () => {
  it('without suggestions types every key, in the rhythm', async () => {
    const found = await run(() => undefined);
    expect(found).toMatchObject({ characters: 24, saved: 0, lines: 2, exact: 0, shown: 0, accepted: 0 });
    // 24 keys: two lines begin, 5 come after a mark or a space.
    expect(found.duration).toBe(2 * 2000 + 5 * 300 + 17 * 200);
    expect(found.requests).toBe(23);
  });
  it('accepts what is right, once it has been on the screen for a moment', async () => {
    const found = await run((typed) => (typed === 'value ' ? '= compute(1)' : undefined));
    // It appears 100 ms after the space, and the next key comes 300 ms after it.
    expect(found).toMatchObject({ shown: 1, accepted: 1, saved: 12, exact: 1, waits: [100] });
    expect(found.asked).toContain('value = compute(1)');
    expect(found.asked).not.toContain('value =');
  });
  it('types on where it appears too late', async () => {
    const found = await run((typed) => (typed === 'value ' ? '= compute(2)' : undefined), 250);
    expect(found).toMatchObject({ shown: 1, accepted: 0, saved: 0, waits: [250] });
  });
  it('does not show what was asked before the last key', async () => {
    const found = await run((typed) => (typed === 'v' ? 'alue = compute(1)' : undefined), 250);
    expect(found).toMatchObject({ shown: 0, accepted: 0 });
  });
  it('accepts a word, and what is left stays', async () => {
    const clock = new VirtualClock(() => 0);
    const { side } = assistant(clock, (typed) =>
      typed === 'value = ' ? 'compute(2)' : typed === 'value = compute' ? '(2)' : undefined,
    );
    const found = await replay(hunk, () => [], side, clock);
    expect(found).toMatchObject({ shown: 1, shownCharacters: 10, accepted: 1, saved: 7, exact: 0 });
  });
  it('asks again where more has come', async () => {
    const clock = new VirtualClock(() => 0);
    let long = false;
    const side: Assistant = {
      requests: 0,
      async suggest({ before }) {
        await clock.sleep(50);
        if (!before.endsWith('value ')) return undefined;
        if (long) return { text: '= compute(1)\nother' };
        const more = clock.sleep(100).then(() => (long = true));
        return { text: '= compute(1)', more };
      },
    };
    const found = await replay(hunk, () => [], side, clock);
    expect(found).toMatchObject({
      ...{ shown: 1, accepted: 1, saved: 18, exact: 2, waits: [50] },
      shownCharacters: '= compute(1)\nother'.length,
    });
  });
});

it('figures are shares of all, and times of what was shown', async () => {
  const one = await run((typed) => (typed === 'value ' ? '= compute(1)' : undefined));
  expect(figuresOf([one, await run(() => undefined)])).toMatchObject({
    charactersSaved: 0.25,
    lineExact: 0.25,
    firstLineP50: 100,
    firstLineP95: 100,
    shown: 1,
    shownRight: 1,
    accepted: 1,
  });
  expect(figuresOf([await run(() => undefined)]).firstLineP50).toBeNull();
});
