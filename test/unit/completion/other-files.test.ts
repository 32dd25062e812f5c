import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { importedStems, isImported } from '../../../src/completion/code/imports.ts';
import { OtherFiles } from '../../../src/completion/prompt/other-files.ts';
import { jaccard, SimilarWindows, distinctWords } from '../../../src/completion/prompt/similar-windows.ts';

/** Lines about a subject, all different. */
const about = (subject: string, lines: number) =>
  Array.from(
    { length: lines },
    (_, line) => `${subject}List.push(load${subject}(${subject}Options, ${line}));\n`,
  ).join('');

const cart = {
  path: 'file:///shop/src/cart.ts',
  languageId: 'typescript',
  before:
    "import { discountOf } from './discount.ts';\n" +
    about('cart', 3) +
    'const total = loadorder(orderOptions, orderList);\n',
  after: '',
  place: { repository: 'shop', path: 'src/cart.ts' },
};

describe('windows of other files', () => {
  it('computes the Jaccard similarity of words', () => {
    expect(jaccard(distinctWords('alpha beta gamma'), distinctWords('beta gamma delta'))).toBe(0.5);
    expect(jaccard(distinctWords('alpha'), distinctWords(''))).toBe(0);
    expect(jaccard(distinctWords('Alpha'), distinctWords('alpha'))).toBe(1);
  });

  it('finds the sixty most similar lines', () => {
    const text = about('user', 100) + about('order', 40) + about('mail', 100);
    const best = new SimilarWindows().best({ path: 'b.ts', text }, distinctWords(about('order', 40)))!;
    const window = text.slice(best.from, best.to);
    expect(window.split('\n').length - 1).toBe(60);
    expect(window).toContain(about('order', 40).slice(0, 200));
  });

  it.each([60, 24])('of %i lines have the words of all their lines', (lines) => {
    for (const count of [0, 1, lines / 4, lines - 1, lines, lines + 1, lines * 1.25, 200])
      for (const end of ['', '\n', '\n\n']) {
        const text =
          Array.from({ length: count }, (_, at) => `call(alpha${at % 37}, beta${at * 7}, gamma)`).join('\n') +
          end;
        const starts = [0, ...Array.from(text.matchAll(/\n(?!$)/g), ({ index }) => index + 1)];
        let last = 0;
        starts.every((from, line) => {
          if (line % (lines / 4) > 0) return true;
          const to = starts[line + lines] ?? text.length;
          const words = distinctWords(text.slice(from, to));
          // No other window has the same words.
          const found = new SimilarWindows(lines).best({ path: 'b.ts', text }, words);
          expect(found).toEqual(words.size > 0 ? { path: 'b.ts', from, to, similarity: 1 } : undefined);
          last = to;
          return to < text.length;
        });
        expect(last).toBe(text.length);
      }
  });

  it('are searched for words once in each line', () => {
    const search = vi.spyOn(String.prototype, 'matchAll');
    onTestFinished(() => search.mockRestore());
    const text = about('order', 200);
    new SimilarWindows().best({ path: 'b.ts', text }, new Set(['order']));
    const searched = search.mock.contexts.map(String).join('').length;
    expect(searched).toBe(text.length);
  });

  it('is recomputed for a changed file', () => {
    const windows = new SimilarWindows();
    const words = distinctWords(about('order', 5));
    expect(windows.best({ path: 'b.ts', text: about('user', 5) }, words)?.similarity ?? 0).toBeLessThan(0.2);
    expect(windows.best({ path: 'b.ts', text: about('order', 5) }, words)!.similarity).toBe(1);
    expect(windows.best({ path: 'b.ts', text: '' }, words)).toBeUndefined();
  });
});

