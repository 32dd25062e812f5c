/** Joins adjacent string literals of a text, to find secrets that a program concatenates from pieces. */

/** `"ab" + "cd"`, `'ab' 'cd'`: a closing quote, an optional operator, the same quote. */
const seam = /(["'`])[ \t]*(?:[+.&]|\|\||\.\.|<>)?[ \t]*\\?(?:\r?\n[ \t]*(?:[+.&]|\|\||\.\.|<>)?[ \t]*)?\1/g;
/** Also joins the elements of a list, such as the lines of a PEM. */
const seamOrComma = new RegExp(seam.source.replace('[+.&]', '[+.&,]'), 'g');

export interface Joined {
  text: string;
  /** Index in the original text of a character of `text`. */
  indexOf(index: number): number;
}

/** Undefined if there is nothing to join. `lists`: also the literals of a list. */
export function joinLiterals(text: string, { lists }: { lists: boolean }): Joined | undefined {
  const cuts: { at: number; removed: number }[] = [];
  let removed = 0;
  const joined = text.replace(lists ? seamOrComma : seam, (match, _quote, offset: number) => {
    // Leave an empty literal alone.
    if (match.length === 2) return match;
    removed += match.length;
    cuts.push({ at: offset + match.length - removed, removed });
    return '';
  });
  if (!cuts.length) return undefined;
  const before = (index: number) => cuts.findLast(({ at }) => at <= index)?.removed ?? 0;
  return { text: joined, indexOf: (index) => index + before(index) };
}
