import { describe, expect, it } from 'vitest';
import { hunksOf } from '../../../bench/felt/hunks.ts';
import {
  keyAt,
  pauseBefore,
  RHYTHM,
  startsUnit,
  THINKING,
  typedCharacters,
  typingTime,
} from '../../../bench/felt/keys.ts';
import { sessionsOf } from '../../../bench/felt/sessions.ts';

const lines = (...texts: string[]) => texts.map((text) => `${text}\n`).join('');
const only = (old: string, now: string) => {
  const hunks = hunksOf('a.py', old, now);
  expect(hunks).toHaveLength(1);
  return hunks[0]!;
};

describe('a hunk', () => {
  it('of new lines begins on its own line, already indented by the editor', () => {
    const old = lines('def f():', '    return 1');
    const now = lines('def f():', '    value = compute(1)', '    print(value)', '    return 1');
    expect(only(old, now)).toEqual({
      path: 'a.py',
      before: 'def f():\n    ',
      typed: 'value = compute(1)\n    print(value)',
      after: '\n    return 1\n',
    });
  });
  it('within a line is the part that differs, in whole words', () => {
    const old = lines('x = load(name)', 'y');
    const now = lines('x = load(name, encoding="utf-8", errors=None)', 'y');
    expect(only(old, now)).toEqual({
      path: 'a.py',
      before: 'x = load(name',
      typed: ', encoding="utf-8", errors=None',
      after: ')\ny\n',
    });
    const names = only('a = first\n', 'a = first_of_all_the_values\n');
    expect([names.before, names.typed]).toEqual(['a = ', 'first_of_all_the_values']);
  });
  it('has the earlier hunks applied', () => {
    const old = lines('one', 'two', 'three');
    const now = lines('one', 'a new line of this text', 'two', 'another line of this text', 'three');
    const [first, second] = hunksOf('a.py', old, now);
    expect(first!.after).toBe('\ntwo\nthree\n');
    expect(second!.before).toBe(lines('one', 'a new line of this text', 'two'));
    for (const { before, typed, after } of [second!]) expect(before + typed + after).toBe(now);
  });
  it('of many lines is typed at its beginning', () => {
    const added = Array.from({ length: 30 }, (_, at) => `line ${at} of this text`);
    const { typed } = only('a\n', lines('a', ...added));
    expect(typed.split('\n')).toEqual(added.slice(0, 10));
  });
  it.each([
    ['a few characters', lines('a'), lines('a', 'b = 1')],
    ['more edits than text', lines('the whole line was other'), lines('now there is something else here')],
    ['nothing new', lines('a', 'b'), lines('a')],
  ])('of %s is left out', (_, old, now) => expect(hunksOf('a.py', old, now)).toEqual([]));
});

describe('keys', () => {
  const text = 'if x:\n    y = 1\nz';
  it('are characters, and a line break with its indentation', () => {
    const keys: string[] = [];
    for (let at = 0; at < text.length; at += keys.at(-1)!.length) keys.push(keyAt(text, at));
    expect(keys).toEqual([...'if x:', '\n    ', ...'y = 1', '\n', 'z']);
    expect(keyAt(text, 8)).toBe('  ');
  });
  it('are slower after punctuation and at the start of a line', () => {
    expect(pauseBefore(text, 0)).toBe(THINKING.line);
    expect(pauseBefore(text, 1)).toBe(RHYTHM.word);
    expect(pauseBefore(text, 4)).toBe(RHYTHM.word);
    expect(pauseBefore(text, 5)).toBe(RHYTHM.mark);
    expect(pauseBefore(text, 10)).toBe(THINKING.line);
  });
  it('pause to think before one word in four, always the same ones', () => {
    const words = Array.from({ length: 400 }, (_, at) => `word${at}`).join(' ');
    const pauses = [...words.matchAll(/(?<= )w/g)].map(({ index }) => pauseBefore(words, index));
    const thought = pauses.filter((pause) => pause === THINKING.word).length;
    expect(thought).toBeGreaterThan(70);
    expect(thought).toBeLessThan(130);
    expect(pauses.filter((pause) => pause !== THINKING.word && pause !== RHYTHM.mark)).toEqual([]);
    expect([...words.matchAll(/(?<= )w/g)].map(({ index }) => pauseBefore(words, index))).toEqual(pauses);
  });
  it("take their typing time, without thinking pauses and the editor's indentation", () => {
    // A key costs more after punctuation: "if x:", the line break with its indentation, "y".
    expect(typingTime(text, 0, 11)).toBe(3 * RHYTHM.word + 4 * RHYTHM.mark);
  });
  it('are typed without a look inside a word', () => {
    const looks = [...text].flatMap((_, at) => (startsUnit(text, at) ? [at] : []));
    expect(looks.filter((at) => /\S/.test(text[at]!))).toEqual([0, 3, 10, 14, 16]);
  });
  it('are counted without indentation', () => {
    expect(typedCharacters(text, 0, text.length)).toBe(text.length - 4);
    expect(typedCharacters(text, 6, 11)).toBe(1);
  });
});

describe('sessions', () => {
  const long = (name: string) => `a new line of ${name}, long enough`;
  const old = new Map(['a/b.py', 'a/c.py', 'd.py'].map((path) => [path, `${path}\n`]));
  const now = new Map([...old].map(([path, text]) => [path, `${text}${long(path)}\n`]));
  now.set('new.py', long('new.py'));
  it('are hunks of files in both releases, with the nearest files open', () => {
    const sessions = sessionsOf(old, now, 10);
    expect(sessions.map(({ hunks }) => hunks[0]!.path).sort()).toEqual(['a/b.py', 'a/c.py', 'd.py']);
    const inFolder = sessions.find(({ hunks }) => hunks[0]!.path === 'a/b.py')!;
    expect(inFolder.files.map(({ path }) => path)).toEqual(['a/c.py', 'd.py']);
  });
  it('are deterministic, and no more than requested', () => {
    expect(sessionsOf(old, now, 2)).toEqual(sessionsOf(old, now, 10).slice(0, 2));
  });
});
