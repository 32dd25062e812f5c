/**
 * What suggestions cost a person who knows what they are going to write, and what they save: a keystroke-level model
 * (Card, Moran & Newell 1980). Pure. Sources of the constants, and which are uncertain: docs/benchmarks.md.
 */
import { commonPrefix } from '../../src/completion/code/text.ts';
import { typedCharacters, typingTime } from './keys.ts';

/** Milliseconds. */
export interface Costs {
  /** A key of a command, such as Tab. */
  key: number;
  /** Turning to what is new on the screen. */
  glance: number;
  /** Reading a character. */
  character: number;
  /** Making up one's mind to take it. */
  decision: number;
}

const hands = { key: 200, glance: 230 };
/** As quick as the lower quartile of those who took a suggestion in CUPS, or as half of them. */
export const paces = {
  quick: { ...hands, character: 16, decision: 480 },
  median: { ...hands, character: 28, decision: 990 },
} satisfies Record<string, Costs>;

/** How often somebody overlooks that what they have read is wrong, where it begins right. */
export const OVERLOOKED = 0.1;
/** Ctrl+Z. */
const UNDO_KEYS = 2;

export interface Taken {
  kind: Kind;
  text: string;
  /** Keys of the commands that take it. */
  keys: number;
}

type Kind = 'all' | 'lines' | 'words';
/** What of a suggestion each person takes, where it is right. */
const kindsOf = {
  words: ['all', 'lines', 'words'],
  lines: ['all', 'lines'],
  whole: ['all'],
} satisfies Record<string, Kind[]>;
export type Person = keyof typeof kindsOf;
export const persons = Object.keys(kindsOf) as Person[];

/** What is on the screen, and where it would be typed. */
export interface Sight {
  shown: string;
  typed: string;
  at: number;
}

/** The part that saves most of those that are right and faster taken than typed; undefined if none is. */
export function takenOf({ shown, typed, at }: Sight, person: Person, costs: Costs): Taken | undefined {
  const wanted = typed.slice(at);
  const saving = (taken: Taken) => typingTime(typed, at, at + taken.text.length) - takingTime(taken, costs);
  return kindsOf[person]
    .map((kind) => partOf[kind](shown.trimEnd(), wanted, person))
    .filter((taken) => saving(taken) > 0)
    .sort((a, b) => saving(b) - saving(a))[0];
}

/** What each command takes of a suggestion, as far as it is right. */
const partOf: Record<Kind, (whole: string, wanted: string, person: Person) => Taken> = {
  all: (whole, wanted, person) => {
    const isIt = person === 'words' ? isRightWord : isRightLine;
    return { kind: 'all', text: isIt(whole, wanted) ? whole : '', keys: 1 };
  },
  // Shift+Alt+\ and Ctrl+Right, of which all but the last key are held.
  lines: (whole, wanted) => run('lines', whole, (text) => isRightLine(text, wanted)),
  words: (whole, wanted) => run('words', whole, (text) => isRightWord(text, wanted)),
};

const steps = {
  lines: { step: /\n*[^\n]*/y, held: 2 },
  words: { step: /\s*(?:\w+|[^\w\s]+)/y, held: 1 },
};

/** As many steps as are right together, a key each. */
function run(kind: 'lines' | 'words', whole: string, isRight: (text: string) => boolean): Taken {
  const { step, held } = steps[kind];
  let [text, keys] = ['', held];
  for (;;) {
    step.lastIndex = text.length;
    const next = text + (step.exec(whole)?.[0] ?? '');
    if (next === text || !isRight(next)) return { kind, text, keys };
    [text, keys] = [next, keys + 1];
  }
}

export const takingTime = ({ keys }: Pick<Taken, 'keys'>, { decision, key }: Costs): number =>
  decision + keys * key;

/** Right up to the end of a line, or of everything. */
const isRightLine = (text: string, wanted: string) =>
  wanted.startsWith(text) && /^(?:[ \t]*\n|\s*$)/.test(wanted.slice(text.length));
const isRightWord = (text: string, wanted: string) =>
  wanted.startsWith(text) && !(/\w$/.test(text) && /^\w/.test(wanted.slice(text.length)));

/** Whether all that is shown, or its first line, is what is typed. */
export function isRight({ shown, typed, at }: Sight): boolean {
  const wanted = typed.slice(at);
  return [shown.trimEnd(), /^\n*[^\n]*/.exec(shown)![0].trimEnd()].some((text) => isRightLine(text, wanted));
}

/** Milliseconds. */
export interface Look {
  /** The glance, and reading up to the first word that is wrong. */
  looking: number;
  /** What comes of overlooking that it is wrong: expected, so that chance makes no interval wider. */
  correcting: number;
  /** Expected number of suggestions that were taken so, and undone. */
  reversed: number;
}

/** Looks at what is shown; the first `read` characters are known. */
export function lookAt(sight: Sight, read: number, costs: Costs): Look {
  const { shown, typed, at } = sight;
  const reading = (from: number, to: number) => costs.character * typedCharacters(shown, from, to);
  const wanted = typed.slice(at);
  const wrong = firstWrong(shown.trimEnd(), wanted);
  const looking = costs.glance + reading(read, wrong ?? shown.length);
  const tab = takingTime({ keys: 1 }, costs);
  // Where a person looks, they see a wrong word; what they have read is judged once.
  const firstWord = /^\s*(?:\w+|[^\w\s]+)/.exec(shown)?.[0] ?? '';
  const isTempting =
    wrong !== undefined &&
    wrong > Math.max(read, firstWord.length) &&
    typingTime(shown, 0, shown.length) > tab;
  if (!isTempting) return { looking, correcting: 0, reversed: 0 };
  const noticing = costs.glance + reading(0, wrong);
  const correcting = reading(wrong, shown.length) + tab + noticing + UNDO_KEYS * costs.key;
  return { looking, correcting: OVERLOOKED * correcting, reversed: OVERLOOKED };
}

/** The end of the first word that is wrong; undefined if none is. */
function firstWrong(shown: string, wanted: string): number | undefined {
  if (wanted.startsWith(shown)) return undefined;
  const same = commonPrefix(shown, wanted);
  return same + /^(?:\w+|[^\w\s]+|\s+)?/.exec(shown.slice(same))![0].length;
}
