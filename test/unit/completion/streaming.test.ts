import { describe, expect, it } from 'vitest';
import { setUp, settle } from './set-up.ts';

const BEFORE = 'function sum(a, b) {\n';
const FIRST = '  const total = a + b;';
const WHOLE = `${FIRST}\n  return total;\n}`;

/** A request at BEFORE whose first line has arrived. */
async function firstLine(more: Parameters<typeof setUp>[0] = {}) {
  const t = setUp(more);
  const shown = t.completer.complete(t.at(BEFORE, { invoked: true }));
  await settle();
  const { stream, answer, signal } = t.requests[0]!;
  for (const piece of ['  const', ' total = a + b', ';', '\n  ret']) stream(piece);
  return { ...t, stream, answer, signal, shown: await shown };
}

describe('a streamed answer', () => {
  it('is shown from the first line on; requested again, it is complete', async () => {
    const t = await firstLine();
    expect(t.shown).toMatchObject({ text: FIRST, source: 'model' });
    t.stream('urn total;\n}');
    t.answer(WHOLE);
    expect(await t.shown!.more).toBe(true);
    expect(await t.completer.complete(t.at(BEFORE))).toMatchObject({ text: WHOLE, source: 'cache' });
    expect(t.requests).toHaveLength(1);
  });

  it('continues while its first line is typed or accepted', async () => {
    const t = await firstLine();
    expect(await t.completer.complete(t.at(`${BEFORE}  const to`))).toMatchObject({ text: 'tal = a + b;' });
    const rest = t.completer.complete(t.at(BEFORE + FIRST));
    expect(t.signal.aborted).toBe(false);
    t.answer(WHOLE);
    expect(await rest).toMatchObject({ text: '\n  return total;\n}', source: 'cache' });
    expect(t.requests).toHaveLength(1);
  });

  it('goes on growing if it is requested explicitly, as by resting the mouse on it', async () => {
    const t = await firstLine();
    const again = await t.completer.complete(t.at(BEFORE, { invoked: true }));
    expect(again).toMatchObject({ text: FIRST, source: 'cache' });
    expect(t.signal.aborted).toBe(false);
    t.answer(WHOLE);
    expect(await again!.more).toBe(true);
    expect(await t.completer.complete(t.at(BEFORE))).toMatchObject({ text: WHOLE, source: 'cache' });
    expect(t.requests).toHaveLength(1);
  });

  it('is stopped when the cursor moves elsewhere, and requested again on return', async () => {
    const t = await firstLine();
    const other = t.completer.complete(t.at(`${BEFORE}  let`, { invoked: true }));
    expect(t.signal.aborted).toBe(true);
    t.answer(WHOLE);
    expect(await t.shown!.more).toBe(false);
    await settle();
    t.requests[1]!.answer(' x = 1;');
    expect(await other).toMatchObject({ text: ' x = 1;' });
    const again = t.completer.complete(t.at(BEFORE, { invoked: true }));
    await settle();
    t.requests[2]!.answer(WHOLE);
    expect(await again).toMatchObject({ text: WHOLE, source: 'model' });
  });

  it('waits for a line that can be shown', async () => {
    const t = setUp();
    const promise = t.completer.complete(t.at('def f(x):', { languageId: 'python', invoked: true }));
    await settle();
    t.requests[0]!.stream('\n    return x');
    t.requests[0]!.stream(' * 2\n    # more');
    expect(await promise).toMatchObject({ text: '\n    return x * 2' });
  });

  it('waits for the end of a construct begun on a line', async () => {
    const t = setUp();
    const promise = t.completer.complete(t.at('run() {\n  ', { invoked: true }));
    await settle();
    for (const piece of ['if (ready) {', '\n', '    start();', '\n', '  }']) t.requests[0]!.stream(piece);
    let isShown = false;
    void promise.then(() => (isShown = true));
    await settle();
    expect(isShown).toBe(false);
    t.requests[0]!.stream('\n  stop');
    expect(await promise).toMatchObject({ text: 'if (ready) {\n    start();\n  }' });
  });

  it('drops the line cut off by the token limit, or its last word, however many tokens come in a piece', async () => {
    for (const [finishReason, pieces, shown] of [
      ['length', ['one();', '\n', 'tw'], 'one();'],
      ['length', ['one();', '\n    tw'], 'one();'],
      ['length', ['one', '.', 'tw'], 'one'],
      ['stop', ['one', '.', 'two'], 'one.two'],
    ] as const) {
      const t = setUp({ maxTokens: 3 });
      const promise = t.completer.complete(t.at('run() {\n', { invoked: true }));
      await settle();
      for (const piece of pieces) t.requests[0]!.stream(piece);
      t.requests[0]!.answer(pieces.join(''), finishReason);
      const first = await promise;
      await first?.more;
      expect((await t.completer.complete(t.at('run() {\n')))?.text).toBe(shown);
    }
  });

  it('stops the model at the end of the block', async () => {
    const t = setUp();
    const promise = t.completer.complete(t.at('if (x) {', { invoked: true }));
    await settle();
    const { stream, fail, signal } = t.requests[0]!;
    for (const piece of ['\n  go();', '\n}', '\nconst other', ' = 1;\n']) {
      if (!signal.aborted) stream(piece);
      if (signal.aborted) fail(new Error('aborted'));
    }
    expect(signal.aborted).toBe(true);
    const first = await promise;
    await first?.more;
    expect((await t.completer.complete(t.at('if (x) {')))?.text).toBe('\n  go();\n}');
  });

  it('is requested again if it failed after its first line', async () => {
    const t = setUp();
    const promise = t.completer.complete(t.at(BEFORE, { invoked: true }));
    await settle();
    t.requests[0]!.stream(`${FIRST}\n`);
    expect(await promise).toMatchObject({ text: FIRST });
    t.requests[0]!.fail(new Error('gone'));
    expect(await (await promise)!.more).toBe(false);
    void t.completer.complete(t.at(BEFORE, { invoked: true }));
    await settle();
    expect(t.requests).toHaveLength(2);
  });

  it('is also shown from its first line on when prefetched', async () => {
    const t = setUp({ ahead: true });
    const shown = t.completer.complete(t.at('const f = (a) => {', { invoked: true }));
    await settle();
    t.requests[0]!.answer('\n  log(a);');
    await shown;
    t.pauses.at(-1)?.end();
    await settle();
    const next = t.completer.complete(t.at('const f = (a) => {\n  log(a);\n  '));
    await settle();
    t.requests[1]!.stream('count += 1;\n  retu');
    expect(await next).toMatchObject({ text: 'count += 1;', source: 'model' });
    expect(t.completer.statistics('mine')).toMatchObject({ ahead: 1, awaited: 1 });
  });
});
