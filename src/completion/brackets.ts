/** Brackets, read as an editor would: those in strings and comments don't count. */
import type { Language } from './languages.ts';

const closerOf: Record<string, string> = { '(': ')', '[': ']', '{': '}' };
const closers = new Set(Object.values(closerOf));

export interface Balance {
  /** Closers that are still owed, outermost first. */
  owed: string[];
  /** Closers that nothing in the text opened, with their places, in order. */
  unmatched: { closer: string; at: number }[];
  /** Whether the text ends inside a comment, or inside a string. */
  inside: 'comment' | 'string' | undefined;
}

/**
 * Reads a text from its beginning, which is taken for code. Strings end at their line, except backquoted and
 * triple-quoted ones. A closer of the wrong kind counts as unmatched.
 */
export function readBrackets(text: string, language: Language): Balance {
  const balance: Balance = { owed: [], unmatched: [], inside: undefined };
  let at = 0;
  while (at < text.length) {
    const skip = skipComment(text, at, language) ?? skipString(text, at, language);
    if (skip) {
      if (skip.open) return { ...balance, inside: skip.open };
      at = skip.end;
      continue;
    }
    const character = text[at] ?? '';
    const closer = closerOf[character];
    if (closer) balance.owed.push(closer);
    else if (closers.has(character)) {
      if (balance.owed.at(-1) === character) balance.owed.pop();
      else balance.unmatched.push({ closer: character, at });
    }
    at += 1;
  }
  return balance;
}

/** Where what begins here ends; `open` when the text ends first. */
interface Skip {
  end: number;
  open?: 'comment' | 'string';
}

function skipComment(text: string, at: number, { lineComments, blockComment }: Language): Skip | undefined {
  if (blockComment && text.startsWith(blockComment[0], at)) {
    const end = text.indexOf(blockComment[1], at + blockComment[0].length);
    return end < 0 ? { end: text.length, open: 'comment' } : { end: end + blockComment[1].length };
  }
  if (!lineComments.some((mark) => text.startsWith(mark, at))) return undefined;
  const end = text.indexOf('\n', at);
  return end < 0 ? { end: text.length, open: 'comment' } : { end };
}

function skipString(text: string, at: number, { prose, markup }: Language): Skip | undefined {
  const quote = text[at];
  // An apostrophe in running text opens nothing; nor does Rust's lifetime: 'a in <'a>, &'a.
  if (prose || markup || (quote !== '"' && quote !== "'" && quote !== '`')) return undefined;
  const mark = text.startsWith(quote.repeat(3), at) && quote !== '`' ? quote.repeat(3) : quote;
  const multiline = mark.length === 3 || quote === '`';
  for (let end = at + mark.length; end < text.length; end += 1) {
    if (text[end] === '\\') end += 1;
    else if (text.startsWith(mark, end)) return { end: end + mark.length };
    else if (text[end] === '\n' && !multiline) return quote === "'" ? { end: at + 1 } : { end };
  }
  // A lone ' at the very end is more often a lifetime or an apostrophe than a string of one line.
  if (quote === "'" && /[&<,]\s?$/.test(text.slice(0, at))) return { end: at + 1 };
  return { end: text.length, open: 'string' };
}
