/**
 * Held-out lines as base and result complete them: a few to look at, chosen by rule among all that the task
 * `workspace` measured, and how many of those each got right. The rule treats base and result alike.
 */
import type { Place, Places } from '../protocol/evaluation.ts';
import type { Item, ItemScore } from './task.ts';
import type { CursorItem } from './tasks/workspace-cursors.ts';

/** What is shown of the text before the cursor. */
const LINES_BEFORE = 4;
const CHARACTERS_BEFORE = 500;
const SHOWN = 3;

export const isRight = ({ actual }: Place, answer: string): boolean => answer === actual;

/** The lines among the items of `workspace`; `scores` of base and result. Undefined if there are none. */
export function placesIn(
  items: readonly Item[],
  [before, after]: readonly (readonly ItemScore[])[],
): Places | undefined {
  const tried = items
    .flatMap((item, at) => {
      if (!isLine(item)) return [];
      const { path: file, line, actual } = item;
      const answers = { before: answerOf(before![at]!), after: answerOf(after![at]!) };
      return [{ file, line, prefix: lastLines(item.before), actual, ...answers }];
    })
    .toSorted((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
  if (tried.length === 0) return undefined;
  const { gained, lost } = kindsOf(tried);
  const both = tried.filter((one) => isRight(one, one.before) && isRight(one, one.after));
  return {
    shown: placesToShow(tried),
    ...{ tried: tried.length, both: both.length, gained: gained.length, lost: lost.length },
  };
}

/**
 * One that only the result gets right, one that only the base gets right, one that both get wrong in different ways.
 * Where a kind is missing, the kind of these with most places left gives another one (of two that have as many, the one
 * that speaks for the base); after them come places where the two agree. Within a kind: the first, by name, in a file
 * that is not shown yet.
 */
export function placesToShow(tried: readonly Place[]): Place[] {
  const { gained, lost, differing, alike } = kindsOf(tried);
  const shown: Place[] = [];
  const take = (kind: Place[]) => {
    const other = kind.findIndex(({ file }) => !shown.some((one) => one.file === file));
    shown.push(...kind.splice(Math.max(0, other), 1));
  };
  for (const kind of [gained, lost, differing]) take(kind);
  while (shown.length < Math.min(SHOWN, tried.length)) {
    const most = [lost, gained, differing].toSorted((a, b) => b.length - a.length)[0]!;
    take(most.length > 0 ? most : alike);
  }
  return shown;
}

function kindsOf(tried: readonly Place[]): Record<'gained' | 'lost' | 'differing' | 'alike', Place[]> {
  const kinds = { gained: [], lost: [], differing: [], alike: [] } as ReturnType<typeof kindsOf>;
  for (const place of tried) {
    const [before, after] = [isRight(place, place.before), isRight(place, place.after)];
    if (before !== after) kinds[after ? 'gained' : 'lost'].push(place);
    else kinds[place.before === place.after ? 'alike' : 'differing'].push(place);
  }
  // A place where nothing is suggested has little to see.
  kinds.alike.sort((a, b) => Number(b.after !== '') - Number(a.after !== ''));
  return kinds;
}

const isLine = (item: Item): item is CursorItem => 'kind' in item && item.kind === 'line';

const answerOf = ({ detail }: ItemScore): string => (detail as { answer: string }).answer;

const lastLines = (text: string): string =>
  text.split('\n').slice(-LINES_BEFORE).join('\n').slice(-CHARACTERS_BEFORE);
