/** A cached completion answers only those who type it: over many random documents and completions. */
import { describe, expect, it } from 'vitest';
import { CompletionCache } from '../../../src/completion/cache.ts';
import { cutToWindow } from '../../../src/completion/prompt/window.ts';
import { uniform } from '../../../src/statistics/random.ts';

const alphabet = ['a', 'b', ' ', '\n', '\t', '(', ')', '{', '}', "'", '"', ';', '.', 'é', '😀', '\r\n'];

function cases(count: number) {
  const random = uniform(7);
  const text = (length: number) =>
    Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]!).join('');
  return Array.from({ length: count }, (_, index) => ({
    before: text(index % 5 === 0 ? 6000 : 1 + Math.floor(random() * 40)),
    after: text(index % 7 === 0 ? 6000 : Math.floor(random() * 20)),
    shown: text(1 + Math.floor(random() * 30)),
  }));
}

const at = (before: string, after: string, path = 'a.ts') => ({
  path,
  languageId: 'typescript',
  before,
  after,
});

describe.each(cases(60))('a completion, %#', ({ before, after, shown }) => {
  const cache = new CompletionCache();
  cache.put(at(before, after), 'mine', { text: shown });

  it('answers each typed prefix of a completion with the rest', () => {
    for (let typed = 0; typed < shown.length; typed += 1)
      expect(cache.get(at(before + shown.slice(0, typed), after), 'mine')).toBe(shown.slice(typed));
    expect(cache.get(at(before + shown, after), 'mine')).toBeUndefined();
  });

  it('also finds it in a window of the document', () => {
    const typed = shown.slice(0, 1);
    expect(cache.get(cutToWindow(at(before + typed, after)), 'mine')).toBe(shown.slice(1) || undefined);
  });

  it('misses if other text was typed, the suffix differs, or another adapter answers', () => {
    const typed = shown.slice(0, shown.length >> 1);
    const none = (document: ReturnType<typeof at>, adapter = 'mine') =>
      expect(cache.get(document, adapter)).toBeUndefined();
    none(at(`${before}${typed}#`, after));
    none(at(before.slice(0, -1), after));
    none(at(`#${before}${typed}`, after));
    none(at(before + typed, `#${after}`));
    none(at(before + typed, `${after}#`));
    if (after) none(at(before + typed, after.slice(1)));
    none(at(before + typed, after), 'other');
    none(at(before + typed, after, 'b.ts'));
    none({ ...at(before + typed, after), languageId: 'javascript' });
  });
});

it('is limited in size', () => {
  const cache = new CompletionCache(10);
  for (let index = 0; index < 100; index += 1) cache.put(at(`x${index}`, ''), 'mine', { text: `y${index}` });
  const held = Array.from({ length: 100 }, (_, index) => cache.get(at(`x${index}`, ''), 'mine'));
  expect(held.filter(Boolean)).toEqual(Array.from({ length: 10 }, (_, index) => `y${90 + index}`));
});
