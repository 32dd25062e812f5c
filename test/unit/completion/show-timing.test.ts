/** When a suggestion appears: not between two keys, unless it is nearly certain or goes on from what is shown. */
import { expect, test } from 'vitest';
import { answered, settle, setUp } from './set-up.ts';

/** Types a document key by key, `gap` ms apart. `last`: what is found after the last one, once that is known. */
async function typed(t: ReturnType<typeof setUp>, keys: readonly string[], gap = 150) {
  let last: ReturnType<typeof t.completer.complete> | undefined;
  for (const key of keys) {
    t.pass(gap);
    last = t.completer.complete(t.at(key));
    await settle();
  }
  return { last };
}

/** Between two keys, the answer to the last one comes after `milliseconds`. */
async function landed(logprob: number, milliseconds = 100) {
  const t = setUp();
  const { last } = await typed(t, ['const a', 'const a ', 'const a =']);
  t.pauses.at(-1)!.end();
  await settle();
  t.pass(milliseconds);
  t.asks.at(-1)!.say(' first;', logprob);
  t.asks.at(-1)!.answer(' first;');
  return { t, found: (await last)! };
}

test('shows an uncertain suggestion after a pause in typing', async () => {
  const { t, found } = await landed(-1);
  expect(found).toMatchObject({ text: ' first;', delay: 200 });
  t.pass(found.delay);
  expect(await t.completer.complete(t.at('const a ='))).toMatchObject({ text: ' first;', delay: 0 });
});

test('shows a suggestion at once if it arrives during a pause', async () => {
  expect((await landed(-1, 400)).found.delay).toBe(0);
});

test('shows a nearly certain suggestion at once, and its rest after each key', async () => {
  const { t, found } = await landed(-0.01);
  expect(found.delay).toBe(0);
  expect(await (await typed(t, ['const a = ', 'const a = f'], 20)).last).toMatchObject({
    text: 'irst;',
    delay: 0,
  });
});

test('does not show a hidden suggestion because the next key matches it', async () => {
  const { t } = await landed(-1);
  const found = await (await typed(t, ['const a = '], 20)).last;
  expect(found?.text).toBe('first;');
  expect(found?.delay).toBeGreaterThan(0);
});

test('continues at once after accepting, but not after typing a suggestion to its end', async () => {
  for (const [steps, isAtOnce] of [
    [['f.n'], true],
    [['f.', 'f.n'], false],
  ] as const) {
    const t = setUp({ ahead: true });
    // The person rests, and what follows it is asked for in advance.
    await answered(t, 'f', '.n');
    t.pauses.at(-1)!.end();
    await settle();
    t.asks[1]!.answer('(b);');
    await settle();
    const found = await (await typed(t, steps)).last;
    expect(found?.text).toBe('(b);');
    expect(found?.delay === 0).toBe(isAtOnce);
  }
});

test('does not delay an explicit request', async () => {
  const t = setUp();
  await typed(t, ['const a', 'const a ']);
  const found = t.completer.complete(t.at('const a ', { invoked: true }));
  await settle();
  t.asks.at(-1)!.answer('= 1;');
  expect((await found)?.delay).toBe(0);
});

test('does not show the short rest of a suggestion that was never shown', async () => {
  for (const [text, left] of [
    ['first', undefined],
    ['first;', undefined],
    ['first + second;', 'st + second;'],
  ] as const) {
    const t = setUp();
    const { last } = await typed(t, ['const a ', 'const a =', 'const a = ']);
    t.pauses.at(-1)!.end();
    await settle();
    t.asks.at(-1)!.answer(text);
    expect((await last)?.delay).toBeGreaterThan(0);
    const found = t.completer.complete(t.at('const a = fir', { minChance: 0.01 }));
    expect((await found)?.text).toBe(left);
  }
});
