import { describe, expect, it } from 'vitest';
import { setUp, settle } from './set-up.ts';

const BEFORE = 'const total = 1;\nconst sum = ';

describe('reading the prompt ahead', () => {
  it('uses the prompt of the next key, which cancels it', async () => {
    const t = setUp({ debounceMs: 0 });
    void t.completer.readAhead(t.at(BEFORE));
    await settle();
    const [{ ask: read, signal }] = t.requests as [(typeof t.requests)[0]];
    expect(read.maxTokens).toBe(0);
    expect(signal.aborted).toBe(false);
    void t.completer.complete(t.at(BEFORE));
    expect(signal.aborted).toBe(true);
    await settle();
    expect(t.requests[1]!.ask).toEqual({ ...read, maxTokens: 48 });
    expect(t.completer.statistics('mine').asked).toBe(1);
  });

  it('delays no request, and yields to a newer position', async () => {
    const t = setUp({ debounceMs: 0 });
    void t.completer.complete(t.at(BEFORE));
    await settle();
    await t.completer.readAhead(t.at(BEFORE));
    expect(t.requests).toHaveLength(1);
    t.requests[0]!.answer('total');
    await settle();
    void t.completer.readAhead(t.at(BEFORE));
    await settle();
    void t.completer.readAhead(t.at('const total'));
    expect(t.requests[1]!.signal.aborted).toBe(true);
  });

  it('ignores errors, which the next request reports', async () => {
    const t = setUp();
    const read = t.completer.readAhead(t.at(BEFORE));
    await settle();
    t.requests[0]!.fail(new Error('gone'));
    await read;
  });

  it('ignores a server that does not start, which the next request reports', async () => {
    const t = setUp({ fillInTheMiddle: () => Promise.reject(new Error('no server')) });
    await t.completer.readAhead(t.at(BEFORE));
    expect(t.requests).toHaveLength(0);
    await expect(t.completer.complete(t.at(BEFORE, { invoked: true }))).rejects.toThrow('no server');
  });

  it('does nothing with several cursors', async () => {
    const t = setUp();
    await t.completer.readAhead(t.at(BEFORE, { selections: [0, 0] }));
    expect(t.requests).toHaveLength(0);
  });
});

describe('the pause before a request', () => {
  /** The pause in milliseconds before the next request, after an answer whose first token took `began` ms. */
  async function pauseAfter(began: number, debounceMs?: number): Promise<number> {
    const t = setUp(debounceMs === undefined ? {} : { debounceMs });
    void t.completer.complete(t.at(BEFORE, { invoked: true }));
    await settle();
    t.pass(began);
    t.requests[0]!.stream('to');
    t.pass(1000);
    t.requests[0]!.answer('total');
    await settle();
    void t.completer.complete(t.at('const other = '));
    await settle();
    return t.pauses[0]?.milliseconds ?? 0;
  }

  it('is never longer than the time to the first token', async () => {
    expect(await pauseAfter(40)).toBe(40);
    expect(await pauseAfter(5000)).toBe(150);
  });

  it('is the configured one', async () => {
    expect(await pauseAfter(40, 120)).toBe(120);
  });
});
