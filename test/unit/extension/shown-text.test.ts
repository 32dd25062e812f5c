import { describe, expect, it } from 'vitest';
import { ShownText, type Effect } from '../../../src/extension/completion/shown-text.ts';

/** ` sum(a, b);` shown at the end of `const x =`. */
const text = ' sum(a, b);';
const at = 9;
const shown = () => new ShownText(at, text);
const write = (shownText: ShownText, inserted: string, { back = 0 } = {}): Effect =>
  shownText.changed([{ offset: shownText.cursor - back, removed: back, inserted }]);

describe('a shown completion', () => {
  it('grows if its first line is continued, even while it is typed', () => {
    const shownText = shown();
    write(shownText, ' ');
    write(shownText, 's');
    expect(shownText.extendWith(at + 2, `${text.slice(2)}\nlog(x);`)).toBe('\nlog(x);'.length);
    expect(shownText.text).toBe(`${text}\nlog(x);`);
    expect(shownText.extendWith(at + 2, 'other text')).toBeUndefined();
    expect(write(shownText, `${text.slice(2)}\nlog(x);`)).toBe('accepted');
    // All of it is in the document: what comes next is another completion.
    expect(shownText.extendWith(shownText.cursor, ' more')).toBeUndefined();
  });

  it('does not count as accepted if typed through, whatever its last key', () => {
    const shownText = shown();
    expect([...text].map((key) => write(shownText, key))).toEqual([...text].map(() => 'typed'));
    expect(shownText.characters).toBe(0);
    expect(shownText.acceptedText).toBeUndefined();
  });

  it('counts as accepted if taken word by word, with the characters of the words', () => {
    const shownText = shown();
    expect(write(shownText, ' sum')).toBe('accepted');
    expect(shownText.characters).toBe(4);
    // VS Code writes the next word together with the earlier ones.
    expect(write(shownText, ' sum(a', { back: 4 })).toBe('accepted');
    expect(shownText.characters).toBe(6);
    expect(shownText.acceptedText).toEqual({ offset: at, text: ' sum(a' });
  });

  it('counts the accepted part if partly typed before', () => {
    const shownText = shown();
    write(shownText, ' ');
    write(shownText, 's');
    expect(write(shownText, text.slice(2))).toBe('accepted');
    shownText.acceptedEntirely();
    expect(shownText.characters).toBe(text.length - 2);
    expect(shownText.acceptedText).toEqual({ offset: at + 2, text: text.slice(2) });
  });

  it('counts as accepted if its last character is taken with Tab, since the editor says so', () => {
    const shownText = shown();
    for (const key of text.slice(0, -1)) write(shownText, key);
    expect(write(shownText, ';')).toBe('typed');
    shownText.acceptedEntirely();
    expect(shownText.characters).toBe(1);
  });

  it('counts as typed if Enter writes its line break and indentation', () => {
    const shownText = new ShownText(0, '\n    return a;');
    expect(write(shownText, '\n    ')).toBe('typed');
    expect(write(shownText, 'return a;')).toBe('accepted');
    expect(shownText.characters).toBe(9);
  });

  it.each(['()', '[]', '{}', '""', "''"])('counts as typed if the editor closes %s', (pair) => {
    const shownText = new ShownText(0, `clear${pair}`, '', 5);
    expect(write(shownText, pair)).toBe('typed');
    expect(shownText.acceptedText).toBeUndefined();
    // Tab took it: the editor says so.
    shownText.acceptedEntirely();
    expect(shownText.characters).toBe(2);
  });

  it('does not count text inserted by the suggestion list', () => {
    // "con" is typed, "console" is selected, and the completion continues from there.
    const shownText = new ShownText(0, 'console.log(1)', 'console', 3);
    expect(shownText.fits('')).toBe(false);
    expect(write(shownText, 'console', { back: 3 })).toBe('typed');
    expect(shownText.fits('')).toBe(true);
    expect(shownText.fits('constant')).toBe(false);
    expect(shownText.characters).toBe(0);
    expect(write(shownText, '.log')).toBe('accepted');
    expect(shownText.characters).toBe(4);
    const all = new ShownText(0, 'console.log(1)', 'console', 3);
    expect(write(all, 'console.log(1)', { back: 3 })).toBe('accepted');
    expect(all.characters).toBe('.log(1)'.length);
  });

  it.each([
    ['something else is typed', [{ offset: at, removed: 0, inserted: ' x' }], false],
    ['more than its text is written', [{ offset: at, removed: 0, inserted: `${text}\n` }], false],
    ['the text changes elsewhere', [{ offset: 2, removed: 1, inserted: 'y' }], false],
    ['text before it is deleted', [{ offset: at - 1, removed: 1, inserted: '' }], false],
    [
      'two places change at once',
      [
        { offset: 0, removed: 0, inserted: ' sum' },
        { offset: at, removed: 0, inserted: ' sum' },
      ],
      false,
    ],
    ['redo brings it back', [{ offset: at, removed: 0, inserted: text }], true],
  ])('is gone when %s', (_, changes, undone) => expect(shown().changed(changes, undone)).toBe('gone'));

  it('stays the same if its remainder is shown', () => {
    const shownText = shown();
    write(shownText, ' sum');
    expect(shownText.isContinuedBy(at + 4, '(a, b);')).toBe(true);
    expect(shownText.isContinuedBy(at + 4, '(a, c);')).toBe(false);
    expect(shownText.isContinuedBy(at + 3, '(a, b);')).toBe(false);
    expect(shownText.isContinuedBy(at + 4, '(a, b); // more')).toBe(false);
  });
});
