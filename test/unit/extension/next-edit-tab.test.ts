/** One key through next edits, in an editor that is played; what is found is found by the rules. */
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FromFinder, ToFinder } from '../../../src/next-edit-finder/finder.ts';
import { NextEdit } from '../../../src/extension/next-edit/next-edit.ts';
import { partsShown, search, shownLines, type SearchedText } from '../../../src/next-edit/index.ts';
import { manifestIn } from '../../support/manifest.ts';
import { extensions, played, Position, Range, type Document } from './played-editor.ts';

vi.mock('vscode', () => import('./played-editor.ts'));

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
/** As the thread answers. */
function answer(asked = finder.asked.at(-1) as ToFinder, more: Partial<FromFinder> = {}): void {
  for (const text of asked.changed) texts.set(text.path, text);
  const { path, place, unwanted } = asked;
  const searched = asked.searched.map((path) => texts.get(path)!);
  const { offers } = search(asked.edits, searched, { path, place, unwanted: new Set(unwanted) });
  const found = offers.map((offer) => {
    const { text } = texts.get(offer.path)!;
    return { ...offer, ...shownLines(text, offer.parts), shown: partsShown(text, offer) };
  });
  finder.on!.answer({ id: asked.id, offers: found, ...more });
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
let [a, b] = [] as unknown as [Document, Document];
beforeEach(() => {
  vi.useFakeTimers();
  played.reset();
  texts.clear();
  Object.assign(finder, { asked: [], isQuick: true, works: true });
  next = new NextEdit({
    bundle: (name: string) => name,
    log: { warn: () => undefined },
    completion: { modelFor: () => undefined },
  } as never);
  a = played.open('a.ts', before);
  b = played.open('b.ts', other);
  played.show(a);
});
afterEach(async () => {
  await next.dispose();
  vi.useRealTimers();
});

/** The definition is renamed, and the person rests. */
async function rename(): Promise<void> {
  played.replace('load', 'read');
  await vi.advanceTimersByTimeAsync(400);
}
const isOurs = () => played.keys.get('forgetMeNot.nextEdit.tab') === true;
const tabs = async (times: number) => {
  for (let time = 0; time < times; time += 1) await played.tab();
};

describe('Tab', () => {
  it('goes to each place and applies it, in another file as well', async () => {
    await rename();
    await tabs(1);
    expect([played.editor().selection.active.line, a.getText()]).toEqual([
      43,
      before.replace('load', 'read'),
    ]);
    await tabs(3);
    expect(a.getText()).toBe(renamed(before));
    await tabs(1);
    expect([played.editor().document, b.getText()]).toEqual([b, other]);
    await tabs(1);
    expect([b.getText(), played.ran]).toEqual([renamed(other), []]);
  });

  it('goes on at once: the others are offered before the finder has answered again', async () => {
    await rename();
    finder.isQuick = false;
    await tabs(4);
    expect([a.getText(), isOurs(), played.ran]).toEqual([renamed(before), true, []]);
  });

  it('pressed several times before the first is done, takes its turns', async () => {
    await rename();
    await Promise.all(Array.from({ length: 6 }, () => played.run('next', 'tab')));
    expect([a.getText(), b.getText(), played.ran]).toEqual([renamed(before), renamed(other), []]);
  });

  it('waits for what is found after the last place, and is a tab where nothing is', async () => {
    await rename();
    await tabs(5);
    finder.isQuick = false;
    await tabs(1);
    expect(isOurs()).toBe(true);
    const pressed = played.tab();
    await vi.advanceTimersByTimeAsync(0);
    expect(played.ran).toEqual([]);
    answer();
    await pressed;
    expect([played.ran, isOurs()]).toEqual([['tab'], false]);
  });

  it.each([
    ['does not answer', () => undefined],
    ['ends', () => finder.on!.lost('it ended')],
    ['can not be asked', () => undefined],
  ])('is a tab after a moment if the finder %s', async (how, happens) => {
    await rename();
    await tabs(5);
    finder.isQuick = false;
    finder.works = how !== 'can not be asked';
    await tabs(1);
    const pressed = played.tab();
    await vi.advanceTimersByTimeAsync(0);
    happens();
    await vi.advanceTimersByTimeAsync(1000);
    await pressed;
    expect(played.ran).toEqual(['tab']);
  });

  it('goes on to the next place where one can not be written', async () => {
    await rename();
    await tabs(1);
    vi.spyOn(played.editor(), 'edit').mockResolvedValueOnce(false);
    await tabs(1);
    expect(a.getText()).toBe(before.replace('load', 'read'));
    await tabs(2);
    expect(a.getText()).toBe(before.replace('load', 'read').replace('load(b)', 'read(b)'));
  });

  it('keeps what is offered in files until they are searched again', async () => {
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
      played.moveTo(text, 0, by);
      expect(isOurs()).toBe(false);
    }
  });

  it('once the cursor was moved elsewhere, but not at the place', async () => {
    await rename();
    played.moveTo('return', 0, 6);
    expect(isOurs()).toBe(false);
    played.moveTo('load(b)');
    expect(isOurs()).toBe(false);
    played.moveTo('load(a)');
    expect(isOurs()).toBe(true);
    await tabs(1);
    expect(a.getText()).toContain('read(a)');
  });

  it('once more was typed, until one of the places is taken with another key', async () => {
    await rename();
    played.moveTo('price', 0, 5);
    played.type('s');
    expect(isOurs()).toBe(false);
    await vi.advanceTimersByTimeAsync(400);
    expect([isOurs(), played.keys.get('forgetMeNot.nextEdit.there')]).toEqual([false, true]);
    await played.run('next');
    await played.run('next');
    expect(a.getText()).toContain('read(a)');
    expect(isOurs()).toBe(true);
  });

  it('after Escape', async () => {
    await rename();
    await played.run('dismiss');
    expect(isOurs()).toBe(false);
    await vi.advanceTimersByTimeAsync(400);
    await played.tab();
    expect(played.ran).toEqual(['tab']);
  });

  it('with a selection', async () => {
    await rename();
    const { editor } = played;
    const { selection } = editor();
    played.moveTo('export');
    editor().selection = Object.assign(Object.create(selection) as typeof selection, {
      start: editor().selection.start,
      end: selection.end,
    });
    expect(isOurs()).toBe(false);
  });
});

