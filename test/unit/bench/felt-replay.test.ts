import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../bench/felt/clock.ts';
import { paces, type Person } from '../../../bench/felt/person.ts';
import { replay, type Assistant, type Suggestion } from '../../../bench/felt/replay.ts';

describe('the clock', () => {
  it('jumps, in order, while nothing is running', async () => {
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
  it('runs in real time while the model works', async () => {
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
const costs = paces.quick;
/** Where the person pauses to think, as drawn for this text: a second before "compute". */
const THINKS = 'value = ';

/** Suggests `of(text typed so far)` after a delay. */
function assistant(clock: VirtualClock, of: (typed: string) => string | undefined, delay = 100) {
  const asked: string[] = [];
  const used: string[] = [];
  const side: Assistant = {
    used: (what) => used.push(what),
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
  return { side, asked, used };
}
async function run(
  of: (typed: string) => string | undefined,
  { person = 'lines', delay }: { person?: Person; delay?: number } = {},
) {
  const clock = new VirtualClock(() => 0);
  const { side, asked, used } = assistant(clock, of, delay);
  return { ...(await replay(hunk, () => [], side, clock, { person, costs })), asked, used };
}
/** Suggests it at a place, and what remains of it while it is typed. */
const at = (place: string, text: string) => (typed: string) =>
  typed.startsWith(place) && (place + text).startsWith(typed)
    ? (place + text).slice(typed.length)
    : undefined;

describe('a replay', () => {
  it('without suggestions types every key in rhythm', async () => {
    const found = await run(() => undefined);
    expect(found).toMatchObject({
      characters: 24,
      saved: 0,
      typing: 0,
      shown: 0,
      right: 0,
      looks: 0,
      looking: 0,
      kept: 0,
      requests: 23,
    });
    // 24 keys: two start a line, 5 follow punctuation or a space.
    const thought = found.duration - (2 * 2000 + 5 * 300 + 17 * 200);
    expect([0, 700]).toContain(thought);
  });
  it('looks at the start of a word, accepts the right part, and is charged for both', async () => {
    const found = await run(at(THINKS, 'compute(1)'));
    expect(found).toMatchObject({
      shown: 1,
      right: 1,
      looks: 1,
      kept: 1,
      reversed: 0,
      saved: 10,
      waits: [100],
      // Of these keys, "c", "1" and ")" follow a space, punctuation or neither: counting three as punctuation, 300 ms
      // each, would make 2,200.
      typing: 2 * 300 + 8 * 200,
      looking: costs.glance + 10 * costs.character,
      taking: costs.decision + costs.key,
      correcting: 0,
    });
    expect(found.asked).toContain('value = compute(1)');
    expect(found.asked).not.toContain('value = c');
  });
  it('tells the assistant once what was seen, and whether some of it was taken', async () => {
    expect((await run(at(THINKS, 'compute(1)'))).used).toEqual(['seen', 'taken']);
    expect((await run(at(THINKS, 'compute(2)'), { person: 'words' })).used).toEqual(['seen', 'taken']);
    expect((await run(at(THINKS, 'compute(2)'))).used).toEqual(['seen']);
  });
  it('spends time on the clock for it', async () => {
    const without = await run(() => undefined);
    const wrong = await run(at(THINKS, 'wrong'));
    expect(wrong).toMatchObject({ shown: 1, right: 0, looks: 1, kept: 0, saved: 0 });
    expect(wrong.duration - without.duration).toBe(wrong.looking);
  });
  it('is charged for a wrong ending that is sometimes overlooked', async () => {
    const found = await run(at(THINKS, 'compute(2)'));
    expect(found).toMatchObject({ right: 0, kept: 0, reversed: 0.1 });
    expect(found.correcting).toBeGreaterThan(0);
  });
  it.each([
    ['words', 'compute('],
    ['lines', undefined],
    ['whole', undefined],
  ] as const)('with a correct beginning, the person who accepts %s takes %j', async (person, taken) => {
    const found = await run(at(THINKS, 'compute(2)'), { person });
    expect(found).toMatchObject({ looks: 1, saved: taken?.length ?? 0 });
  });
  it.each([
    ['lines', 10],
    ['whole', 0],
  ] as const)(
    'of a block with a wrong end, the person who accepts %s takes %d characters',
    async (person, saved) => {
      const found = await run(at(THINKS, 'compute(1)\nwrong'), { person });
      expect(found).toMatchObject({ looks: 1, right: 1, saved });
    },
  );
  it('does not look within a word', async () => {
    // It looks at the rest before the next word.
    expect(await run(at('va', 'lue = compute(1)'))).toMatchObject({ shown: 1, looks: 1, kept: 1, saved: 10 });
    expect(await run(at('value = comp', 'uter'))).toMatchObject({ shown: 1, looks: 0 });
  });
  it('does not look twice at what it has read', async () => {
    // "2" also starts a word.
    const found = await run(at(THINKS, 'compute(2)'));
    expect(found).toMatchObject({ shown: 1, kept: 0 });
    expect(found.looks).toBe(1);
  });
  it('keeps typing if the suggestion appears too late', async () => {
    const found = await run((typed) => (typed === THINKS ? 'compute(2)' : undefined), { delay: 250 });
    expect(found).toMatchObject({ shown: 1, waits: [250] });
  });
  it('does not show an answer to a request from before the last key', async () => {
    const found = await run((typed) => (typed === 'v' ? 'alue = compute(1)' : undefined), { delay: 250 });
    expect(found).toMatchObject({ shown: 0, kept: 0 });
  });
  it('cannot accept a suggestion that disappears while it is read', async () => {
    const clock = new VirtualClock(() => 0);
    let asked = 0;
    const side: Assistant = {
      requests: 0,
      suggest: ({ before }) => {
        if (!before.endsWith(THINKS)) return Promise.resolve(undefined);
        asked += 1;
        // The look starts after 300 or 1,000 ms and lasts at least 230.
        const more = clock.sleep(1050).then(() => true);
        return Promise.resolve(asked > 1 ? undefined : { text: 'compute(1)', more });
      },
    };
    const found = await replay(hunk, () => [], side, clock, { person: 'lines', costs });
    expect(found).toMatchObject({ shown: 1, looks: 1, kept: 0, saved: 0 });
    expect([asked, found.taking]).toEqual([2, costs.decision + costs.key]);
  });
  it('asks again if more has arrived, and reads only that', async () => {
    const clock = new VirtualClock(() => 0);
    let long = false;
    const side: Assistant = {
      requests: 0,
      async suggest({ before }) {
        await clock.sleep(50);
        if (!before.endsWith(THINKS)) return undefined;
        if (long) return { text: 'compute(1)\nother' };
        const more = clock.sleep(300).then(() => (long = true));
        return { text: 'compute(1)', more };
      },
    };
    const found = await replay(hunk, () => [], side, clock, { person: 'whole', costs });
    expect(found).toMatchObject({ shown: 1, kept: 1, saved: 16, waits: [50] });
    expect(found.looking).toBe(found.looks * costs.glance + 16 * costs.character);
  });
});
