/** Properties that hold for any edits and texts, generated with a fixed seed. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { applyParts, DocumentEdits, search } from '../../../src/next-edit/index.ts';
import { findPlaces } from '../../../src/next-edit/match.ts';
import { patternsOf } from '../../../src/next-edit/find.ts';
import { tokensOf } from '../../../src/next-edit/tokens.ts';
import { uniform } from '../../../src/statistics/random.ts';
import { Editor } from './help.ts';

const words = ['alpha', 'beta', 'gamma', 'delta', 'send', 'total', 'items'];

/** Lines of calls, definitions, strings and brackets. */
function codeOf(random: () => number, lines: number): string {
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)]!;
  const forms = [
    () => `def ${pick(words)}(${pick(words)}, ${pick(words)}):`,
    () => `    ${pick(words)} = ${pick(words)}(${pick(words)}, [${pick(words)}])`,
    () => `    return ${pick(words)}.${pick(words)}("${pick(words)} it's", {${pick(words)}: 1})`,
    () => `${pick(words)}(${pick(words)}, f"{${pick(words)}} ${pick(words)}")  # ${pick(words)}`,
    () => '',
  ];
  return Array.from({ length: lines }, () => forms[Math.floor(random() * forms.length)]!()).join('\n');
}

describe('edits of a document', () => {
  /** Makes up to 20 random changes to a text at one time, then reverts the edits in the result. */
  function putBack(random: () => number, base: string, insertions: readonly string[]): string {
    const below = (n: number) => Math.floor(random() * n);
    const edits = new DocumentEdits('a.py', 'python', base);
    let text = base;
    for (let count = below(20); count >= 0; count -= 1) {
      const offset = below(text.length + 1);
      const removed = Math.min(below(12), text.length - offset);
      const inserted = insertions[below(insertions.length)]!;
      text = text.slice(0, offset) + inserted + text.slice(offset + removed);
      edits.change([{ offset, removed, inserted: inserted.length }], 0, () => text);
    }
    let back = text;
    for (const { at, before, after } of edits.edits(text, 0).sort((a, b) => b.at - a.at)) {
      expect(back.slice(at, at + after.length)).toBe(after);
      back = back.slice(0, at) + before + back.slice(at + after.length);
    }
    return back;
  }

  it('restore the original text when reverted, whatever was changed', () => {
    const random = uniform(3);
    for (let round = 0; round < 200; round += 1) {
      const base = codeOf(random, 20).replace(/^\n+|\n+$|(?<=\n)\n+/g, '');
      expect(putBack(random, base, ['', 'x', 'new', '(a, b)'])).toBe(base);
    }
  });

  it('that include new lines leave exactly those when reverted', () => {
    const random = uniform(4);
    let lines = 0;
    for (let round = 0; round < 400; round += 1) {
      const base = codeOf(random, 20);
      const back = putBack(random, base, ['', 'é', 'é\né', '\n\n']);
      lines += back.split('é').length - 1;
      expect(back.replace(/[\sé]/g, '')).toBe(base.replace(/\s/g, ''));
    }
    expect(lines).toBeGreaterThan(50);
  });

  it('are gone when undone step by step', () => {
    const random = uniform(5);
    const base = codeOf(random, 10);
    const edits = new DocumentEdits('a.py', 'python', base);
    const texts = [base];
    const undo: { offset: number; removed: number; inserted: string }[] = [];
    for (let step = 0; step < 10; step += 1) {
      const text = texts.at(-1)!;
      const offset = Math.floor(random() * (text.length - 3));
      const next = `${text.slice(0, offset)}yz${text.slice(offset + 3)}`;
      edits.change([{ offset, removed: 3, inserted: 2 }], step, () => next);
      undo.push({ offset, removed: 2, inserted: text.slice(offset, offset + 3) });
      texts.push(next);
    }
    expect(edits.edits(texts.at(-1)!, 10).length).toBeGreaterThan(0);
    for (const { offset, removed, inserted } of undo.reverse()) {
      texts.pop();
      edits.change([{ offset, removed, inserted: inserted.length }], 11, () => texts.at(-1)!);
    }
    expect(edits.edits(base, 12)).toEqual([]);
  });
});

describe('tokens', () => {
  it('make up the whole text, together with the white space between them', () => {
    const random = uniform(7);
    for (const language of ['python', 'typescript', 'go', 'unknown', 'markdown'])
      for (let round = 0; round < 50; round += 1) {
        const signs = [...'\'"`/*#\\{}${}()\n é🙂'.split(''), "(/['/ `]+/g"];
        const noise = Array.from({ length: 60 }, () =>
          random() < 0.5
            ? signs[Math.floor(random() * signs.length)]
            : words[Math.floor(random() * words.length)],
        ).join('');
        let at = 0;
        for (const token of tokensOf(noise, language)) {
          expect(noise.slice(at, token.start).trim()).toBe('');
          expect(noise.slice(token.start, token.end)).toBe(token.text);
          at = token.end;
        }
        expect(noise.slice(at).trim()).toBe('');
      }
  });
});

/** Two edits of the same kind in generated code, enough for a pattern. */
function edited(seed: number): Editor {
  const random = uniform(seed);
  const text = codeOf(random, 40);
  const editor = new Editor({ 'a.py': text });
  const was = words[Math.floor(random() * words.length)]!;
  const now = ['omega', `${was}.first`, `wrap(${was})`, `${was}, 2`, '0'][seed % 5]!;
  for (let count = 0; count < 2; count += 1)
    if (editor.text('a.py').includes(was)) editor.edit('a.py', was, now);
  return editor;
}

describe('offers', () => {
  it('replace what the pattern says, and touch no other text; once applied, they do not recur', () => {
    let seen = 0;
    for (let seed = 0; seed < 150; seed += 1) {
      const editor = edited(seed);
      const text = editor.text('a.py');
      const document = { path: 'a.py', languageId: 'python', text, tokens: tokensOf(text, 'python') };
      for (const pattern of patternsOf(editor.edits, new Map([['a.py', document]]))) {
        const places = findPlaces(pattern, document);
        const made = applyParts(text, places);
        seen += places.length;
        // Everything outside the places is unchanged and in order.
        let [at, there] = [0, 0];
        for (const { start, end, text: written } of places) {
          expect(made.slice(there, there + start - at)).toBe(text.slice(at, start));
          there += start - at + written.length;
          at = end;
        }
        expect(made.slice(there)).toBe(text.slice(at));
        if (pattern.kind === 'tokens' && pattern.scope) continue;
        const again = { ...document, text: made, tokens: tokensOf(made, 'python') };
        expect(findPlaces(pattern, again), JSON.stringify(pattern)).toEqual([]);
      }
    }
    expect(seen).toBeGreaterThan(200);
  });

  it('come to an end when accepted one by one', () => {
    for (let seed = 0; seed < 60; seed += 1) expect(edited(seed).takeAll().offers).toEqual([]);
  });

  it('stop when time is up, even if the clock was set back', () => {
    vi.spyOn(Date, 'now').mockReturnValue(-1);
    onTestFinished(() => void vi.restoreAllMocks());
    const offered = (deadline: number) =>
      Array.from({ length: 20 }, (_, seed) => edited(seed)).flatMap((editor) => {
        const text = { path: 'a.py', languageId: 'python', text: editor.text('a.py') };
        return search(editor.edits, [text], { path: 'b.py', place: 0, deadline }).offers;
      });
    expect(offered(Infinity)).not.toEqual([]);
    expect(offered(0)).toEqual([]);
  });
});
