/** Places in real files where somebody types lines again that stand there, in an editor that closes brackets itself. */
import { openAt, readOn, type Opened } from '../../src/completion/brackets.ts';
import { gate, languageIdOf, languageOf, type CursorDocument } from '../../src/completion/index.ts';
import { uniform } from '../../src/statistics/random.ts';

/** A cursor, and what the person is about to write there. */
export interface Place {
  document: CursorDocument;
  truth: string;
}

/** Lines that are typed, and cursors among their keys. */
const LINES = 10;
const KEYS = 8;
const LEAST_AROUND = 15;
/** How often a file is tried. */
const MOST_TURNS = 8;

/** Chooses regions in files, as many as are asked for, and keys in each. `isWhole` says whether a text parses. */
export function placesIn(
  files: readonly { path: string; text: string }[],
  regions: number,
  isWhole: (text: string) => boolean,
): Place[][] {
  const random = uniform(33);
  const shuffled = files
    .map((file) => ({ file, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ file }) => file);
  const chosen: Place[][] = [];
  for (let turn = 0; chosen.length < regions && turn < MOST_TURNS * shuffled.length; turn += 1) {
    const { path, text } = shuffled[turn % shuffled.length]!;
    const region = regionOf(text.split('\n'), random);
    if (region && isWhole(text) && isWhole(region.head + region.tail))
      chosen.push(keysIn(path, region, random));
  }
  return chosen;
}

interface Region {
  head: string;
  typed: string;
  tail: string;
}

function regionOf(lines: readonly string[], random: () => number): Region | undefined {
  const room = lines.length - LINES - 2 * LEAST_AROUND;
  if (room <= 0) return undefined;
  const from = LEAST_AROUND + Math.floor(random() * room);
  const head = `${lines.slice(0, from).join('\n')}\n`;
  const tail = `\n${lines.slice(from + LINES).join('\n')}`;
  return { head, typed: lines.slice(from, from + LINES).join('\n'), tail };
}

/** Places at random keys, in their order; none in indentation, which the editor writes. */
function keysIn(path: string, { head, typed, tail }: Region, random: () => number): Place[] {
  const keys = [...typed.matchAll(/(?<=^[ \t]*)(?![ \t])./gmu), ...typed.matchAll(/(?<=\S.*)./gu)].map(
    ({ index }) => index,
  );
  const picked = new Set<number>();
  for (let tries = 0; picked.size < KEYS && tries < 10 * KEYS && keys.length > 0; tries += 1) {
    const at = keys[Math.floor(random() * keys.length)]!;
    if (!gate({ ...documentAt(path, head, typed.slice(0, at), tail), selections: [0] })) picked.add(at);
  }
  return [...picked]
    .sort((a, b) => a - b)
    .map((at) => ({
      document: documentAt(path, head, typed.slice(0, at), tail),
      truth: typed.slice(at) + tail,
    }));
}

/** The document when `typed` was typed: the editor has added what closes its brackets and quotes. */
function documentAt(path: string, head: string, typed: string, tail: string): CursorDocument {
  const languageId = languageIdOf(path);
  const language = languageOf(languageId);
  let open: readonly Opened[] = openAt(head, language);
  const below = open.length;
  /** The indentation of the line on which each was opened. */
  const indents: (string | undefined)[] = [];
  const lines = typed.split('\n');
  let sameLine = open.length;
  for (const [index, line] of lines.entries()) {
    const last = index === lines.length - 1;
    sameLine = open.length;
    const next = readOn(last ? line : `${line}\n`, language, open, {
      onClosing: ({ ends }) => ends !== undefined && (sameLine = Math.min(sameLine, ends)),
    });
    for (let at = sameLine; at < next.length; at += 1) indents[at] = /^\s*/.exec(line)![0];
    open = next;
  }
  let closers = '';
  for (let at = open.length - 1; at >= below; at -= 1) {
    const { kind, closer } = open[at]!;
    if (kind === 'comment') continue;
    if (at >= sameLine) closers += closer;
    else if (kind === 'bracket') closers += `\n${indents[at] ?? ''}${closer}`;
  }
  return { path, languageId, before: head + typed, after: closers + tail };
}
