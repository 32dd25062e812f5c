import { describe, expect, it } from 'vitest';
import {
  createCompleter,
  type CompleteInput,
  type CompletionAsk,
  type CompleterOptions,
} from '../../../src/completion/index.ts';

/** An engine whose answers the test gives, and a clock that it winds. */
function setUp(options: Partial<CompleterOptions> = {}) {
  const asks: {
    ask: CompletionAsk;
    signal: AbortSignal;
    answer: (text: string) => void;
    fail: (error: Error) => void;
  }[] = [];
  const pauses: { milliseconds: number; end: () => void }[] = [];
  let time = 0;
  const completer = createCompleter({
    request: (ask, signal) => new Promise((answer, fail) => asks.push({ ask, signal, answer, fail })),
    fillInTheMiddle: () => false,
    maxTokens: () => 64,
    now: () => time,
    sleep: (milliseconds) => new Promise((end) => pauses.push({ milliseconds, end })),
    ...options,
  });
  const at = (before: string, more: Partial<CompleteInput> = {}): CompleteInput => ({
    path: 'a.ts',
    languageId: 'typescript',
    before,
    after: '',
    adapter: 'mine',
    ...more,
  });
  return { completer, asks, pauses, at, pass: (milliseconds: number) => (time += milliseconds) };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** From key to answer. */
async function answered(
  { completer, asks, pauses, at }: ReturnType<typeof setUp>,
  before: string,
  text: string,
  more = {},
) {
  const promise = completer.complete(at(before, more));
  pauses.at(-1)!.end();
  await settle();
  asks.at(-1)!.answer(text);
  return promise;
}

describe('a request', () => {
  it('waits for a pause in typing, then asks once', async () => {
    const t = setUp();
    const promise = t.completer.complete(t.at('const a ='));
    await settle();
    expect(t.asks).toHaveLength(0);
    t.pauses[0]!.end();
    await settle();
    expect(t.asks[0]!.ask).toEqual({ model: 'mine', prompt: 'const a =', maxTokens: 48, stop: ['\n'] });
    t.asks[0]!.answer(' 1;');
    expect(await promise).toEqual({ text: ' 1;', source: 'engine' });
    expect(t.completer.statistics('mine')).toMatchObject({ asked: 1, cached: 0 });
  });

  it('does not wait when a key asks for it', async () => {
    const t = setUp();
    const promise = t.completer.complete(t.at('const a = 1;', { invoked: true }));
    await settle();
    expect(t.pauses).toHaveLength(0);
    t.asks[0]!.answer(' // one');
    expect((await promise)?.text).toBe(' // one');
  });

  it('that is newer stops the older, at the engine too, and the older one settles', async () => {
    const t = setUp();
    const older = t.completer.complete(t.at('const a ='));
    t.pauses[0]!.end();
    await settle();
    const newer = t.completer.complete(t.at('const ab ='));
    expect(t.asks[0]!.signal.aborted).toBe(true);
    t.asks[0]!.fail(new Error('aborted'));
    expect(await older).toBeUndefined();
    t.pauses[1]!.end();
    await settle();
    t.asks[1]!.answer(' 2');
    expect((await newer)?.text).toBe(' 2');
  });

  it('that is superseded while it pauses settles without asking', async () => {
    const t = setUp();
    const older = t.completer.complete(t.at('const a'));
    void t.completer.complete(t.at('const ab'));
    expect(await older).toBeUndefined();
    expect(t.asks).toHaveLength(0);
  });

  it('is stopped by its signal, in the pause and at the engine', async () => {
    const t = setUp();
    const stop = new AbortController();
    const paused = t.completer.complete(t.at('let a', { signal: stop.signal }));
    stop.abort();
    expect(await paused).toBeUndefined();
    const again = new AbortController();
    const asked = t.completer.complete(t.at('let b', { signal: again.signal }));
    t.pauses.at(-1)!.end();
    await settle();
    again.abort();
    expect(t.asks[0]!.signal.aborted).toBe(true);
    t.asks[0]!.answer(' = too late');
    expect(await asked).toBeUndefined();
    // What came too late is not kept either.
    expect(await answered(t, 'let b', ' = 1')).toEqual({ text: ' = 1', source: 'engine' });
  });

  it('throws what the engine throws when someone still waits', async () => {
    const t = setUp();
    const promise = t.completer.complete(t.at('let a'));
    t.pauses[0]!.end();
    await settle();
    t.asks[0]!.fail(new Error('the server is gone'));
    await expect(promise).rejects.toThrow('the server is gone');
  });

  it('carries the suffix only to a base that has tokens for it', async () => {
    for (const fillInTheMiddle of [true, false]) {
      const t = setUp({ fillInTheMiddle: () => fillInTheMiddle });
      await answered(t, 'f(', 'x', { after: ')\nnext' });
      expect(t.asks[0]!.ask.suffix).toBe(fillInTheMiddle ? ')\nnext' : undefined);
    }
  });
});

describe('typing what the ghost text says', () => {
  it('is answered at once with the rest', async () => {
    const t = setUp();
    await answered(t, 'const a =', ' first + second;');
    expect(await t.completer.complete(t.at('const a = fir'))).toEqual({
      text: 'st + second;',
      source: 'cache',
    });
    expect(await t.completer.complete(t.at('const a = first + second'))).toEqual({
      text: ';',
      source: 'cache',
    });
    expect(t.asks).toHaveLength(1);
    expect(t.completer.statistics('mine')).toMatchObject({ asked: 1, cached: 2 });
  });

  it('goes on behind a semicolon, where nothing new would be asked', async () => {
    const t = setUp();
    await answered(t, 'for (let i', ' = 0; i < n; i += 1) {');
    expect((await t.completer.complete(t.at('for (let i = 0;')))?.text).toBe(' i < n; i += 1) {');
    expect(await t.completer.complete(t.at('let i = 0;'))).toBeUndefined();
    expect(t.completer.statistics('mine').quiet).toEqual({ 'statement-end': 1 });
  });

  it('goes on when the editor closes a bracket or quote', async () => {
    const t = setUp();
    await answered(t, 'const a =', ' f(x, g(y));');
    expect((await t.completer.complete(t.at('const a = f(', { after: ')' })))?.text).toBe('x, g(y)');
    const q = setUp();
    await answered(q, 'import a from', " 'fs';");
    expect((await q.completer.complete(q.at("import a from '", { after: "'" })))?.text).toBe('fs');
  });

  it('asks again when something else is typed, follows, or another adapter answers', async () => {
    const t = setUp();
    await answered(t, 'const a =', ' first;');
    await answered(t, 'const a =', ' first', { after: '\nfoo();' });
    await answered(t, 'const a =', ' other;', { adapter: 'other' });
    await answered(t, 'const a =', ' first;', { path: 'b.ts' });
    await answered(t, 'const a = s', 'econd;');
    expect(t.asks).toHaveLength(5);
    expect((await t.completer.complete(t.at('const a =')))?.text).toBe(' first;');
    expect((await t.completer.complete(t.at('const a =', { adapter: 'other' })))?.text).toBe(' other;');
  });

  it('knows where the model has nothing to say', async () => {
    const t = setUp();
    expect(await answered(t, 'const a =', '  ')).toBeUndefined();
    expect(await t.completer.complete(t.at('const a ='))).toBeUndefined();
    expect(t.asks).toHaveLength(1);
  });

  it('forgets all of it on reset', async () => {
    const t = setUp();
    await answered(t, 'const a =', ' first;');
    t.completer.reset();
    await answered(t, 'const a =', ' second;');
    expect(t.asks).toHaveLength(2);
  });
});

describe('being quiet', () => {
  it('deleting asks nothing', async () => {
    const t = setUp();
    await answered(t, 'const value', ' = 1;');
    expect(await t.completer.complete(t.at('const valu'))).toBeUndefined();
    expect(t.asks).toHaveLength(1);
    expect(t.completer.statistics('mine').quiet).toEqual({ deleting: 1 });
  });

  it('several cursors ask nothing, and stop what was asked', async () => {
    const t = setUp();
    const older = t.completer.complete(t.at('const a ='));
    t.pauses[0]!.end();
    await settle();
    expect(await t.completer.complete(t.at('const a =', { selections: [0, 0] }))).toBeUndefined();
    expect(t.asks[0]!.signal.aborted).toBe(true);
    t.asks[0]!.answer(' 1');
    expect(await older).toBeUndefined();
  });

  it('waits as long as the person takes between keys, within bounds', async () => {
    const rhythm = (gap: number) => {
      const t = setUp();
      let text = 'a';
      for (let key = 0; key < 60; key += 1) {
        void t.completer.complete(t.at(text));
        text += 'b';
        t.pass(gap);
      }
      return t.pauses.at(-1)!.milliseconds;
    };
    expect(rhythm(10)).toBe(75);
    expect(rhythm(120)).toBeGreaterThan(170);
    expect(rhythm(120)).toBeLessThan(190);
    expect(rhythm(900)).toBe(300);
  });
});
