/** A single key to step through next edits, in a fake editor; the finder uses the real rules. */
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FromFinder, ToFinder } from '../../../src/next-edit-finder/finder.ts';
import { NextEdit } from '../../../src/extension/next-edit/next-edit.ts';
import { partsShown, search, shownLines, type SearchedText } from '../../../src/next-edit/index.ts';
import { manifestIn } from '../../support/manifest.ts';
import { extensions, fake, Position, Range, type Document } from './fake-editor.ts';

vi.mock('vscode', () => import('./fake-editor.ts'));

const finder = vi.hoisted(() => ({
  on: undefined as { answer: (answer: unknown) => void; lost: (why: string) => void } | undefined,
  asked: [] as unknown[],
  /** Answers at once; otherwise when the test says so. */
  isQuick: true,
  works: true,
}));
vi.mock('../../../src/next-edit-finder/finder-thread.ts', () => ({
  FinderThread: class {
    constructor(_: string, on: typeof finder.on) {
      finder.on = on;
    }
    ask = (asked: ToFinder) => {
      finder.asked.push(asked);
      if (finder.isQuick) void Promise.resolve().then(() => answer(asked));
      return finder.works;
    };
    cancel = () => undefined;
    dispose = () => undefined;
  },
}));

const texts = new Map<string, SearchedText>();
/** Answers like the thread. */
function answer(asked = finder.asked.at(-1) as ToFinder, more: Partial<FromFinder> = {}): void {
  for (const text of asked.changed) texts.set(text.path, text);
  const { path, place, editedAt, unwanted } = asked;
  const searched = asked.searched.map((path) => texts.get(path)!);
  const { offers, continued } = search(asked.edits, searched, {
    path,
    place,
    editedAt,
    unwanted: new Set(unwanted),
  });
  const found = offers.map((offer) => {
    const { text } = texts.get(offer.path)!;
    return { ...offer, ...shownLines(text, offer.parts), shown: partsShown(text, offer) };
  });
  finder.on!.answer({ id: asked.id, offers: found, continued, ...more });
}

const filler = '// Something else.\n'.repeat(40);
const before = `export function load(item) {
  return item.price;
}
${filler}const first = load(a);
const second = load(b);
`;
const other = "import { load } from './a.ts';\n";
const renamed = (text: string) => text.replaceAll('load', 'read');

let next: NextEdit;
/** Ghost text leaves Tab alone while it is ours. */
const acceptance = { isShowing: false, onDidChangeShown: () => ({ dispose: () => undefined }) };
const completion = { modelFor: () => undefined, isTabTaken: false, acceptance };
let [a, b] = [] as unknown as [Document, Document];
beforeEach(() => {
  vi.useFakeTimers();
  fake.reset();
  texts.clear();
  Object.assign(finder, { asked: [], isQuick: true, works: true });
  completion.isTabTaken = false;
  next = new NextEdit({
    bundle: (name: string) => name,
    log: { warn: () => undefined },
    completion,
  } as never);
  a = fake.open('a.ts', before);
  b = fake.open('b.ts', other);
  fake.show(a);
});
afterEach(async () => {
  await next.dispose();
  vi.useRealTimers();
});

/** Renames the definition, then pauses. */
async function rename(): Promise<void> {
  fake.replace('load', 'read');
  await vi.advanceTimersByTimeAsync(400);
}
const isOurs = () => {
  const isTaken = fake.keys.get('forgetMeNot.nextEdit.tab') === true;
  expect(completion.isTabTaken).toBe(isTaken);
  return isTaken;
};
const tabs = async (times: number) => {
  for (let time = 0; time < times; time += 1) await fake.tab();
};

