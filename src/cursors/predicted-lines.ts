/**
 * What a person would have been offered while they typed a text, by what a model expects after each of its tokens: a
 * suggestion shows what is expected, and a person goes on from what is right. So one pass over a text tells at many
 * places what only asking at each of them would tell otherwise. Pure; explained in docs/science.md.
 */

export interface PredictedLines {
  /** Lines that have a word, and those whose rest, after a third of it, would have been offered exactly. */
  lines: number;
  exact: number;
  /** Characters of those lines without indentation, and those in tokens that would have been offered. */
  characters: number;
  right: number;
}

/** After this share of a line, its rest is what counts, as at cursors within lines. */
const TYPED_SHARE = 1 / 3;

/**
 * `tokens`, up to the end of a line, and `expected` are of equal length; `textOf` gives a token's text, empty for a
 * special one. The text up to the first line end does not count, because it is only a part of its line.
 */
export function predictedLines(
  tokens: ArrayLike<number>,
  expected: ArrayLike<number>,
  textOf: (token: number) => string,
): PredictedLines {
  const places = placesOf(tokens, expected, textOf);
  const text = places.map((place) => place.text).join('');
  const found = { lines: 0, exact: 0, characters: 0, right: 0 };
  const [first = '', ...lines] = text.split('\n');
  let begin = first.length + 1;
  for (const line of lines) {
    if (/\w/.test(line)) addLine(found, line.trimEnd(), begin, places);
    begin += line.length + 1;
  }
  return found;
}

interface Place {
  text: string;
  begin: number;
  end: number;
  /** What is expected here is right up to this offset; Infinity if all of it is. */
  rightUpTo: number;
  /** The model would end here. */
  ends: boolean;
}

function placesOf(
  tokens: ArrayLike<number>,
  expected: ArrayLike<number>,
  textOf: (token: number) => string,
): Place[] {
  const texts = Array.from(tokens, textOf);
  const all = `${texts.join('')}\n`;
  let begin = 0;
  return texts.map((text, at) => {
    const place = { text, begin, end: begin + text.length, rightUpTo: Infinity, ends: false };
    if (expected[at] !== tokens[at]) {
      // Other tokens may stand for the same text.
      const offered = textOf(expected[at]!);
      const same = commonLength(offered, all.slice(begin, begin + offered.length));
      if (same < offered.length || !offered) place.rightUpTo = begin + same;
      place.ends = !offered;
    }
    begin = place.end;
    return place;
  });
}

function addLine(found: PredictedLines, line: string, begin: number, places: readonly Place[]): void {
  const indent = line.length - line.trimStart().length;
  const [from, to] = [begin + indent, begin + line.length];
  const typed = from + Math.ceil(TYPED_SHARE * (to - from));
  const after = (offset: number) => places.filter((place) => place.begin <= to && place.end > offset);
  // A model that would go on where the line ends is wrong; one that would end there is right.
  const isWhole = ({ rightUpTo, ends, begin: at }: Place) => rightUpTo > to || (ends && at >= to);
  found.lines += 1;
  found.exact += Number(after(typed).every(isWhole));
  found.characters += to - from;
  for (const place of after(from))
    if (place.rightUpTo >= to) found.right += Math.min(to, place.end) - Math.max(from, place.begin);
}

function commonLength(a: string, b: string): number {
  let same = 0;
  while (same < Math.min(a.length, b.length) && a[same] === b[same]) same += 1;
  return same;
}
