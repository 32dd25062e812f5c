/**
 * The suggestions that a user would have seen while typing a text, from the model's most likely token after each of its
 * tokens: a suggestion shows the predicted tokens, and the user accepts them as far as they are right. One pass over a
 * text thus replaces a request at each of many places. Pure; explained in docs/science.md.
 */
import { commonPrefix } from '../../completion/code/text.ts';

export interface PredictedLines {
  /** Lines that contain a word, and those of which the last two thirds would have been suggested exactly. */
  lines: number;
  exact: number;
  /** Characters of those lines without indentation, and those in tokens that would have been suggested. */
  characters: number;
  right: number;
}

/** A letter or digit, including all bytes of non-ASCII letters. */
const WORD = /[\w\x80-\xff]/;
/** The rest of a line after this share of it counts, as at cursors within lines. */
const TYPED_SHARE = 1 / 3;

/**
 * `tokens`, up to the end of a line and with the token that ends a text, and `expected` are of equal length. `bytesOf`
 * gives a token's bytes, one character each and none for a special token; the counts are of bytes. Text before the
 * first line end does not count, because its line is incomplete.
 */
export function predictedLines(
  tokens: ArrayLike<number>,
  expected: ArrayLike<number>,
  bytesOf: (token: number) => string,
): PredictedLines {
  const places = toPlaces(tokens, expected, bytesOf);
  const text = places.map((place) => place.text).join('');
  const counts = { lines: 0, exact: 0, characters: 0, right: 0 };
  const [first = '', ...lines] = text.split('\n');
  let begin = first.length + 1;
  for (const line of lines) {
    if (WORD.test(line)) addLine(counts, line.replace(/[ \t\r]+$/, ''), begin, places);
    begin += line.length + 1;
  }
  return counts;
}

interface Place {
  text: string;
  begin: number;
  end: number;
  /** The prediction here is right up to this offset; Infinity if it is this token or continues as the text does. */
  rightUpTo: number;
  /** Nothing wrong is predicted after that: the model would end there, or its continuation is unknown. */
  open: boolean;
}

function toPlaces(
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
      // Other tokens may encode the same text.
      const expectedText = bytesOf(expected[at]!);
      const commonLength = commonPrefix(expectedText, all.slice(begin, begin + expectedText.length));
      place.open = commonLength === expectedText.length;
      // A token that is only a prefix of the actual one would be followed by something else.
      if (!place.open || commonLength < text.length || !expectedText) place.rightUpTo = begin + commonLength;
    }
    begin = place.end;
    return place;
  });
}

function addLine(counts: PredictedLines, line: string, start: number, places: readonly Place[]): void {
  const [indent] = /^[ \t]*/.exec(line)!;
  const [from, to] = [start + indent.length, start + line.length];
  const typed = from + Math.ceil(TYPED_SHARE * (to - from));
  const tokensAfter = (offset: number) => places.filter(({ begin, end }) => begin <= to && end > offset);
  // A model that would continue the line where it ends is wrong; one that would end there is right.
  const isCorrect = ({ rightUpTo, open }: Place) => rightUpTo > to || (open && rightUpTo === to);
  counts.lines += 1;
  counts.exact += Number(tokensAfter(typed).every(isCorrect));
  counts.characters += to - from;
  for (const place of tokensAfter(from))
    if (place.rightUpTo >= to) counts.right += Math.min(to, place.end) - Math.max(from, place.begin);
}
