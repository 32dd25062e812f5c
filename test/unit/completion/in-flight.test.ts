import { describe, expect, it } from 'vitest';
import { setUp, settle } from './set-up.ts';

/** A request that has reached the model, and that the editor cancelled at the next key. */
async function requestInFlight(before: string, after = '') {
  const t = setUp();
  const key = new AbortController();
  const first = t.completer.complete(t.at(before, { after, signal: key.signal }));
  t.pauses.at(-1)!.end();
  await settle();
  key.abort();
  expect(await first).toBeUndefined();
  return { ...t, asked: t.requests[0]! };
}

describe('a request in flight', () => {
  it('provides the rest of what is typed in the meantime', async () => {
    const t = await requestInFlight('const to');
    const next = t.completer.complete(t.at('const tota'));
    t.asked.stream('ta');
    t.asked.answer('tal = a + b;');
    expect(await next).toMatchObject({ text: 'l = a + b;', source: 'model' });
    expect(t.asked.signal.aborted).toBe(false);
    expect(t.requests).toHaveLength(1);
  });

  it('is replaced as soon as its answer differs from the typed text', async () => {
    const t = await requestInFlight('const to');
    const next = t.completer.complete(t.at('const top'));
    await settle();
    expect(t.requests).toHaveLength(1);
    t.asked.stream('tal');
    await settle();
    expect(t.asked.signal.aborted).toBe(true);
    t.pauses.at(-1)!.end();
    await settle();
    t.requests[1]!.answer(' = 1;');
    expect(await next).toMatchObject({ text: ' = 1;', source: 'model' });
  });

  it('is cancelled at once by a key that differs from its answer', async () => {
    const t = await requestInFlight('const to');
    t.asked.stream('tal');
    void t.completer.complete(t.at('const top'));
    expect(t.asked.signal.aborted).toBe(true);
  });

  it('is cancelled if no further request comes', async () => {
    const t = await requestInFlight('const to');
    expect(t.asked.signal.aborted).toBe(false);
    t.pauses.at(-1)!.end();
    await settle();
    expect(t.asked.signal.aborted).toBe(true);
  });

  it('is not cancelled once its first line is shown, and what is typed of that stays', async () => {
    const t = await requestInFlight('def f(x):\n', '\n\nf(1)\n');
    const { end } = t.pauses.at(-1)!;
    const at = (typed: string) => t.completer.complete(t.at(`def f(x):\n${typed}`, { after: '\n\nf(1)\n' }));
    const next = at(' ');
    t.asked.stream('    return x\n');
    expect(await next).toMatchObject({ text: '   return x' });
    end();
    await settle();
    expect(t.asked.signal.aborted).toBe(false);
    expect(await at('    r')).toMatchObject({ text: 'eturn x', source: 'cache' });
    expect(t.requests).toHaveLength(1);
  });

  it('continues if there is a further request', async () => {
    const t = await requestInFlight('const to');
    const { end } = t.pauses.at(-1)!;
    void t.completer.complete(t.at('const tot'));
    end();
    await settle();
    expect(t.asked.signal.aborted).toBe(false);
  });

  it('is awaited to its end if its first line is typed', async () => {
    const t = await requestInFlight('function f(a) {\n');
    const next = t.completer.complete(t.at('function f(a) {\n  g(a);'));
    // No new request is made at the end of a statement.
    expect(await next).toBeUndefined();
    const more = t.completer.complete(t.at('function f(a) {\n  g(a);\n'));
    t.asked.stream('  g(a);\n');
    t.asked.answer('  g(a);\n  return a;\n}');
    expect(await more).toMatchObject({ text: '  return a;\n}', source: 'model' });
    expect(t.requests).toHaveLength(1);
  });

  it('provides the text inside a bracket that the editor has closed', async () => {
    const t = await requestInFlight('const a = sum');
    const next = t.completer.complete(t.at('const a = sum(', { after: ')' }));
    t.asked.answer('(b, c);');
    expect(await next).toMatchObject({ text: 'b, c', source: 'model' });
  });

  it('is not joined by an explicit request', async () => {
    const t = await requestInFlight('const to');
    void t.completer.complete(t.at('const tot', { invoked: true }));
    expect(t.asked.signal.aborted).toBe(true);
    await settle();
    expect(t.requests).toHaveLength(2);
  });

  it('may be a prefetch', async () => {
    const t = setUp({ ahead: true, debounceMs: 0 });
    const shown = t.completer.complete(t.at('const f = (a) => {'));
    await settle();
    t.requests[0]!.answer('\n  log(a);');
    await shown;
    await settle();
    const key = new AbortController();
    const accepted = 'const f = (a) => {\n  log(a);\n  ';
    const first = t.completer.complete(t.at(accepted, { signal: key.signal }));
    key.abort();
    const next = t.completer.complete(t.at(`${accepted}c`));
    expect(await first).toBeUndefined();
    t.requests[1]!.answer('count += 1;');
    expect(await next).toMatchObject({ text: 'ount += 1;' });
    expect(t.requests).toHaveLength(2);
  });

  it('reports its error to all requests that joined it', async () => {
    const t = await requestInFlight('const to');
    const next = t.completer.complete(t.at('const tot'));
    t.asked.fail(new Error('the server is gone'));
    await expect(next).rejects.toThrow('the server is gone');
  });
});
