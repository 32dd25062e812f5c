/** What next edit follows and shows, in an editor that is played. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type * as vscode from 'vscode';
import type { FoundOffer, FromFinder, ToFinder } from '../../../src/next-edit-finder/finder.ts';
import { EditWatch } from '../../../src/extension/next-edit/edit-watch.ts';
import { NextEdit } from '../../../src/extension/next-edit/next-edit.ts';
import { shownLines } from '../../../src/next-edit/index.ts';
import { played, workspace, type Document } from './played-editor.ts';

vi.mock('vscode', () => import('./played-editor.ts'));

/** What the finder was asked and told, and how it answers. */
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
  const made = played.open(name, text);
  const write = (old: string, now: string) =>
    made.write([{ offset: made.getText().indexOf(old), old, text: now }]);
  return { made, document: made as unknown as vscode.TextDocument, write };
}
const show = (document: Document) => played.show(document, true);

beforeEach(() => {
  vi.useFakeTimers();
  played.reset();
  Object.assign(finder, { asked: [], cancelled: [] });
});
afterEach(() => vi.useRealTimers());

const text = 'const load = 1;\nuse(load);\n';

describe('what is followed', () => {
  it('a document of which the language was changed', () => {
    const { made, write } = openDocument('a.ts', text);
    show(made);
    const watch = new EditWatch();
    played.close(made);
    played.openAgain(made);
    write('load', 'read');
    expect(watch.recent()).toMatchObject([{ after: 'const read = 1;' }]);
  });

  it('documents that are shown, once the workspace is trusted or next edits are turned on', () => {
    const { made, write } = openDocument('a.ts', text);
    show(made);
    workspace.isTrusted = false;
    const watch = new EditWatch();
    played.trust();
    write('load', 'read');
    expect(watch.recent()).toHaveLength(1);
    played.enabled = false;
    watch.followVisible();
    expect(watch.recent()).toEqual([]);
    played.enabled = true;
    watch.followVisible();
    write('use', 'take');
    expect(watch.recent()).toHaveLength(1);
  });

  it('the text of a document that is opened again is sent again', () => {
    const first = openDocument('a.ts', text).document;
    const watch = new EditWatch();
    const other = openDocument('b.ts', 'before').made;
    expect(watch.texts(first).changed.map((searched) => searched.text)).toEqual([text, 'before']);
    played.close(other);
    openDocument('b.ts', 'after');
    expect(watch.texts(first).changed.map((searched) => searched.text)).toEqual(['after']);
  });

  it('of many open documents, those that are edited, those that are seen, and the newest are searched', () => {
    const all = Array.from({ length: 50 }, (_, at) => openDocument(`${at}.ts`, text));
    const watch = new EditWatch();
    for (const at of [3, 5]) show(all[at]!.made);
    all[5]!.write('load', 'read');
    const { open, searched } = watch.texts(all[0]!.document);
    expect(open).toHaveLength(50);
    expect(searched).toHaveLength(30);
    expect(searched.slice(0, 5).map((path) => path.replace(/\D/g, ''))).toEqual(['0', '5', '3', '49', '48']);
  });
});

describe('what is offered', () => {
  const warnings: string[] = [];
  let next: NextEdit;
  beforeEach(() => {
    warnings.length = 0;
    next = new NextEdit({
      bundle: (name: string) => name,
      log: { warn: (text: string) => warnings.push(text) },
      completion: { modelFor: () => undefined },
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
  const isThere = () => played.keys.get('forgetMeNot.nextEdit.there');

  /** The definition is renamed, and its use is offered. */
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

  it('only what is in the text of an open document', () => {
    renamed();
    const { made } = openDocument('b.ts', 'use(other);');
    answer([offer('b.ts', 'use(load);')]);
    expect(isThere()).toBe(false);
    played.close(made);
    answer([offer('b.ts', 'use(load);')]);
    expect(isThere()).toBe(true);
  });

  it('in a file that turns out to be another one once it is opened is looked for again', async () => {
    renamed();
    answer([offer('b.ts', 'use(load);')]);
    const questions = asked().length;
    const made = openDocument('b.ts', 'use(other);');
    await played.run('go');
    expect([isThere(), asked().length]).toEqual([false, questions + 1]);
    expect(asked().at(-1)!.open).toContain(made.made.uri.toString());
  });

  it('the key indents where nothing is offered any more', async () => {
    renamed();
    await played.run('next', 'tab');
    expect(played.ran).toEqual(['tab']);
  });
});