describe('Tab', () => {
  it('goes to each place and applies it, in other files too', async () => {
    await rename();
    await tabs(1);
    expect([fake.editor().selection.active.line, a.getText()]).toEqual([43, before.replace('load', 'read')]);
    await tabs(3);
    expect(a.getText()).toBe(renamed(before));
    await tabs(1);
    expect([fake.editor().document, b.getText()]).toEqual([b, other]);
    await tabs(1);
    expect([b.getText(), fake.ran]).toEqual([renamed(other), []]);
  });

  it('goes on from a place that was edited by hand', async () => {
    await rename();
    fake.replace('load(a)', 'read(a)');
    await vi.advanceTimersByTimeAsync(400);
    await tabs(2);
    expect(a.getText()).toBe(renamed(before));
  });

  it('continues at once: the others are offered before the finder has answered again', async () => {
    await rename();
    finder.isQuick = false;
    await tabs(4);
    expect([a.getText(), isOurs(), fake.ran]).toEqual([renamed(before), true, []]);
  });

  it('pressed several times before the first is done, runs in sequence', async () => {
    await rename();
    await Promise.all(Array.from({ length: 6 }, () => fake.run('next', 'tab')));
    expect([a.getText(), b.getText(), fake.ran]).toEqual([renamed(before), renamed(other), []]);
  });

  it('waits for the finder after the last place, and indents if there is none', async () => {
    await rename();
    await tabs(5);
    finder.isQuick = false;
    await tabs(1);
    expect(isOurs()).toBe(true);
    const pressed = fake.tab();
    await vi.advanceTimersByTimeAsync(0);
    expect(fake.ran).toEqual([]);
    answer();
    await pressed;
    expect([fake.ran, isOurs()]).toEqual([['tab'], false]);
  });

  it.each([
    ['does not answer', () => undefined],
    ['ends', () => finder.on!.lost('it ended')],
    ["can't be asked", () => undefined],
  ])('indents after a moment if the finder %s', async (how, happens) => {
    await rename();
    await tabs(5);
    finder.isQuick = false;
    finder.works = how !== "can't be asked";
    await tabs(1);
    const pressed = fake.tab();
    await vi.advanceTimersByTimeAsync(0);
    happens();
    await vi.advanceTimersByTimeAsync(1000);
    await pressed;
    expect(fake.ran).toEqual(['tab']);
  });

  it("continues with the next place if one can't be written", async () => {
    await rename();
    await tabs(1);
    vi.spyOn(fake.editor(), 'edit').mockResolvedValueOnce(false);
    await tabs(1);
    expect(a.getText()).toBe(before.replace('load', 'read'));
    await tabs(2);
    expect(a.getText()).toBe(before.replace('load', 'read').replace('load(b)', 'read(b)'));
  });

  it('keeps offers in files until they are searched again', async () => {
    await rename();
    await tabs(3);
    finder.isQuick = false;
    await tabs(1);
    const { id } = finder.asked.at(-1) as ToFinder;
    const [path, text] = ['file:///w/c.ts', 'load(c);'];
    const parts = [{ start: 0, end: 4, text: 'read' }];
    const inFile = {
      path,
      line: 0,
      parts,
      shown: parts,
      why: 'rename',
      pattern: 'p',
      ...shownLines(text, parts),
    };
    finder.on!.answer({ id, offers: [inFile] });
    finder.on!.answer({ id, offers: [], more: true });
    expect(isOurs()).toBe(true);
    finder.on!.answer({ id, offers: [] });
    expect(isOurs()).toBe(false);
  });
});

