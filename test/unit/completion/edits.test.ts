import { describe, expect, it } from 'vitest';
import { Edits } from '../../../src/completion/edits.ts';
import { answered, setUp } from './set-up.ts';

const at = (text: string, hidden?: { before: number; after: number }) => {
  const [before, after] = text.split('|') as [string, string];
  return { path: 'a.ts', languageId: 'typescript', before, after, ...(hidden && { hidden }) };
};

/** Whether `text` undoes one of the edits between these states of a document. */
function undoes(states: readonly string[], text: string): boolean {
  const edits = new Edits();
  for (const state of states) edits.observe(at(state));
  return edits.undoes(at(states.at(-1)!), text);
}

describe('recently deleted text', () => {
  it.each([
    ['key by key', ['f(bar|)', 'f(ba|)', 'f(b|)', 'f(|)'], 'bar'],
    ['forwards', ['f(|bar)', 'f(|ar)', 'f(|r)', 'f(|)'], 'bar'],
    ['at once', ['f(bar|)', 'f(|)'], 'bar'],
    ['followed by more text', ['f(bar|)', 'f(|)'], 'bar, baz'],
    ['with white space', ['a();\n  b(1);\n  |', 'a();\n|'], '  b(1);'],
    ['before text with the same beginning', ['f(bar|baz)', 'f(|baz)'], 'bar'],
    ['except for the part typed again', ['f(bar|)', 'f(|)', 'f(b|)'], 'ar'],
    ['after trying other text', ['f(bar|)', 'f(|)', 'f(x|)', 'f(|)'], 'bar'],
    ['in part', ['first(1);\nsecond(2);|', '|'], 'first(1);'],
  ])('is not suggested again: %s', (_, states, text) => expect(undoes(states, text)).toBe(true));

  it.each([
    ['other text', ['f(bar|)', 'f(|)'], 'baz'],
    ['after a slip', ['f(ba|)', 'f(b|)'], 'ar'],
    ['elsewhere', ['f(bar|); g()', 'f(|); g()', 'f(); g(|)'], 'bar'],
    ['after writing elsewhere', ['f(bar|); ', 'f(|); ', 'f(); x|', 'f(|); x'], 'bar'],
    ['if nothing was removed', ['f(|)', 'f(b|)'], 'ar'],
  ])('other text may be: %s', (_, states, text) => expect(undoes(states, text)).toBe(false));

  it('is detected in a document of which only a window is visible', () => {
    const edits = new Edits();
    edits.observe(at('line one\nf(bar|)', { before: 1000, after: 0 }));
    const now = at('f(|)', { before: 1009, after: 0 });
    edits.observe(now);
    expect(edits.undoes(now, 'bar')).toBe(true);
    expect(edits.undoes(at('f(|)', { before: 1000, after: 0 }), 'bar')).toBe(false);
  });

  it('is suggested only on an explicit request', async () => {
    const t = setUp();
    await answered(t, 'const a = first', ';');
    expect(await t.completer.complete(t.at('const a = '))).toBeUndefined();
    expect(await answered(t, 'const a =  ', 'first;')).toBeUndefined();
    expect(t.completer.statistics('mine').quiet).toEqual({ deleting: 1, undoes: 1 });
    const asked = await t.completer.complete(t.at('const a =  ', { invoked: true }));
    expect(asked?.text).toBe('first;');
  });
});

describe('deleting', () => {
  it('shows the suggestion from before a mistyped key again, but nothing older', async () => {
    const t = setUp();
    await answered(t, 'const a', ' = 1;');
    const show = async (before: string) => (await t.completer.complete(t.at(before)))?.text;
    expect(await show('const a =')).toBe(' 1;');
    expect(await show('const a = 1')).toBe(';');
    t.completer.complete(t.at('const a = 1x')).catch(() => undefined);
    expect(await show('const a = 1')).toBe(';');
    expect(await show('const a = ')).toBeUndefined();
    expect(await show('const a =')).toBeUndefined();
    expect(t.completer.statistics('mine').quiet).toEqual({ deleting: 2 });
    // Typing on brings it back.
    expect(await show('const a = ')).toBe('1;');
  });

  it('still suggests nothing when requested again at the same place', async () => {
    const t = setUp();
    await t.completer.complete(t.at('const a = b', { after: 'x' }));
    for (let time = 0; time < 2; time += 1)
      expect(await t.completer.complete(t.at('const a = ', { after: 'x' }))).toBeUndefined();
    expect(t.requests).toHaveLength(0);
  });

  it('ends when the cursor moves elsewhere', () => {
    const edits = new Edits();
    for (const state of ['f(bar|); g()', 'f(|); g()']) edits.observe(at(state));
    expect(edits.isDeletingAt(at('f(|); g()'))).toBe(true);
    edits.observe(at('f(); g(|)'));
    expect(edits.isDeletingAt(at('f(); g(|)'))).toBe(false);
  });

  it('edits elsewhere in the document do not count', () => {
    const edits = new Edits();
    for (const state of ['f(|)\nlong', 'f(|)\n']) edits.observe(at(state));
    expect(edits.isDeletingAt(at('f(|)\n'))).toBe(false);
  });
});
