import { describe, expect, it } from 'vitest';
import { answered, beforeCursor, setUp, settle } from './set-up.ts';

describe('a request', () => {
  it('waits for a pause in typing, then is sent once', async () => {
    const t = setUp();
    const promise = t.completer.complete(t.at('const a ='));
    await settle();
    expect(t.requests).toHaveLength(0);
    t.pauses[0]!.end();
    await settle();
    expect(t.requests[0]!.ask).toEqual({
      ...{ model: 'mine', prompt: 'const a', heal: ' =' },
      ...{ maxTokens: 48, stop: ['\n'] },
    });
    t.requests[0]!.answer(' 1;');
    expect(await promise).toMatchObject({ text: ' 1;', source: 'model' });
    expect(t.completer.statistics('mine')).toMatchObject({ asked: 1, cached: 0 });
  });

  it('is not delayed if explicit', async () => {
    const t = setUp();
    const promise = t.completer.complete(t.at('const a = 1;', { invoked: true }));
    await settle();
    expect(t.pauses).toHaveLength(0);
    t.requests[0]!.answer(' // one');
    expect((await promise)?.text).toBe(' // one');
  });

  it.each([
    ['in the middle of a line', 'const total = price', { after: ' * count;\n' }],
    ['in a comment', '// it adds', { after: ' the two\n' }],
    ['in a string', 'log("the ', { after: 'total");' }],
    ['in a line of data', '1,'.repeat(300), {}],
    ['in an empty file', '', {}],
  ])('is sent %s if explicit, where typing would send none', async (_, before, more) => {
    const t = setUp();
    expect(await t.completer.complete(t.at(before, more))).toBeUndefined();
    expect(t.pauses).toHaveLength(0);
    const promise = t.completer.complete(t.at(before, { ...more, invoked: true }));
    await settle();
    t.requests[0]!.answer(' and so on');
    expect((await promise)?.text).toBe(' and so on');
    expect(t.pauses).toHaveLength(0);
  });

  it('in the middle of a line can be typed through if explicit', async () => {
    const t = setUp();
    const after = ' * count;\n';
    const promise = t.completer.complete(t.at('const total = ', { after, invoked: true }));
    await settle();
    t.requests[0]!.answer('price');
    expect((await promise)?.text).toBe('price');
    expect((await t.completer.complete(t.at('const total = pr', { after })))?.text).toBe('ice');
    expect(await t.completer.complete(t.at('const total = x', { after }))).toBeUndefined();
    expect(t.requests).toHaveLength(1);
  });

  it('is not sent where no completion can be shown, even if explicit', async () => {
    const t = setUp();
    for (const more of [{ selections: [0, 0] }, { selections: [3] }, { languageId: 'scminput' }])
      expect(await t.completer.complete(t.at('const a =', { ...more, invoked: true }))).toBeUndefined();
    expect(t.completer.statistics('mine').quiet).toEqual({
      'several-cursors': 1,
      selection: 1,
      unsupported: 1,
    });
  });

  it('cancels the previous one, in the model too, which then settles', async () => {
    const t = setUp();
    const older = t.completer.complete(t.at('const a ='));
    t.pauses[0]!.end();
    await settle();
    const newer = t.completer.complete(t.at('const ab ='));
    expect(t.requests[0]!.signal.aborted).toBe(true);
    t.requests[0]!.fail(new Error('aborted'));
    expect(await older).toBeUndefined();
    t.pauses[1]!.end();
    await settle();
    t.requests[1]!.answer(' 2');
    expect((await newer)?.text).toBe(' 2');
  });

  it('that is superseded during its pause settles without being sent', async () => {
    const t = setUp();
    const older = t.completer.complete(t.at('const a'));
    void t.completer.complete(t.at('const ab'));
    expect(await older).toBeUndefined();
    expect(t.requests).toHaveLength(0);
  });

  it('is cancelled by its signal, during the pause and in the model', async () => {
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
    await settle();
    // There is no further request.
    t.pauses.at(-1)!.end();
    await settle();
    expect(t.requests[0]!.signal.aborted).toBe(true);
    t.requests[0]!.answer(' = too late');
    expect(await asked).toBeUndefined();
    // An answer that arrived too late is not cached either.
    expect(await answered(t, 'let b', ' = 1')).toMatchObject({ text: ' = 1', source: 'model' });
  });

  it("throws the model's error if still wanted", async () => {
    const t = setUp();
    const promise = t.completer.complete(t.at('let a'));
    t.pauses[0]!.end();
    await settle();
    t.requests[0]!.fail(new Error('the server is gone'));
    await expect(promise).rejects.toThrow('the server is gone');
  });

  it('has a suffix only for a base with fill-in-the-middle tokens', async () => {
    for (const fillInTheMiddle of [true, false]) {
      const t = setUp({ fillInTheMiddle: () => fillInTheMiddle });
      await answered(t, 'f(', 'x', { after: ')\nnext' });
      expect(t.requests[0]!.ask.suffix).toBe(fillInTheMiddle ? ')\nnext' : undefined);
    }
  });
});

