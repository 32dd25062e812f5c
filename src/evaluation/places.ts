/**
 * Held-out lines as base and result complete them: a few examples, chosen by a rule from all that the task `workspace`
 * measured, and how many each got right. The rule treats base and result alike.
 */
import type { Place, Places } from '../protocol/evaluation.ts';
import { rightText } from './cursors/completion.ts';
import type { Item, ItemScore } from './task.ts';
import type { CursorItem } from './tasks/workspace-cursors.ts';

/** Lines shown before the cursor. */
const LINES_BEFORE = 4;
const CHARACTERS_BEFORE = 500;
const SHOWN = 3;

export const isRight = ({ actual }: Place, answer: string): boolean => answer === actual;

/** The lines among the items of `workspace`; `scores` of base and result. Undefined if there are none. */
export function findPlaces(
  items: readonly Item[],
  [before, after]: readonly (readonly ItemScore[])[],
): Places | undefined {
  const tried = items
    .flatMap((item, at) => {
      if (!isLine(item)) return [];
      const { path: file, line } = item;
      const answers = { before: getAnswer(before![at]!), after: getAnswer(after![at]!) };
      return [{ file, line, prefix: lastLines(item.before), actual: rightText(item), ...answers }];
    })
    .toSorted((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
  if (tried.length === 0) return undefined;
  const { gained, lost } = groupPlaces(tried);
  const both = tried.filter((place) => isRight(place, place.before) && isRight(place, place.after));
  return {
    shown: choosePlacesToShow(tried),
    tried: tried.length,
    both: both.length,
    gained: gained.length,
    lost: lost.length,
  };
}

/**
 * One place that only the result gets right, one that only the base gets right, and one that both get wrong
 * differently. If a kind is missing, the kind with most places left provides another (in a tie, the kind in favour of
 * the base); after these come places where the two agree. Within a kind: the first, by name, in a file that is not
 * shown yet.
 */
export function choosePlacesToShow(tried: readonly Place[]): Place[] {
  const { gained, lost, differing, alike } = groupPlaces(tried);
  const shown: Place[] = [];
  const take = (kind: Place[]) => {
    const other = kind.findIndex(({ file }) => !shown.some((place) => place.file === file));
    shown.push(...kind.splice(Math.max(0, other), 1));
  };
  for (const kind of [gained, lost, differing]) take(kind);
  while (shown.length < Math.min(SHOWN, tried.length)) {
    const most = [lost, gained, differing].toSorted((a, b) => b.length - a.length)[0]!;
    take(most.length > 0 ? most : alike);
  }
  return shown;
}

function groupPlaces(tried: readonly Place[]): Record<'gained' | 'lost' | 'differing' | 'alike', Place[]> {
  const kinds = { gained: [], lost: [], differing: [], alike: [] } as ReturnType<typeof groupPlaces>;
  for (const place of tried) {
    const [before, after] = [isRight(place, place.before), isRight(place, place.after)];
    if (before !== after) kinds[after ? 'gained' : 'lost'].push(place);
    else kinds[place.before === place.after ? 'alike' : 'differing'].push(place);
  }
  // A place without a suggestion is a poor example.
  kinds.alike.sort((a, b) => Number(b.after !== '') - Number(a.after !== ''));
  return kinds;
}

const isLine = (item: Item): item is CursorItem => 'kind' in item && item.kind === 'line';

const getAnswer = ({ detail }: ItemScore): string => (detail as { answer: string }).answer;

const lastLines = (text: string): string =>
  text.split('\n').slice(-LINES_BEFORE).join('\n').slice(-CHARACTERS_BEFORE);
