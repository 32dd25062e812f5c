/**
 * The suggestions that a user would have seen while typing a text, from the model's most likely token after each of its
 * tokens: a suggestion shows the predicted tokens, and the user accepts them as far as they are right. One pass over a
 * text thus replaces a request at each of many places. Pure; explained in docs/science.md.
 */
import { commonPrefix } from '../../completion/code/text.ts';

export interface PredictedLine {
  /** Its number in the text, from 0. */
  line: number;
  /** What the person has typed of it (a third, or, of the first line, what stands before the cursor), and the rest. */
  typed: string;
  actual: string;
  /** What would be suggested for the rest: as far as it is right, then the first wrong token, then an ellipsis. */
  suggested: string;
  exact: boolean;
  /** Bytes of the line without indentation, and those in tokens that would have been suggested. */
  characters: number;
  right: number;
}

/** A letter or digit, including all bytes of non-ASCII letters. */
const WORD = /[\w\x80-\xff]/;
/** The rest of a line after this share of it counts, as at cursors within lines. */
const TYPED_SHARE = 1 / 3;

/**
 * The lines of a text whose rest contains a word. `tokens`, up to the end of a line and with the token that ends a text,
 * and `expected` are of equal length. `bytesOf` gives a token's bytes, one character each and none for a special token.
 * `begun`: bytes at the text's beginning that stand before the cursor (token healing). A token that spans the cursor
 * does not count, because its beginning is given.
 */
export function predictedLines(
  tokens: ArrayLike<number>,
  expected: ArrayLike<number>,
  bytesOf: (token: number) => string,
  begun = 0,
): PredictedLine[] {
  const places = toPlaces(tokens, expected, bytesOf);
  const text = places.map((place) => place.text).join('');
  const cursor = places.find(({ begin }) => begin >= begun)?.begin ?? text.length;
  const found: PredictedLine[] = [];
  let begin = 0;
  for (const [line, whole] of text.split('\n').entries()) {
    const own = { line, text: whole.replace(/[ \t\r]+$/, ''), begin };
    const predicted = predictedLine(own, line === 0 ? cursor : undefined, places);
    if (predicted) found.push(predicted);
    begin += whole.length + 1;
  }
  return found;
}

interface Place {
  text: string;
  /** What the model would write here. */
  predicted: string;
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
    const expectedText = bytesOf(expected[at]!);
    const span = { text, predicted: expectedText, begin, end: begin + text.length };
    const place: Place = { ...span, rightUpTo: Infinity, open: false };
    if (expected[at] !== tokens[at]) {
      // Other tokens may encode the same text.
      const commonLength = commonPrefix(expectedText, all.slice(begin, begin + expectedText.length));
      place.open = commonLength === expectedText.length;
      // A token that is only a prefix of the actual one would be followed by something else.
      if (!place.open || commonLength < text.length || !expectedText) place.rightUpTo = begin + commonLength;
    }
    begin = place.end;
    return place;
  });
}

/** `cursor`: where the rest of the first line begins. */
function predictedLine(
  { line, text, begin: start }: { line: number; text: string; begin: number },
  cursor: number | undefined,
  places: readonly Place[],
): PredictedLine | undefined {
  const [indent] = /^[ \t]*/.exec(text)!;
  const to = start + text.length;
  const from = cursor ?? start + indent.length;
  const typed = cursor ?? from + Math.ceil(TYPED_SHARE * (to - from));
  if (!WORD.test(text.slice(Math.max(0, from - start)))) return undefined;
  const tokensAfter = (offset: number) =>
    places.filter(
      ({ begin, end }) => begin <= to && end > offset && (cursor === undefined || begin >= cursor),
    );
  // A model that would continue the line where it ends is wrong; one that would end there is right.
  const isCorrect = ({ rightUpTo, open }: Place) => rightUpTo > to || (open && rightUpTo === to);
  const wrong = tokensAfter(typed).find((place) => !isCorrect(place));
  const right = tokensAfter(from)
    .filter(({ rightUpTo }) => rightUpTo >= to)
    .reduce((sum, { begin, end }) => sum + Math.max(0, Math.min(to, end) - Math.max(from, begin)), 0);
  const part = (a: number, b: number) => text.slice(Math.max(0, a - start), Math.max(0, b - start));
  return {
    line,
    typed: decode(part(start, typed)),
    actual: decode(part(typed, to)),
    suggested: decode(part(typed, wrong?.begin ?? to)) + (wrong ? wrongEnd(wrong, typed) : ''),
    exact: wrong === undefined,
    characters: to - from,
    right,
  };
}

/** The wrong token's part behind `typed`, up to its line end, and an ellipsis. */
const wrongEnd = ({ begin, predicted }: Place, typed: number): string =>
  `${decode(predicted.slice(Math.max(0, typed - begin)).split('\n', 1)[0]!)}\u2026`;

const decode = (bytes: string): string => Buffer.from(bytes, 'latin1').toString();