describe('undo', () => {
  it('gives the offer back at once, Tab applies it again, and redo takes it', async () => {
    await rename();
    await tabs(2);
    finder.isQuick = false;
    played.undo();
    expect(a.getText()).toBe(before.replace('load', 'read'));
    expect(isOurs()).toBe(true);
    await tabs(1);
    expect(a.getText()).toContain('read(a)');
    played.undo();
    played.redo();
    expect(a.getText()).toContain('read(a)');
    await tabs(2);
    expect(a.getText()).toBe(renamed(before));
    played.undo();
    played.undo();
    await tabs(4);
    expect([a.getText(), played.ran]).toEqual([renamed(before), []]);
  });

  it('is no refusal', async () => {
    await rename();
    await tabs(2);
    played.undo();
    await vi.advanceTimersByTimeAsync(400);
    expect(isOurs()).toBe(true);
    await tabs(4);
    expect(a.getText()).toBe(renamed(before));
  });

  it('is heard where the cursor is still told in a line that is gone', async () => {
    await rename();
    played.moveTo('load(b);', 0, 8);
    played.type('\n\n\nuse(b);');
    await vi.advanceTimersByTimeAsync(400);
    played.undo();
    await vi.advanceTimersByTimeAsync(400);
    await played.run('next');
    expect(played.editor().selection.active.line).toBe(43);
  });

  it('of the edit itself withdraws all', async () => {
    await rename();
    await tabs(2);
    played.undo();
    played.undo();
    expect([a.getText(), isOurs()]).toEqual([before, false]);
    await vi.advanceTimersByTimeAsync(400);
    expect([isOurs(), played.keys.get('forgetMeNot.nextEdit.there')]).toEqual([false, false]);
  });
});

describe('the keys beside the offer', () => {
  it('are at the cursor where the place is not in sight, and at the place where it is', async () => {
    await rename();
    expect(played.shown()).toEqual(['read', '⇥ Tab: next edit, line 44']);
    await tabs(1);
    expect(played.shown()).toEqual(['read', '⇥ Tab applies, Alt+[ skips']);
    await tabs(3);
    expect(played.shown()).toEqual(['⇥ Tab: next edit, b.ts, line 1']);
    played.moveTo('price');
    expect(played.shown()).toEqual([]);
  });

  it('name the key that works', async () => {
    await rename();
    played.editor().visibleRanges = [new Range(new Position(30, 0), new Position(45, 0))];
    played.moveTo('read', 0, 4);
    expect(played.shown()).toEqual(['read', '⇥ Tab goes here']);
    played.moveTo('price', 0, 5);
    expect(played.shown()).toEqual(['read', 'Alt+] goes here']);
    vi.spyOn(extensions, 'getExtension').mockImplementation(() => ({ isActive: true }));
    played.moveTo('read', 0, 4);
    expect(played.shown()).toEqual(['read', 'Alt+] goes here']);
    vi.restoreAllMocks();
  });
});

describe('the binding of Tab', () => {
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

  // VS Code's own inline edits are Copilot's, and ghost text is anybody's.
  it.each<Record<string, unknown>>([
    { 'vim.active': true, 'vim.mode': 'Normal' },
    { 'neovim.init': true, 'neovim.mode': 'normal' },
    { 'forgetMeNot.nextEdit.tab': false },
    ...['inlineEditIsVisible', 'inlineSuggestionVisible', 'suggestWidgetVisible', 'inSnippetMode'].map(set),
    ...['hasSnippetCompletions', 'hasOtherSuggestions', 'editorTabMovesFocus', 'editorReadonly'].map(set),
    ...['editorHasSelection', 'editorHasMultipleSelections'].map(set),
  ])('yields to %j', (keys) => expect(holds(keys)).toBe(false));
});
