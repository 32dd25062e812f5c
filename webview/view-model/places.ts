/** Held-out lines as an editor shows them, with the suggestions of base and result. */
import { t, whole } from '../../src/text/l10n.ts';
import type { Place, Summary } from '../../src/protocol/evaluation.ts';

export interface PlaceView {
  /** "src/app.ts, line 12". */
  at: string;
  /** The lines up to the cursor, which is at the end of the last one. */
  lines: { number: number; text: string }[];
  /** The rest of the line in the file, as far as an editor would show it. */
  actual: string;
  base: Suggestion;
  result: Suggestion;
}
export interface Suggestion {
  text: string;
  isRight: boolean;
}

interface PlacesView {
  /** How many of all lines tried are right. */
  counted: string;
  places: PlaceView[];
}

/** Undefined if no lines were measured. */
export function placesView(summary: Summary | undefined): PlacesView | undefined {
  const { places } = summary ?? {};
  return places && { counted: countedIn(places), places: places.shown.map(placeView) };
}

function countedIn({ tried, both, gained, lost }: NonNullable<Summary['places']>): string {
  const values = {
    tried: whole(tried),
    before: whole(both + lost),
    after: whole(both + gained),
    gained: whole(gained),
    lost: whole(lost),
  };
  return t(
    'Held-out lines tried: {tried}. The model before completes {before} exactly as written, the tuned one {after} ({gained} gained, {lost} lost).',
    values,
  );
}

function placeView({ file, line, prefix, actual, before, after }: Place): PlaceView {
  const texts = dedented(prefix.split('\n'));
  const suggested = (text: string): Suggestion => ({
    text: text.trimEnd(),
    isRight: text.trim() === actual.trim(),
  });
  return {
    at: t('{file}, line {line}', { file, line }),
    lines: texts.map((text, at) => ({ number: line - texts.length + 1 + at, text })),
    actual: actual.trim(),
    base: suggested(before),
    result: suggested(after),
  };
}

/** Removes common indentation, for which there is no room side by side. */
function dedented(lines: readonly string[]): string[] {
  const indents = lines.filter((line) => line.trim()).map((line) => /^\s*/.exec(line)![0].length);
  const shared = Math.min(...indents);
  return Number.isFinite(shared) ? lines.map((line) => line.slice(shared)) : [...lines];
}
