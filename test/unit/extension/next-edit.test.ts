/** What next edit watches and shows, in a fake editor. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type * as vscode from 'vscode';
import type { FoundOffer, FromFinder, ToFinder } from '../../../src/next-edit-finder/finder.ts';
import { EditWatch } from '../../../src/extension/next-edit/edit-watch.ts';
import { NextEdit } from '../../../src/extension/next-edit/next-edit.ts';
import { shownLines } from '../../../src/next-edit/index.ts';
import { fake, workspace, type Document } from './fake-editor.ts';

vi.mock('vscode', () => import('./fake-editor.ts'));

/** The finder's requests and messages, and its answers. */
const finder = vi.hoisted(() => ({
  asked: [] as unknown[],
  cancelled: [] as number[],
  on: undefined as { answer: (answer: unknown) => void } | undefined,
}));
vi.mock('../../../src/next-edit-finder/finder-thread.ts', () => ({
  FinderThread: class {
    constructor(_: string, on: { answer: (answer: unknown) => void }) {
      finder.on = on;
    }
    ask = (asked: unknown) => finder.asked.push(asked) > 0;
    cancel = ({ id }: { id: number }) => finder.cancelled.push(id);
    dispose = () => undefined;
  },
}));

function openDocument(name: string, text: string) {
  const made = fake.open(name, text);
  const write = (old: string, now: string) =>
    made.write([{ offset: made.getText().indexOf(old), old, text: now }]);
  return { made, document: made as unknown as vscode.TextDocument, write };
}
const show = (document: Document) => fake.show(document, true);

beforeEach(() => {
  vi.useFakeTimers();
  fake.reset();
  Object.assign(finder, { asked: [], cancelled: [] });
});
afterEach(() => vi.useRealTimers());

const text = 'const load = 1;\nuse(load);\n';

describe('watches', () => {
  it('a document whose language was changed', () => {
    const { made, write } = openDocument('a.ts', text);
    show(made);
    const watch = new EditWatch();
    fake.close(made);
    fake.openAgain(made);
    write('load', 'read');
    expect(watch.recent()).toMatchObject([{ after: 'const read = 1;' }]);
  });

  it('visible documents, once the workspace is trusted or next edits are turned on', () => {
    const { made, write } = openDocument('a.ts', text);
    show(made);
    workspace.isTrusted = false;
    const watch = new EditWatch();
    fake.trust();
    write('load', 'read');
    expect(watch.recent()).toHaveLength(1);
    fake.enabled = false;
    watch.followVisible();
    expect(watch.recent()).toEqual([]);
    fake.enabled = true;
    watch.followVisible();
    write('use', 'take');
    expect(watch.recent()).toHaveLength(1);
  });

  it('a reopened document, by sending its text again', () => {
    const first = openDocument('a.ts', text).document;
    const watch = new EditWatch();
    const other = openDocument('b.ts', 'before').made;
    expect(watch.texts(first).changed.map((searched) => searched.text)).toEqual([text, 'before']);
    fake.close(other);
    openDocument('b.ts', 'after');
    expect(watch.texts(first).changed.map((searched) => searched.text)).toEqual(['after']);
  });

  it('the edited, the visible and the newest of many open documents, but none of libraries', () => {
    const all = Array.from({ length: 50 }, (_, at) => openDocument(`${at}.ts`, text));
    const libraries = ['file:///elsewhere/6.ts', 'node_modules/x/7.ts', '.venv/lib/8.ts'];
    const [outside] = libraries.map((name) => openDocument(name, text));
    const watch = new EditWatch();
    for (const at of [3, 5]) show(all[at]!.made);
    all[5]!.write('load', 'read');
    const { open, searched } = watch.texts(all[0]!.document);
    expect(open).toHaveLength(53);
    expect(searched).toHaveLength(30);
    const numbers = (paths: string[]) => paths.slice(0, 5).map((path) => path.replace(/\D/g, ''));
    expect(numbers(searched)).toEqual(['0', '5', '3', '49', '48']);
    show(outside!.made);
    outside!.write('load', 'read');
    expect(numbers(watch.texts(all[0]!.document).searched)).toEqual(['0', '6', '5', '3', '49']);
    workspace.workspaceFolders = undefined;
    expect(numbers(watch.texts(all[0]!.document).searched)).toEqual(['0', '6', '5', '3', '8']);
  });
});