describe('typing the suggested text', () => {
  it('is answered at once with the rest', async () => {
    const t = setUp();
    await answered(t, 'const a =', ' first + second;');
    expect(await t.completer.complete(t.at('const a = fir'))).toEqual({
      text: 'st + second;',
      source: 'cache',
      delay: 0,
    });
    expect(await t.completer.complete(t.at('const a = first + second'))).toMatchObject({
      text: ';',
      source: 'cache',
    });
    expect(t.requests).toHaveLength(1);
    expect(t.completer.statistics('mine')).toMatchObject({ asked: 1, cached: 2 });
  });

  it('continues after a semicolon, where nothing new would be requested', async () => {
    const t = setUp();
    await answered(t, 'for (let i', ' = 0; i < n; i += 1) {');
    expect((await t.completer.complete(t.at('for (let i = 0;')))?.text).toBe(' i < n; i += 1)');
    expect(await t.completer.complete(t.at('let i = 0;'))).toBeUndefined();
    expect(t.completer.statistics('mine').quiet).toEqual({ 'statement-end': 1 });
  });

  it('continues when the editor closes a bracket or quote', async () => {
    const t = setUp();
    await answered(t, 'const a =', ' f(x, g(y));');
    expect((await t.completer.complete(t.at('const a = f(', { after: ')' })))?.text).toBe('x, g(y)');
    const q = setUp();
    await answered(q, 'import a from', " 'fs';");
    expect((await q.completer.complete(q.at("import a from '", { after: "'" })))?.text).toBe('fs');
  });

  it('sends a new request if the text differs, the suffix changes, or another adapter answers', async () => {
    const t = setUp();
    await answered(t, 'const a =', ' first;');
    await answered(t, 'const a =', ' other;', { adapter: 'other' });
    await answered(t, 'const a =', ' first', { after: '\nfoo();' });
    await answered(t, 'const a =', ' first;', { path: 'b.ts' });
    await answered(t, 'const a = s', 'econd;');
    expect(t.requests).toHaveLength(5);
    expect((await t.completer.complete(t.at('const a =', { path: 'b.ts' })))?.text).toBe(' first;');
    expect((await t.completer.complete(t.at('const a =', { adapter: 'other' })))?.text).toBe(' other;');
  });

  it('remembers places where the model has no suggestion', async () => {
    const t = setUp();
    expect(await answered(t, 'const a =', '  ')).toBeUndefined();
    expect(await t.completer.complete(t.at('const a ='))).toBeUndefined();
    expect(t.requests).toHaveLength(1);
  });

  it('is forgotten on reset', async () => {
    const t = setUp();
    await answered(t, 'const a =', ' first;');
    t.completer.reset();
    await answered(t, 'const a =', ' second;');
    expect(t.requests).toHaveLength(2);
  });
});

