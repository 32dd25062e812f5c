/** What a person sees who types along, deletes, or asks by key while the model answers. */
import { describe, expect, it } from 'vitest';
import { answered, setUp, settle } from './set-up.ts';

const likely = { calibration: { bias: 0, slope: 1 }, debounceMs: 0 };

/** A request at `before` that the model has been asked for, and not answered yet. */
async function asked(t: ReturnType<typeof setUp>, before: string, more: Parameters<typeof t.at>[1] = {}) {
  const completion = t.completer.complete(t.at(before, { minChance: 0.09, ...more }));
  await settle();
  return { completion, ...t.requests.at(-1)! };
}

describe('a suggestion that is typed along', () => {
  it.each([
    ['x = ', 'console.log("hello");', 'console.log("', '")', 'hello'],
    ['x = ', 'console.log("hello");', 'console.log("hel', '")', 'lo'],
    ['const a = ', 'z.object({ id: [one, two] });', 'z.object({ id: [o', ']})', 'ne, two'],
    ['print(', 'f"{name}: {count}")', 'f"{na', '}"', 'me'],
  ])('stays at the closers that the editor adds: %s%s', async (before, text, typed, closers, rest) => {
    const t = setUp();
    await answered(t, before, text);
    const shown = await t.completer.complete(t.at(before + typed, { after: closers }));
    expect(shown).toMatchObject({ text: rest, source: 'cache' });
  });

  it('is not shown if it was not on the screen, and so little is left that typing is faster', async () => {
    const t = setUp(likely);
    const first = await asked(t, 'const total = ');
    const second = await asked(t, 'const total = settingsOf');
    first.stream('settingsOf', -0.01);
    first.stream('Set', -0.01);
    first.answer('settingsOfSet');
    expect(await second.completion).toBeUndefined();
    expect(t.requests).toHaveLength(1);
  });

  it('is not waited for on the next line if it has only one', async () => {
    const t = setUp(likely);
    const line = await asked(t, 'total = go');
    await asked(t, 'total = go();\n');
    expect(line.signal.aborted).toBe(true);
    expect(t.requests).toHaveLength(2);
  });

  it('goes on growing if what was accepted is typed further than the model has written', async () => {
    const t = setUp();
    const block = await asked(t, 'function f() {\n', { invoked: true });
    block.stream('  one();\n  tw');
    await block.completion;
    const next = t.completer.complete(t.at('function f() {\n  one();\n  two'));
    expect(block.signal.aborted).toBe(false);
    block.answer('  one();\n  twoMore();\n}');
    expect(await next).toMatchObject({ text: 'More();\n}' });
  });

  it('is given up as soon as the model writes something else than what is typed', async () => {
    const t = setUp({ debounceMs: 0 });
    const block = await asked(t, 'function f() {\n', { invoked: true });
    block.stream('  one();\n  tw');
    await block.completion;
    const next = await asked(t, 'function f() {\n  one();\n  twx');
    expect(t.requests).toHaveLength(1);
    block.stream('oMore();\n');
    await settle();
    expect(t.requests).toHaveLength(2);
    t.requests[1]!.answer('Minus();');
    expect(await next.completion).toMatchObject({ text: 'Minus();' });
  });
});

describe('a key that asks for a suggestion', () => {
  it('shows what is still right if the person types on in the middle of a line', async () => {
    const t = setUp(likely);
    const rest = { after: ' + rest' };
    const byKey = await asked(t, 'const a = ', { ...rest, invoked: true });
    const next = await asked(t, 'const a = on', rest);
    byKey.answer('oneOfThem');
    expect(await next.completion).toMatchObject({ text: 'eOfThem' });
    expect(t.requests).toHaveLength(1);
  });

  it('begins nothing in the middle of a line if the person types something else', async () => {
    const t = setUp(likely);
    const rest = { after: ' + rest' };
    const byKey = await asked(t, 'const a = ', { ...rest, invoked: true });
    const next = await asked(t, 'const a = tw', rest);
    byKey.stream('oneOfThem');
    expect(await next.completion).toBeUndefined();
    expect(t.requests).toHaveLength(1);
  });

  it('shows all of what was cut because the rest is unlikely', async () => {
    const t = setUp(likely);
    const automatic = await asked(t, 'const a = ');
    automatic.stream('settingsOfEveryFolder', -0.01);
    automatic.stream('(unlikely)', -4);
    automatic.answer('settingsOfEveryFolder(unlikely)');
    expect(await automatic.completion).toMatchObject({ text: 'settingsOfEveryFolder' });
    const invoked = await asked(t, 'const a = ', { invoked: true });
    invoked.answer('settingsOfEveryFolder(unlikely)');
    expect(await invoked.completion).toMatchObject({ text: 'settingsOfEveryFolder(unlikely)' });
  });

  it.each(['', 'another();'])('loses nothing of what is shown if the model then writes %j', async (text) => {
    const t = setUp(likely);
    const automatic = await asked(t, 'const a = ');
    automatic.stream('settingsOfEveryFolder', -0.01);
    automatic.stream('(unlikely)', -4);
    automatic.answer('settingsOfEveryFolder(unlikely)');
    await automatic.completion;
    const resting = await asked(t, 'const a = ', { invoked: true });
    resting.answer(text);
    expect(await resting.completion).toMatchObject({ text: 'settingsOfEveryFolder' });
    expect(await t.completer.complete(t.at('const a = '))).toMatchObject({ text: 'settingsOfEveryFolder' });
  });

  it('brings back what was deleted, and keeps it', async () => {
    const t = setUp(likely);
    await t.completer.complete(t.at('total = sum(parts);', { selections: [] }));
    const invoked = await asked(t, 'total = ', { invoked: true });
    invoked.answer('sum(parts);');
    expect(await invoked.completion).toMatchObject({ text: 'sum(parts);' });
    expect(await t.completer.complete(t.at('total = '))).toMatchObject({ text: 'sum(parts);' });
  });
});

it('what the suggestion list hides does not count as shown', async () => {
  const t = setUp(likely);
  const hidden = await asked(t, 'x = ', { canShow: (text) => text.startsWith('console') });
  hidden.stream('constantValue', -0.01);
  hidden.answer('constantValue');
  expect(await hidden.completion).toBeUndefined();
  // It was never on the screen, so what little is left is not worth showing.
  expect(await t.completer.complete(t.at('x = constantVal', { minChance: 0.09 }))).toBeUndefined();
});

it('a new file keeps its line ends', async () => {
  const t = setUp();
  const place = { languageId: 'python', crlf: true, invoked: true };
  const block = await asked(t, 'def f():', place);
  block.answer('\n    return 1');
  expect(await block.completion).toMatchObject({ text: '\r\n    return 1' });
});