describe('an offer', () => {
  const warnings: string[] = [];
  const ghostText = {
    isShowing: false,
    changed: () => undefined as void,
    onDidChangeShown: (listener: () => void) => (
      (ghostText.changed = listener),
      { dispose: () => undefined }
    ),
    set(isShowing: boolean) {
      ghostText.isShowing = isShowing;
      ghostText.changed();
    },
  };
  const completion = { modelFor: () => undefined, isTabTaken: false, acceptance: ghostText };
  let next: NextEdit;
  beforeEach(() => {
    warnings.length = 0;
    next = new NextEdit({
      bundle: (name: string) => name,
      log: { warn: (text: string) => warnings.push(text) },
      completion,
    } as never);
  });
  afterEach(() => next.dispose());

  const asked = () => finder.asked as ToFinder[];
  const answer = (offers: FoundOffer[], more: Partial<FromFinder> = {}) =>
    finder.on!.answer({ id: asked().at(-1)!.id, offers, ...more });
  const offer = (name: string, whole: string): FoundOffer => {
    const start = whole.lastIndexOf('load');
    const parts = [{ start, end: start + 4, text: 'read' }];
    const found = { line: 1, parts, why: 'rename' as const, pattern: 'p', shown: parts };
    return { ...found, path: `file:///w/${name}`, ...shownLines(whole, parts) };
  };
  const isThere = () => fake.keys.get('forgetMeNot.nextEdit.there');

  /** Renames the definition; its use is offered. */
  function renamed() {
    const made = openDocument('a.ts', text);
    show(made.made);
    made.write('load', 'read');
    vi.runAllTimers();
    answer([offer('a.ts', made.made.getText())]);
    expect(isThere()).toBe(true);
    return made;
  }

  it('stays while a document in the background changes, and is withdrawn by the next key', () => {
    const log = openDocument('log.ts', 'one');
    show(log.made);
    const { write } = renamed();
    const [questions, withdrawn] = [asked().length, finder.cancelled.length];
    log.write('one', 'two');
    vi.runAllTimers();
    expect([isThere(), asked().length, finder.cancelled.length]).toEqual([true, questions, withdrawn]);
    write('use', 'take');
    expect(isThere()).toBe(false);
    expect(finder.cancelled.at(-1)).toBeGreaterThan(asked().at(-1)!.id);
    vi.runAllTimers();
    expect(asked()).toHaveLength(questions + 1);
  });

  it('stays if the files could not be searched', () => {
    renamed();
    answer([], { error: 'no' });
    expect([isThere(), warnings.length]).toEqual([true, 1]);
  });

  it('is only made if its text is in the open document', () => {
    renamed();
    const { made } = openDocument('b.ts', 'use(other);');
    answer([offer('b.ts', 'use(load);')]);
    expect(isThere()).toBe(false);
    fake.close(made);
    answer([offer('b.ts', 'use(load);')]);
    expect(isThere()).toBe(true);
  });

  it('is not made in a closed file whose language has next edits turned off', () => {
    renamed();
    fake.off = 'markdown';
    answer([offer('README.md', 'use(load);')]);
    expect(isThere()).toBe(false);
    answer([offer('README.md', 'use(load);'), offer('b.ts', 'use(load);')]);
    expect(isThere()).toBe(true);
  });

  it('is made in a closed file of unknown language, though it is turned off in plain text', () => {
    renamed();
    fake.off = 'plaintext';
    answer([offer('notes.txt', 'use(load);')]);
    expect(isThere()).toBe(false);
    answer([offer('theme.scss', 'use(load);')]);
    expect(isThere()).toBe(true);
  });

  it('is searched for again if its file has changed by the time it is opened', async () => {
    renamed();
    answer([offer('b.ts', 'use(load);')]);
    const questions = asked().length;
    const made = openDocument('b.ts', 'use(other);');
    await fake.run('go');
    expect([isThere(), asked().length]).toEqual([false, questions + 1]);
    expect(asked().at(-1)!.open).toContain(made.made.uri.toString());
  });

  it('that is gone lets the key indent', async () => {
    renamed();
    await fake.run('next', 'tab');
    expect(fake.ran).toEqual(['tab']);
  });

  describe('of an import', () => {
    /** Types the use of a name that is not imported, which the language's extension then reports. */
    async function used(name = 'price', file = 'a.ts') {
      const added = `import { ${name} } from './price';\n`;
      const { made } = openDocument(file, 'one();\nuse(load);\n');
      const editor = fake.show(made);
      fake.moveTo('one', 0, 'one('.length);
      fake.type(name);
      const at = made.getText().indexOf(name);
      const range = { start: made.positionAt(at), end: made.positionAt(at + name.length) };
      fake.diagnostics = [{ severity: 0, range: range as never, message: `Cannot find name '${name}'.` }];
      const top = made.positionAt(0);
      const edit = { range: { start: top, end: top }, newText: added };
      fake.fixes = [{ title: 'Add import from "./price"', edit: { entries: () => [[made.uri, [edit]]] } }];
      fake.report(made);
      await vi.runAllTimersAsync();
      return { made, editor };
    }
    const hint = () => fake.shown().filter((text) => text.includes('Add import'));
    const tab = () => fake.keys.get('forgetMeNot.nextEdit.tab') ?? false;

    it('is applied by Tab where the name was written, and the cursor stays', async () => {
      const { made, editor } = await used();
      expect(hint()).toEqual(['⇥ Tab: Add import from "./price"']);
      await fake.tab();
      expect(made.getText()).toBe("import { price } from './price';\none(price);\nuse(load);\n");
      // The report is still of the text before.
      await vi.runAllTimersAsync();
      expect([isThere(), editor.document.done.length]).toEqual([false, 2]);
    });

    it('shows its key beside no completion, whose key it is', async () => {
      await used();
      ghostText.set(true);
      expect([hint(), completion.isTabTaken]).toEqual([[], false]);
      ghostText.set(false);
      expect(hint()).toHaveLength(1);
    });

    it('leaves Tab alone on other lines, and is withdrawn by Escape for good', async () => {
      const { made } = await used();
      fake.moveTo('\n', 0, 1);
      expect([isThere(), tab(), hint()]).toEqual([true, false, []]);
      fake.moveTo('price', 0, 'price'.length);
      expect(tab()).toBe(true);
      await fake.run('dismiss');
      fake.report(made);
      await vi.runAllTimersAsync();
      expect([isThere(), tab()]).toEqual([false, false]);
    });

    it('comes first only where it is applied from', async () => {
      const { made } = await used();
      answer([offer('a.ts', made.getText())]);
      expect(hint()).toEqual(['⇥ Tab: Add import from "./price"']);
      fake.moveTo('use');
      await fake.run('next');
      expect(made.getText()).toBe('one(price);\nuse(read);\n');
      // Waits for the finder.
      expect([isThere(), tab()]).toEqual([true, true]);
      fake.moveTo('price', 0, 'price'.length);
      await fake.run('next');
      expect(made.getText()).toBe("import { price } from './price';\none(price);\nuse(read);\n");
    });

    it('is offered of a large text if it was put in at the cursor', async () => {
      await used('price'.repeat(100));
      expect(isThere()).toBe(true);
    });

    it('is asked for after a pause, one search at a time, and the newest one counts', async () => {
      const { made } = await used();
      expect(fake.fixesAsked).toBe(1);
      const fixes = await fake.fixes;
      let resolve: (fixes: unknown[]) => void = () => undefined;
      fake.fixes = new Promise((done) => (resolve = done));
      for (let time = 0; time < 3; time += 1) fake.report(made);
      await vi.runAllTimersAsync();
      fake.report(made);
      await vi.runAllTimersAsync();
      expect(fake.fixesAsked).toBe(2);
      fake.fixes = [];
      resolve(fixes);
      await vi.runAllTimersAsync();
      expect([fake.fixesAsked, isThere()]).toEqual([3, false]);
    });

    it('is asked for once for each name that may lack it', async () => {
      const { made } = await used('aa, bb, cc, price');
      const problem = (text: string, message: string, tags?: number[]) => {
        const at = made.getText().indexOf(text);
        const range = { start: made.positionAt(at), end: made.positionAt(at + text.length) };
        return { severity: 0, range: range as never, message, tags };
      };
      fake.diagnostics = [
        problem('aa', "'aa' is assigned a value but never used."),
        problem('bb', 'Unused variable: bb'),
        problem('cc', 'cc is declared.', [1]),
        problem(',', "',' expected."),
        problem('price', "Cannot find name 'price'."),
        problem('price', "'price' is not defined."),
      ];
      fake.report(made);
      await vi.runAllTimersAsync();
      expect([fake.fixesAsked, isThere()]).toEqual([1, true]);
    });

    it('is gone to where its name is used, and added there, by the status bar too', async () => {
      const { made } = await used();
      for (const command of ['next', 'go']) {
        fake.moveTo('load');
        await fake.run(command);
        expect(fake.editor().selection.active).toEqual(made.positionAt('one(price'.length));
        // So that the palette has its command.
        expect([tab(), fake.keys.get('forgetMeNot.nextEdit.here')]).toEqual([true, true]);
      }
      await fake.run('go');
      expect(made.getText()).toMatch(/^import \{ price \}/);
    });

    it('is shown on one line, cut, whatever its extension calls it', async () => {
      const { made } = await used();
      const [fix] = (await fake.fixes) as [object];
      fake.fixes = [{ ...fix, title: `Add import\n\u202e${'x'.repeat(200)}` }];
      fake.report(made);
      await vi.runAllTimersAsync();
      expect(hint()).toEqual([`⇥ Tab: Add import\\n\\u202e${'x'.repeat(67)}…`]);
    });

    it('is offered of another name of a module of which one was dismissed', async () => {
      await used();
      await fake.run('dismiss');
      await used('prices', 'b.ts');
      expect(isThere()).toBe(true);
    });

    it('is not made for what stood there before, or what a linter thinks of another name', async () => {
      await used();
      fake.diagnostics = fake.diagnostics.map((one) => ({ ...one, message: 'Missing semicolon.' }));
      fake.report(fake.editor().document);
      await vi.runAllTimersAsync();
      expect(isThere()).toBe(false);
      const { made } = openDocument('b.ts', 'one(price);\n');
      fake.show(made);
      const range = { start: made.positionAt(4), end: made.positionAt(9) };
      fake.diagnostics = [{ severity: 0, range: range as never, message: "Cannot find name 'price'." }];
      fake.report(made);
      await vi.runAllTimersAsync();
      expect(isThere()).toBe(false);
    });

    it('lets ghost text come first', async () => {
      await used();
      expect([tab(), completion.isTabTaken]).toEqual([true, false]);
    });
  });
});