describe('Tab is left alone', () => {
  it('where it indents', async () => {
    await rename();
    for (const [text, by] of [
      ['  return', 0],
      ['  return', 2],
      ['export', 0],
    ] as const) {
      fake.moveTo(text, 0, by);
      expect(isOurs()).toBe(false);
    }
  });

  it('after the cursor moved elsewhere, except to the place', async () => {
    await rename();
    fake.moveTo('return', 0, 6);
    expect(isOurs()).toBe(false);
    fake.moveTo('load(b)');
    expect(isOurs()).toBe(false);
    fake.moveTo('load(a)');
    expect(isOurs()).toBe(true);
    await tabs(1);
    expect(a.getText()).toContain('read(a)');
  });

  it('after further typing, until one of the places is accepted with another key', async () => {
    await rename();
    fake.moveTo('price', 0, 5);
    fake.type('s');
    expect(isOurs()).toBe(false);
    await vi.advanceTimersByTimeAsync(400);
    expect([isOurs(), fake.keys.get('forgetMeNot.nextEdit.there')]).toEqual([false, true]);
    await fake.run('next');
    await fake.run('next');
    expect(a.getText()).toContain('read(a)');
    expect(isOurs()).toBe(true);
  });

  it('after Escape', async () => {
    await rename();
    await fake.run('dismiss');
    expect(isOurs()).toBe(false);
    await vi.advanceTimersByTimeAsync(400);
    await fake.tab();
    expect(fake.ran).toEqual(['tab']);
  });

  it('after Escape, also if another pattern fits the same places', async () => {
    const line = "import { calculateEverything } from './calculate.ts';\n";
    const files = ['c.ts', 'd.ts', 'e.ts'].map((name) => fake.open(name, line));
    const definition = fake.open('calculate.ts', 'export function calculateEverything() {}\n\nother();\n');
    fake.show(definition);
    fake.replace('calculateEverything', 'computeEverything');
    await vi.advanceTimersByTimeAsync(400);
    // The same line in two files: now it is also one to replace wherever it is.
    await tabs(4);
    const left = files.filter((file) => file.getText() === line);
    expect([left.length, isOurs()]).toEqual([1, true]);
    await fake.run('dismiss');
    fake.show(definition);
    fake.moveTo('other', 0, 5);
    fake.type('s');
    await vi.advanceTimersByTimeAsync(400);
    expect([isOurs(), fake.keys.get('forgetMeNot.nextEdit.there')]).toEqual([false, false]);
  });

  it('where something else was typed before the offers were there', async () => {
    fake.replace('load', 'read');
    fake.moveTo('price', 0, 5);
    fake.type('s');
    await vi.advanceTimersByTimeAsync(400);
    expect([isOurs(), fake.keys.get('forgetMeNot.nextEdit.there')]).toEqual([false, true]);
    fake.moveTo('load(a)');
    expect(isOurs()).toBe(true);
  });

  it('with a selection', async () => {
    await rename();
    const { editor } = fake;
    const { selection } = editor();
    fake.moveTo('export');
    editor().selection = Object.assign(Object.create(selection) as typeof selection, {
      start: editor().selection.start,
      end: selection.end,
    });
    expect(isOurs()).toBe(false);
  });
});

it('belongs to the newest change, although the cursor has left its line before the search', async () => {
  fake.replace('load', 'read');
  fake.moveTo('price', 0, 0);
  await vi.advanceTimersByTimeAsync(400);
  expect(isOurs()).toBe(true);
});

describe('undo', () => {
  it('brings the offer back at once, Tab applies it again, and redo accepts it', async () => {
    await rename();
    await tabs(2);
    finder.isQuick = false;
    fake.undo();
    expect(a.getText()).toBe(before.replace('load', 'read'));
    expect(isOurs()).toBe(true);
    await tabs(1);
    expect(a.getText()).toContain('read(a)');
    fake.undo();
    fake.redo();
    expect(a.getText()).toContain('read(a)');
    await tabs(2);
    expect(a.getText()).toBe(renamed(before));
    fake.undo();
    fake.undo();
    await tabs(4);
    expect([a.getText(), fake.ran]).toEqual([renamed(before), []]);
  });

  it('brings the offer back after another one was skipped', async () => {
    await rename();
    await tabs(2);
    await fake.run('skip');
    fake.undo();
    expect(isOurs()).toBe(true);
    await tabs(1);
    expect(a.getText()).toContain('read(a)');
  });

  it('does not count as a rejection', async () => {
    await rename();
    await tabs(2);
    fake.undo();
    await vi.advanceTimersByTimeAsync(400);
    expect(isOurs()).toBe(true);
    await tabs(4);
    expect(a.getText()).toBe(renamed(before));
  });

  it('is recognised while the cursor is still reported in a line that no longer exists', async () => {
    await rename();
    fake.moveTo('load(b);', 0, 8);
    fake.type('\n\n\nuse(b);');
    await vi.advanceTimersByTimeAsync(400);
    fake.undo();
    await vi.advanceTimersByTimeAsync(400);
    await fake.run('next');
    expect(fake.editor().selection.active.line).toBe(43);
  });

  it('of the edit itself withdraws everything', async () => {
    await rename();
    await tabs(2);
    fake.undo();
    fake.undo();
    expect([a.getText(), isOurs()]).toEqual([before, false]);
    await vi.advanceTimersByTimeAsync(400);
    expect([isOurs(), fake.keys.get('forgetMeNot.nextEdit.there')]).toEqual([false, false]);
  });
});

