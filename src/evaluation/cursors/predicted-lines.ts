/**
 * What a person would have been offered while they typed a text, by what a model expects after each of its tokens: a
 * suggestion shows what is expected, and a person goes on from what is right. So one pass over a text tells at many
 * places what only asking at each of them would tell otherwise. Pure; explained in docs/science.md.
 */
import { commonPrefix } from '../../serving/tokens/prompt-tokens.ts';

export interface PredictedLines {
  /** Lines that have a word, and those whose rest, after a third of it, would have been offered exactly. */
  lines: number;
  exact: number;
  /** Characters of those lines without indentation, and those in tokens that would have been offered. */
  characters: number;
  right: number;
}

/** A letter or digit; all bytes of other letters than ASCII's. */
const WORD = /[\w\x80-\xff]/;
/** After this share of a line, its rest is what counts, as at cursors within lines. */
const TYPED_SHARE = 1 / 3;

/**
 * `tokens`, up to the end of a line and with the token that ends a text, and `expected` are of equal length. `bytesOf`
 * gives a token's bytes, one character each and none for a special one; the figures count bytes. What is before the first
 * line end does not count, because it is only a part of its line.
 */
export function predictedLines(
  tokens: ArrayLike<number>,
  expected: ArrayLike<number>,
  bytesOf: (token: number) => string,
): PredictedLines {
  const places = placesOf(tokens, expected, bytesOf);
  const text = places.map((place) => place.text).join('');
  const found = { lines: 0, exact: 0, characters: 0, right: 0 };
  const [first = '', ...lines] = text.split('\n');
  let begin = first.length + 1;
  for (const line of lines) {
    if (WORD.test(line)) addLine(found, line.replace(/[ \t\r]+$/, ''), begin, places);
    begin += line.length + 1;
  }
  return found;
}

interface Place {
  text: string;
  begin: number;
  end: number;
  /** What is expected here is right up to this offset; Infinity if it is this token or goes on as the text does. */
  rightUpTo: number;
  /** Nothing wrong is expected after that: the model would end there, or go on in a way that is not known. */
  open: boolean;
}

function placesOf(
  tokens: ArrayLike<number>,
  expected: ArrayLike<number>,
  bytesOf: (token: number) => string,
): Place[] {
  const texts = Array.from(tokens, bytesOf);
  const all = `${texts.join('')}\n`;
  let begin = 0;
  return texts.map((text, at) => {
    const place = { text, begin, end: begin + text.length, rightUpTo: Infinity, open: false };
    if (expected[at] !== tokens[at]) {
      // Other tokens may stand for the same text.
      const offered = bytesOf(expected[at]!);
      const same = commonPrefix(offered, all.slice(begin, begin + offered.length));
      place.open = same === offered.length;
      // A token that is only the beginning of the true one would be followed by something else.
      if (!place.open || same < text.length || !offered) place.rightUpTo = begin + same;
    }
    begin = place.end;
    return place;
  });
}

function addLine(found: PredictedLines, line: string, start: number, places: readonly Place[]): void {
  const [indent] = /^[ \t]*/.exec(line)!;
  const [from, to] = [start + indent.length, start + line.length];
  const typed = from + Math.ceil(TYPED_SHARE * (to - from));
  const after = (offset: number) => places.filter(({ begin, end }) => begin <= to && end > offset);
  // A model that would go on in the line where it ends is wrong; one that would end there is right.
  const isWhole = ({ rightUpTo, open }: Place) => rightUpTo > to || (open && rightUpTo === to);
  found.lines += 1;
  found.exact += Number(after(typed).every(isWhole));
  found.characters += to - from;
  for (const place of after(from))
    if (place.rightUpTo >= to) found.right += Math.min(to, place.end) - Math.max(from, place.begin);
}