describe('choosing snippets of other files', () => {
  const order = { path: 'src/order.ts', text: about('order', 30) };
  const mail = { path: 'src/mail.ts', text: about('mail', 30) };
  const choose = (files: readonly { path: string; text: string }[], budget = 4000, document = cart) =>
    new OtherFiles().choose(document, files, budget).map(({ filename }) => filename);

  it('takes text similar to that at the cursor, and leaves the rest', () =>
    expect(choose([mail, order])).toEqual(['src/order.ts']));
  it('prefers imported files to slightly more similar ones', () => {
    const discount = {
      path: 'src/discount.ts',
      text: 'export const discountOf = (total) => total * discount;\n',
    };
    expect(choose([order, discount])[0]).toBe('src/discount.ts');
  });
  it('never takes the file itself, duplicates, or equivalent text', () => {
    expect(choose([{ path: 'src/cart.ts', text: about('order', 30) }])).toEqual([]);
    expect(choose([order, { ...order, path: 'src/copy.ts' }])).toEqual(['src/order.ts']);
  });
  it('keeps to its budget, in whole lines', () => {
    const [only] = new OtherFiles().choose(cart, [order], 500);
    expect(only!.text.length).toBeLessThanOrEqual(500);
    expect(order.text.startsWith(only!.text)).toBe(true);
    expect(only!.text.endsWith('\n')).toBe(true);
  });
  it('keeps to its budget if a snippet is kept along with a new one', () => {
    const others = new OtherFiles();
    const long = { path: 'src/order.ts', text: about('order', 20) };
    const user = { path: 'src/discount.ts', text: about('user', 20) };
    const budget = long.text.length + 150;
    expect(others.choose(cart, [long], budget)[0]!.text).toBe(long.text);
    const far = { ...cart, before: cart.before + about('mail', 12) + about('user', 20) + about('order', 1) };
    const chosen = others.choose(far, [long, user], budget);
    expect(chosen.map(({ filename }) => filename).sort()).toEqual(['src/discount.ts', 'src/order.ts']);
    expect(chosen.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(budget);
  });
  it('have one kind of line end, and whole characters', () => {
    const [only] = new OtherFiles().choose(
      cart,
      [{ path: 'src/order.ts', text: `// \uD83D\r\n${order.text.replaceAll('\n', '\r\n')}` }],
      900,
    );
    expect(only!.text).not.toMatch(/\r|\p{Surrogate}/u);
  });

  it('keep their order', () => {
    const others = new OtherFiles();
    const files = [order, { path: 'src/orders.ts', text: `${about('order', 5)}${about('list', 9)}` }];
    const first = others.choose(cart, files, 9000);
    expect(first.length).toBe(2);
    // Further down, the second file is more similar; the first was already read and is still useful.
    const far = {
      ...cart,
      before: cart.before + about('order', 15) + about('list', 12) + about('order', 12),
    };
    const later = others.choose(far, files, 9000);
    expect(later.map(({ filename }) => filename).slice(0, 1)).toEqual([first[0]!.filename]);
    expect(others.choose({ ...cart, path: 'other' }, [], 9000)).toEqual([]);
  });
});

describe('imports', () => {
  it.each([
    ['typescript', "import { a } from './corpus/fim.ts';", 'src/corpus/fim.ts'],
    ['typescript', "export * from '../lib';", 'src/lib/index.ts'],
    ['javascript', "const a = require('./a');", 'a.js'],
    ['python', 'from shop.cart import total', 'shop/cart.py'],
    ['python', 'import shop.cart', 'src/shop/cart/__init__.py'],
    ['python', 'from .cart import total', 'shop/cart.py'],
    ['go', 'import (\n\t"fmt"\n\t"example.com/shop/cart"\n)', 'cart/total.go'],
    ['rust', 'use crate::shop::cart::Total;', 'src/shop/cart.rs'],
    ['rust', 'mod cart;', 'src/cart/mod.rs'],
    ['java', 'import com.shop.Cart;', 'src/main/java/com/shop/Cart.java'],
    ['cpp', '#include "shop/cart.h"', 'src/shop/cart.cpp'],
  ])('%s: %s', (languageId, head, path) => {
    const stems = importedStems(head, languageId);
    expect(isImported({ path }, stems)).toBe(true);
    expect(isImported({ path: `src/never/${languageId}x.ts` }, stems)).toBe(false);
  });
  it('are not found in other languages', () => expect(importedStems('import a', 'markdown')).toEqual([]));
});
