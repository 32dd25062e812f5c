/** When a suggestion appears: not between two keys, unless it is nearly certain or continues the shown one. */
import { expect, test } from 'vitest';
import { answered, settle, setUp } from './set-up.ts';

/** Types a document key by key, `gap` ms apart. `last`: the promised suggestion after the last key. */
async function typed(t: ReturnType<typeof setUp>, keys: readonly string[], gap = 150) {
  let last: ReturnType<typeof t.completer.complete> | undefined;
  for (const key of keys) {
    t.pass(gap);
    last = t.completer.complete(t.at(key));
    await settle();
  }
  return { last };
}

/** The answer to the last key arrives `milliseconds` after it, before the next one. */
async function answeredBetweenKeys(logprob: number, milliseconds = 100) {
  const t = setUp();
  const { last } = await typed(t, ['const a', 'const a ', 'const a =']);
  t.pauses.at(-1)!.end();
  await settle();
  t.pass(milliseconds);
  t.requests.at(-1)!.stream(' first;', logprob);
  t.requests.at(-1)!.answer(' first;');
  return { t, found: (await last)! };
}

test('shows an uncertain suggestion after a pause in typing', async () => {
  const { t, found } = await answeredBetweenKeys(-1);
  expect(found).toMatchObject({ text: ' first;', delay: 200 });
  t.pass(found.delay);
  expect(await t.completer.complete(t.at('const a ='))).toMatchObject({ text: ' first;', delay: 0 });
});

test('what has waited is shown, and its rest after the next key, even if a timer ends early', async () => {
  const { t, found } = await answeredBetweenKeys(-1);
  t.pass(found.delay - 1);
  const due = t.completer.complete(t.at('const a =', { isDue: true }));
  expect(await due).toMatchObject({ text: ' first;', delay: 0 });
  expect(await (await typed(t, ['const a = ', 'const a = f'], 20)).last).toMatchObject({
    text: 'irst;',
    delay: 0,
  });
});

test('shows a suggestion at once if it arrives during a pause', async () => {
  expect((await answeredBetweenKeys(-1, 400)).found.delay).toBe(0);
});

test('shows a nearly certain suggestion at once, and its rest after each key', async () => {
  const { t, found } = await answeredBetweenKeys(-0.01);
  expect(found.delay).toBe(0);
  expect(await (await typed(t, ['const a = ', 'const a = f'], 20)).last).toMatchObject({
    text: 'irst;',
    delay: 0,
  });
});

test('does not show a hidden suggestion because the next key matches it', async () => {
  const { t } = await answeredBetweenKeys(-1);
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
    // During a pause, the text after it is prefetched.
    await answered(t, 'f', '.n');
    t.pauses.at(-1)!.end();
    await settle();
    t.requests[1]!.answer('(b);');
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
  t.requests.at(-1)!.answer('= 1;');
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
    t.requests.at(-1)!.answer(text);
    expect((await last)?.delay).toBeGreaterThan(0);
    const found = t.completer.complete(t.at('const a = fir', { minChance: 0.01 }));
    expect((await found)?.text).toBe(left);
  }
});
