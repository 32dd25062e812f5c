/** Texts whose neighbouring literals are joined, so that what a program puts together is seen as it will be. */

/** `"ab" + "cd"`, `'ab' 'cd'`, and PEM's lines in a list: a closing quote, what may stand between, the same quote. */
const seam = /(["'`])[ \t]*(?:[+.&,]|\|\||\.\.|<>)?[ \t]*\\?(?:\r?\n[ \t]*(?:[+.&]|\|\||\.\.|<>)?[ \t]*)?\1/g;

export interface Joined {
  text: string;
  /** Where a character of it stands in the text that it was made from. */
  indexOf(index: number): number;
}

/** Undefined where nothing is to be joined. */
export function joinLiterals(text: string): Joined | undefined {
  const cuts: { at: number; removed: number }[] = [];
  let removed = 0;
  const joined = text.replace(seam, (match, _quote, offset: number) => {
    // An empty literal is nobody's neighbour.
    if (match.length === 2) return match;
    removed += match.length;
    cuts.push({ at: offset + match.length - removed, removed });
    return '';
  });
  if (!cuts.length) return undefined;
  const before = (index: number) => cuts.findLast(({ at }) => at <= index)?.removed ?? 0;
  return { text: joined, indexOf: (index) => index + before(index) };
}