describe('the keys shown with the offer', () => {
  it('are at the cursor if the place is out of sight, and else at the place', async () => {
    await rename();
    expect(fake.shown()).toEqual(['read', '⇥ Tab: next edit, line 44']);
    await tabs(1);
    expect(fake.shown()).toEqual(['read', '⇥ Tab applies, Alt+[ skips']);
    await tabs(3);
    expect(fake.shown()).toEqual(['⇥ Tab: next edit, b.ts, line 1']);
    fake.moveTo('price');
    expect(fake.shown()).toEqual([]);
  });

  it('follow the new text at the end of a line', async () => {
    const values = fake.open('values.ts', 'const load = 1;\nlet x =\n  load\n');
    fake.show(values);
    await rename();
    await tabs(1);
    expect([values.getText(), fake.drawn(2)]).toEqual([
      'const read = 1;\nlet x =\n  load\n',
      '  load<read><⇥ Tab applies, Alt+[ skips>',
    ]);
  });

  it('are at a shorter line beside a long one, which may reach to the edge of the editor', async () => {
    const long = `  ${'value + '.repeat(10)}load(a);`;
    const lines = [
      'export function load(item) {}',
      'const sum =',
      long,
      "log('The sum of all of them:', sum);",
    ];
    fake.show(fake.open('long.ts', lines.join('\n')));
    await rename();
    expect([1, 2, 3].map(fake.drawn)).toEqual([
      'const sum =<⇥ Tab: next edit, line 3>',
      `  ${'value + '.repeat(10)}load<read>(a);`,
      lines[3],
    ]);
    await tabs(1);
    expect(fake.drawn(1)).toBe('const sum =<⇥ Tab applies, Alt+[ skips>');
    expect(fake.drawn(2)).not.toContain('Tab');
  });

  it('are at its line if that is all that is visible', async () => {
    const long = `  ${'value + '.repeat(10)}load(a);`;
    fake.show(fake.open('long.ts', `export function load(item) {}\nconst sum =\n${long}`));
    await rename();
    fake.editor().visibleRanges = [new Range(new Position(2, 0), new Position(2, 0))];
    await tabs(1);
    expect(fake.drawn(2)).toBe(`  ${'value + '.repeat(10)}load<read>(a);<⇥ Tab applies, Alt+[ skips>`);
  });

  it('name the key that works', async () => {
    await rename();
    fake.editor().visibleRanges = [new Range(new Position(30, 0), new Position(45, 0))];
    fake.moveTo('read', 0, 4);
    expect(fake.shown()).toEqual(['read', '⇥ Tab goes here']);
    fake.moveTo('price', 0, 5);
    expect(fake.shown()).toEqual(['read', 'Alt+] goes here']);
    vi.spyOn(extensions, 'getExtension').mockImplementation(() => ({ isActive: true }));
    fake.moveTo('read', 0, 4);
    expect(fake.shown()).toEqual(['read', 'Alt+] goes here']);
    vi.restoreAllMocks();
  });
});

describe('the key binding of Tab', () => {
  const set = (key: string) => ({ [key]: true });
  const { contributes } = manifestIn<{ contributes: { keybindings: { key: string; when: string }[] } }>('en');
  const { when } = contributes.keybindings.find(({ key }) => key === 'tab')!;
  const expression = when.replace(/'[^']*'|[A-Za-z][\w.]*/g, (word) =>
    word.startsWith("'") ? word : `keys[${JSON.stringify(word)}]`,
  );
  const holds = (more: Record<string, unknown>) =>
    runInNewContext(`Boolean(${expression})`, {
      keys: { 'forgetMeNot.nextEdit.tab': true, editorTextFocus: true, ...more },
    }) as boolean;

  it.each<Record<string, unknown>>([
    {},
    { 'vim.active': true, 'vim.mode': 'Insert' },
    { 'neovim.init': true, 'neovim.mode': 'insert' },
  ])('holds with %j', (keys) => expect(holds(keys)).toBe(true));

  // VS Code's own inline edits come from Copilot, and ghost text from any extension.
  it.each<Record<string, unknown>>([
    { 'vim.active': true, 'vim.mode': 'Normal' },
    { 'neovim.init': true, 'neovim.mode': 'normal' },
    { 'forgetMeNot.nextEdit.tab': false },
    ...['inlineEditIsVisible', 'inlineSuggestionVisible', 'suggestWidgetVisible', 'inSnippetMode'].map(set),
    ...['hasSnippetCompletions', 'hasOtherSuggestions', 'editorTabMovesFocus', 'editorReadonly'].map(set),
    ...['editorHasSelection', 'editorHasMultipleSelections'].map(set),
  ])('yields to %j', (keys) => expect(holds(keys)).toBe(false));
});
