/**
 * What suggestions cost and save a user who knows what they are going to write: a keystroke-level model (Card, Moran &
 * Newell 1980, doi.org/10.1145/358886.358895). Pure.
 *
 * Reading and deciding are from CUPS (Mozannar et al. 2022, arXiv 2210.14306), the telemetry of 21 programmers with
 * Copilot. For 371 accepted suggestions, the time from appearing to Tab is .91 s and 16 ms a character at the lower
 * quartile ([.78, 1.11] and [7, 20]), and 1.42 s and 28 ms at the median ([1.09, 1.77] and [16, 40]; quantile
 * regression). A decision is what remains after a glance and a key: the most uncertain figure; the keystroke-level model
 * has 1,350 ms. Readers of prose take 18 to 45 ms a character (Brysbaert 2019).
 */
import { quickReader } from '../../src/completion/answer/worth.ts';
import { commonPrefix } from '../../src/completion/code/text.ts';
import { typedCharacters, typingTime } from './keys.ts';

/** Times in milliseconds. */
export interface Costs {
  /** Pressing a key of a command, such as Tab. */
  key: number;
  /** Looking at something new on the screen. */
  glance: number;
  /** Reading a character. */
  character: number;
  /** Deciding to accept it. */
  decision: number;
}

/**
 * The lower quartile and the median of users who accepted a suggestion in CUPS. A glance is an eye movement: 70 to 700 ms
 * (Card, Moran & Newell 1983).
 */
export const paces = {
  quick: quickReader,
  median: { ...quickReader, character: 28, decision: 990 },
} satisfies Record<string, Costs>;

/**
 * Probability of overlooking an error in a suggestion that begins correctly: proofreaders with the right text beside it
 * miss 5 to 11%, others a fifth to a third (Panko's summary, https://panko.com/HumanErr/Proofreading.html). Uncertain.
 */
export const OVERLOOKED = 0.1;
/** Ctrl+Z. */
const UNDO_KEYS = 2;

export interface Taken {
  kind: Kind;
  text: string;
  /** Number of keys of the commands that accept it. */
  keys: number;
}

type Kind = 'all' | 'lines' | 'words';
/** How each simulated user accepts suggestions. */
const kindsOf = {
  words: ['all', 'lines', 'words'],
  lines: ['all', 'lines'],
  whole: ['all'],
} satisfies Record<string, Kind[]>;
export type Person = keyof typeof kindsOf;
export const persons = Object.keys(kindsOf) as Person[];

/** What is on the screen, and the place in the text to type. */
interface Sight {
  shown: string;
  typed: string;
  at: number;
}

/** The correct part whose acceptance saves the most time; undefined if none is faster than typing. */
export function takenOf({ shown, typed, at }: Sight, person: Person, costs: Costs): Taken | undefined {
  const wanted = typed.slice(at);
  const saving = (taken: Taken) => typingTime(typed, at, at + taken.text.length) - takingTime(taken, costs);
  return kindsOf[person]
    .map((kind) => partOf[kind](shown.trimEnd(), wanted, person))
    .filter((taken) => saving(taken) > 0)
    .sort((a, b) => saving(b) - saving(a))[0];
}

/** What each command would accept, as far as it is correct. */
const partOf: Record<Kind, (whole: string, wanted: string, person: Person) => Taken> = {
  all: (whole, wanted, person) => {
    const isIt = person === 'words' ? isRightWord : isRightLine;
    return { kind: 'all', text: isIt(whole, wanted) ? whole : '', keys: 1 };
  },
  // Shift+Alt+\ and Ctrl+Right, where all but the last key stay pressed.
  lines: (whole, wanted) => run('lines', whole, (text) => isRightLine(text, wanted)),
  words: (whole, wanted) => run('words', whole, (text) => isRightWord(text, wanted)),
};

const steps = {
  lines: { step: /\n*[^\n]*/y, held: 2 },
  words: { step: /\s*(?:\w+|[^\w\s]+)/y, held: 1 },
};

/** As many consecutive correct steps as possible, one key each. */
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

/** Correct up to the end of a line or of the text. */
const isRightLine = (text: string, wanted: string) =>
  wanted.startsWith(text) && /^(?:[ \t]*\n|\s*$)/.test(wanted.slice(text.length));
const isRightWord = (text: string, wanted: string) =>
  wanted.startsWith(text) && !(/\w$/.test(text) && /^\w/.test(wanted.slice(text.length)));

/** Whether the whole suggestion or its first line is correct. */
export function isRight({ shown, typed, at }: Sight): boolean {
  const wanted = typed.slice(at);
  return [shown.trimEnd(), /^\n*[^\n]*/.exec(shown)![0].trimEnd()].some((text) => isRightLine(text, wanted));
}

/** Times in milliseconds. */
interface Look {
  /** The glance, and reading up to the first wrong word. */
  looking: number;
  /** Expected cost of overlooking an error; an expectation, so that chance does not widen intervals. */
  correcting: number;
  /** Expected number of suggestions that were wrongly accepted and undone. */
  reversed: number;
}

/** The cost of looking at a suggestion whose first `read` characters are already known. */
export function lookAt(sight: Sight, read: number, costs: Costs): Look {
  const { shown, typed, at } = sight;
  const reading = (from: number, to: number) => costs.character * typedCharacters(shown, from, to);
  const wanted = typed.slice(at);
  const wrong = firstWrong(shown.trimEnd(), wanted);
  const looking = costs.glance + reading(read, wrong ?? shown.length);
  const tab = takingTime({ keys: 1 }, costs);
  // An error in the first word is always seen, and text is judged only once.
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

/** The end of the first wrong word; undefined if all are right. */
function firstWrong(shown: string, wanted: string): number | undefined {
  if (wanted.startsWith(shown)) return undefined;
  const same = commonPrefix(shown, wanted);
  return same + /^(?:\w+|[^\w\s]+|\s+)?/.exec(shown.slice(same))![0].length;
}
