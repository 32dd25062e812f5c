import { expect, it } from 'vitest';
import { answered, setUp, settle } from './set-up.ts';

it('requests other answers at the same place, cleaned up, without duplicates or the shown one', async () => {
  const t = setUp();
  await answered(t, 'const a =', ' 1;');
  const promise = t.completer.alternatives(t.at('const a =', { invoked: true }), ' 1;');
  await settle();
  const [shown, second] = t.requests.map(({ ask }) => ask);
  expect(second).toMatchObject({ ...shown, temperature: 0.7, seed: 1 });
  t.requests[1]!.answer(' 2;\n');
  await settle();
  expect(t.requests[2]!.ask).toMatchObject({ temperature: 0.7, seed: 2 });
  t.requests[2]!.answer(' 1;');
  expect(await promise).toEqual([' 2;']);
  // Typing through it still uses the text that was shown first.
  expect(await t.completer.complete(t.at('const a ='))).toMatchObject({ text: ' 1;', source: 'cache' });
});

it('drops what the token limit cut off', async () => {
  const t = setUp();
  const promise = t.completer.alternatives(t.at('const a ='), ' 1;');
  await settle();
  t.requests[0]!.answer(' 3 + tot', 'length');
  await settle();
  t.requests[1]!.answer(' 2;');
  expect(await promise).toEqual([' 3', ' 2;']);
});

it('stops when the request is cancelled', async () => {
  const t = setUp();
  const stop = new AbortController();
  const promise = t.completer.alternatives(t.at('let b', { signal: stop.signal }), 'x');
  await settle();
  stop.abort();
  t.requests[0]!.answer(' = 1');
  await promise;
  expect(t.requests).toHaveLength(1);
});