describe('no request is sent', () => {
  it('on deletion', async () => {
    const t = setUp();
    await answered(t, 'const value', ' = 1;');
    expect(await t.completer.complete(t.at('const valu'))).toBeUndefined();
    expect(t.requests).toHaveLength(1);
    expect(t.completer.statistics('mine').quiet).toEqual({ deleting: 1 });
  });

  it('in an empty document, but one at a blank end of a long one', async () => {
    const t = setUp();
    expect(await t.completer.complete(t.at('\n  ', { after: '\n' }))).toBeUndefined();
    expect(t.completer.statistics('mine').quiet).toEqual({ empty: 1 });
    const hidden = { before: 100, after: 0 };
    expect((await answered(t, '\n', 'const a = 1;', { hidden }))?.text).toBe('const a = 1;');
  });

  it('with several cursors, which also cancel the current one', async () => {
    const t = setUp();
    const older = t.completer.complete(t.at('const a ='));
    t.pauses[0]!.end();
    await settle();
    expect(await t.completer.complete(t.at('const a =', { selections: [0, 0] }))).toBeUndefined();
    expect(t.requests[0]!.signal.aborted).toBe(true);
    t.requests[0]!.answer(' 1');
    expect(await older).toBeUndefined();
  });

  it('before the usual time between keys is over, within bounds', async () => {
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

describe('a configured pause', () => {
  it.each([1, 400, 2000])('is %i ms whatever the typing rhythm', async (debounceMs) => {
    const t = setUp({ debounceMs });
    for (const text of ['a', 'ab', 'ab ', 'ab c']) {
      void t.completer.complete(t.at(text));
      t.pass(90);
    }
    await settle();
    expect(t.pauses.map(({ milliseconds }) => milliseconds)).toEqual(Array(4).fill(debounceMs));
  });

  it('of 0 means none', async () => {
    const t = setUp({ debounceMs: 0 });
    void t.completer.complete(t.at('const a ='));
    await settle();
    expect(t.pauses).toHaveLength(0);
    expect(t.requests).toHaveLength(1);
  });
});

describe('prefetching', () => {
  /** Shows ` first` at `const a =`, and gives the prefetch time to start. */
  async function shown(t: ReturnType<typeof setUp>) {
    expect((await answered(t, 'const a =', ' first'))?.text).toBe(' first');
    await settle();
    t.pauses.at(-1)!.end();
    await settle();
  }

  it('runs while a suggestion is shown, and answers at once when it is accepted', async () => {
    const t = setUp({ ahead: true });
    await shown(t);
    expect(beforeCursor(t.requests[1]!.ask)).toBe('const a = first');
    t.requests[1]!.answer('(1);');
    await settle();
    expect(await t.completer.complete(t.at('const a = first'))).toMatchObject({
      text: '(1);',
      source: 'cache',
    });
    expect(t.completer.statistics('mine')).toMatchObject({ asked: 1, ahead: 1, awaited: 0, cached: 1 });
  });

  it('is awaited if the suggestion is accepted before it has finished', async () => {
    const t = setUp({ ahead: true });
    await shown(t);
    const accepted = t.completer.complete(t.at('const a = first'));
    await settle();
    expect(t.requests).toHaveLength(2);
    expect(t.requests[1]!.signal.aborted).toBe(false);
    t.requests[1]!.answer('(1);');
    expect(await accepted).toMatchObject({ text: '(1);', source: 'model' });
    expect(t.completer.statistics('mine')).toMatchObject({ asked: 1, ahead: 1, awaited: 1 });
  });

  it('continues while the suggestion is typed through, and stops at anything else', async () => {
    const t = setUp({ ahead: true });
    await shown(t);
    expect((await t.completer.complete(t.at('const a = fi')))?.source).toBe('cache');
    expect(t.requests[1]!.signal.aborted).toBe(false);
    void t.completer.complete(t.at('const a = fo'));
    expect(t.requests[1]!.signal.aborted).toBe(true);
    t.requests[1]!.answer('(1);');
    await settle();
    t.pauses.at(-1)!.end();
    await settle();
    expect(beforeCursor(t.requests.at(-1)!.ask)).toBe('const a = fo');
  });

  it('is not used if a key comes first, nor for another adapter', async () => {
    const t = setUp({ ahead: true });
    await answered(t, 'const a =', ' first');
    await settle();
    void t.completer.complete(t.at('const a =', { adapter: 'other' }));
    t.pauses.forEach(({ end }) => end());
    await settle();
    expect(t.requests).toHaveLength(2);
    expect(t.requests[1]!.ask).toMatchObject({ model: 'other', prompt: 'const a', heal: ' =' });
  });

  it('requests the next line if the completion ends a statement', async () => {
    const t = setUp({ ahead: true });
    expect((await answered(t, '  const a =', ' 1;'))?.text).toBe(' 1;');
    await settle();
    t.pauses.at(-1)!.end();
    await settle();
    t.requests[1]!.answer('const b = 2;');
    await settle();
    expect(await t.completer.complete(t.at('  const a = 1;'))).toBeUndefined();
    expect((await t.completer.complete(t.at('  const a = 1;\n  ')))?.text).toBe('const b = 2;');
  });

  it('is repeated by the next request if it fails', async () => {
    const t = setUp({ ahead: true });
    await shown(t);
    t.requests[1]!.fail(new Error('the server is gone'));
    await settle();
    const again = t.completer.complete(t.at('const a = first'));
    t.pauses.at(-1)!.end();
    await settle();
    t.requests[2]!.answer('(2);');
    expect((await again)?.text).toBe('(2);');
  });

  it('happens only if enabled, and not after a reset', async () => {
    const t = setUp();
    await answered(t, 'const a =', ' first');
    await settle();
    t.pauses.forEach(({ end }) => end());
    await settle();
    expect(t.requests).toHaveLength(1);
    const other = setUp({ ahead: true });
    await answered(other, 'const a =', ' first');
    await settle();
    other.completer.reset();
    other.pauses.forEach(({ end }) => end());
    await settle();
    expect(other.requests).toHaveLength(1);
  });
});

describe('other files', () => {
  const place = { repository: 'shop', path: 'src/cart.ts' };
  const price = {
    path: 'src/price.ts',
    text: 'export function priceOf(item: Item, discount: number) {\n  return item.price * discount;\n}\n'.repeat(
      3,
    ),
  };
  const before = "import { priceOf } from './price.ts';\n\nexport const total = priceOf(item,";

  it('are in the prompt with their paths, as is the document', async () => {
    const t = setUp();
    await answered(t, before, ' 1);', { place, files: () => [price] });
    expect(t.requests[0]!.ask).toMatchObject({
      place,
      context: [{ filename: 'src/price.ts', text: price.text }],
      prompt: before.slice(0, -1),
      heal: ',',
    });
  });

  it('are searched only occasionally', async () => {
    const t = setUp();
    let times = 0;
    const files = () => ((times += 1), [price]);
    await answered(t, before, ' 1);', { place, files });
    await answered(t, `${before} x`, ', 2);', { place, files });
    expect(t.requests[1]!.ask.context).toBe(t.requests[0]!.ask.context);
    expect(times).toBe(1);
  });

  it('are left out if there are none; so is the path, unless whole repositories were learned', async () => {
    const t = setUp();
    await answered(t, before, ' 1);', { place, files: () => [] });
    expect(t.requests[0]!.ask).toEqual({
      ...{ model: 'mine', prompt: before.slice(0, -1), heal: ',' },
      ...{ maxTokens: 48, stop: ['\n'] },
    });
    const whole = setUp({ wholeRepositories: true });
    await answered(whole, before, ' 1);', { place });
    expect(whole.requests[0]!.ask.place).toEqual(place);
  });
});

describe('documents of any kind', () => {
  it.each([
    ['a notebook cell', 'vscode-notebook-cell:/home/me/a.ipynb#W0sZ', 'python'],
    ['an untitled document', 'untitled:Untitled-1', 'plaintext'],
    ['an unknown language', 'file:///a.q', 'q'],
  ])('%s', async (_, path, languageId) => {
    const t = setUp();
    expect((await answered(t, 'total =', ' 1', { path, languageId }))?.text).toBe(' 1');
    expect((await t.completer.complete(t.at('total = ', { path, languageId })))?.text).toBe('1');
  });

  it('cells of a notebook are distinguished', async () => {
    const t = setUp();
    const cell = (name: string) => ({ path: `vscode-notebook-cell:/a.ipynb#${name}`, languageId: 'python' });
    await answered(t, 'x =', ' 1', cell('one'));
    await answered(t, 'x =', ' 2', cell('two'));
    expect((await t.completer.complete(t.at('x =', cell('one'))))?.text).toBe(' 1');
  });

  it('of ten megabytes need small requests, and continue while typing', async () => {
    const lines = 'export const value = compute(another, "text");\n'.repeat(220_000);
    expect(lines.length).toBeGreaterThan(10_000_000);
    const t = setUp({ fillInTheMiddle: () => true });
    await answered(t, `${lines}const a =`, ' 1 + 2;', { after: `\n${lines}` });
    const { ask } = t.requests[0]!;
    const { prompt, suffix } = ask;
    expect(prompt.length).toBeLessThan(3000);
    expect(suffix!.length).toBeLessThan(1000);
    expect(beforeCursor(ask).endsWith('\nconst a =')).toBe(true);
    const after = `\n${lines}`;
    expect((await t.completer.complete(t.at(`${lines}const a = 1`, { after })))?.text).toBe(' + 2;');
    expect(await t.completer.complete(t.at(`${lines}const a`, { after }))).toBeUndefined();
    expect(t.completer.statistics('mine').quiet).toEqual({ deleting: 1 });
  });

  it('treats a window like the whole document', async () => {
    const t = setUp();
    const hidden = { before: 1000, after: 500 };
    await answered(t, 'const a =', ' 1;', { hidden });
    expect((await t.completer.complete(t.at('const a =', { hidden })))?.text).toBe(' 1;');
    await answered(t, 'const a =', ' 2;', { hidden: { ...hidden, before: 1001 } });
    await answered(t, 'const a =', ' 3;', { hidden: { ...hidden, after: 501 } });
    expect(t.requests).toHaveLength(3);
  });

  it.each(['\uD83D', '\uDE00', 'a\uD83D b \uDE00 c', '\uDE00\uD83D\n  '])(
    'halves of characters before the cursor, %j, cause no error',
    async (text) => {
      const t = setUp({ fillInTheMiddle: () => true });
      const answer = await answered(t, `x ${text}`, ' y', { after: `\n${text}` });
      expect(answer?.text.trim()).toBe('y');
      const { prompt, suffix } = t.requests[0]!.ask;
      expect(Buffer.from(prompt + suffix!, 'utf8').toString('utf8')).toBe(prompt + suffix!);
    },
  );

  it('no request is sent in the middle of a character', async () => {
    const t = setUp();
    expect(await t.completer.complete(t.at('const a = "\uD83D', { after: '\uDE00"' }))).toBeUndefined();
    expect(t.completer.statistics('mine').quiet).toEqual({ 'text-right': 1 });
  });
});
