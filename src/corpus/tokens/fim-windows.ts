/**
 * Training windows with fill-in-the-middle. Each file (or part of a file) is cut within its window, so that prefix,
 * suffix and middle are always together. Pure functions of the window's position and number.
 */
import { cutForFim, fitCut, type FimTokens } from './fim.ts';
import { assemble, runsFrom, type PlacedRun, type Run, type TokenStream, type Window } from './packing.ts';
import type { Sequence } from './sequences.ts';
import { uniformOf } from '../shuffle.ts';
import type { Draw } from './spans.ts';

/** The parts of a tokenizer that the windows need. */
export interface WindowTokenizer {
  encode(text: string): Int32Array;
  /** Without special tokens. */
  decode(tokens: ArrayLike<number>): string;
  readonly start?: number;
}

export interface FimWindows {
  /** Share of the files in a window that are cut. */
  rate: number;
  /** What is learned of a cut file: all of its text, or only the middle. */
  loss: 'all' | 'middle';
  seed: number;
  marks: FimTokens;
  documentEnd: number;
  /** The token before each file, if files are joined to repositories. */
  fileSeparator: number | undefined;
  tokenizer: WindowTokenizer;
}

/** A file's tokens in a window, including its heading in the repository and its end if they are in the window. */
interface FilePart extends PlacedRun {
  /** Another file of the repository follows in the window. */
  followed: boolean;
}

/** Window number `index`: `size` tokens from `begin` on, minus the room that the cuts take. */
export function fimWindow(
  stream: TokenStream,
  { begin, size, index }: Window,
  windows: FimWindows,
): Sequence {
  const draw = drawsOf(windows.seed, index);
  const runs: Run[] = [];
  let room = size;
  for (const run of runsFrom(stream, begin, size)) {
    let pieces: Run[] = [];
    const close = () => {
      if (pieces.length > 0) runs.push(joined(pieces));
      pieces = [];
    };
    for (const part of partsOf(run, windows.fileSeparator)) {
      // A middle is followed by the end of the document, so the next file has to begin the repository again.
      const first = pieces.length === 0 && part.tokens[0] === windows.fileSeparator;
      const lead = first ? leadOf(stream, part, windows) : undefined;
      const cut = draw() < windows.rate ? cutPart(stream, part, { lead, room, draw }, windows) : undefined;
      for (const piece of cut ?? [...(lead ? [lead] : []), part]) {
        const fitting = firstOf(piece, room);
        if (fitting.tokens.length > 0) pieces.push(fitting);
        room -= fitting.tokens.length;
      }
      if (cut) close();
    }
    close();
  }
  if (room > 0) runs.push(unlearned(new Int32Array(room).fill(windows.documentEnd)));
  return assemble(runs);
}

function drawsOf(seed: number, index: number): Draw {
  let count = 0;
  return () => uniformOf(seed, index, 4, (count += 1));
}

const unlearned = (tokens: Int32Array): Run => ({ tokens, learned: new Uint8Array(tokens.length) });

const firstOf = ({ tokens, learned }: Run, count: number): Run => ({
  tokens: tokens.subarray(0, count),
  learned: learned?.subarray(0, count),
});

function joined(pieces: readonly Run[]): Run {
  const size = pieces.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const whole = { tokens: new Int32Array(size), learned: new Uint8Array(size).fill(1) };
  let at = 0;
  for (const { tokens, learned } of pieces) {
    whole.tokens.set(tokens, at);
    if (learned) whole.learned.set(learned, at);
    at += tokens.length;
  }
  return whole;
}

/** The files of a run, each from its separator on. */
function partsOf(run: PlacedRun, separator: number | undefined): FilePart[] {
  const begins = [0];
  for (let at = 1; separator !== undefined && at < run.tokens.length; at += 1)
    if (run.tokens[at] === separator) begins.push(at);
  return begins.map((from, index) => ({
    tokens: run.tokens.subarray(from, begins[index + 1]),
    at: run.at + from,
    document: run.document,
    followed: index + 1 < begins.length,
  }));
}

/** Most tokens of a repository's name or of a path. */
const LONGEST_NAME = 256;

/** What comes before the first file of the part's document (start token, repository's name); not learned again. */
function leadOf(
  stream: TokenStream,
  { document }: FilePart,
  { documentEnd, fileSeparator, tokenizer }: FimWindows,
): Run {
  const tokens = stream.read(document, Math.min(LONGEST_NAME, stream.length - document));
  const separator = tokens.findIndex((token) => token === fileSeparator || token === documentEnd);
  if (separator >= 0 && tokens[separator] === fileSeparator) return unlearned(tokens.subarray(0, separator));
  return unlearned(tokens.subarray(0, tokens[0] === tokenizer.start ? 1 : 0));
}

/** The heading of the file that contains `at`, from its separator on; undefined if there is none in the document. */
function headingBefore(
  stream: TokenStream,
  { document, at }: FilePart,
  { fileSeparator, tokenizer }: FimWindows,
): { tokens: Int32Array; end: number } | undefined {
  if (fileSeparator === undefined) return undefined;
  const BLOCK = 4096;
  for (let to = at; to > document;) {
    const from = Math.max(document, to - BLOCK);
    const found = stream.read(from, to - from).lastIndexOf(fileSeparator);
    if (found >= 0) {
      const begin = from + found;
      const tokens = stream.read(begin, Math.min(LONGEST_NAME, stream.length - begin));
      const count = headingLength(tokens, tokenizer);
      return { tokens: tokens.subarray(0, count), end: begin + count };
    }
    to = from;
  }
  return undefined;
}

/** Number of tokens of "<file_sep>PATH\n", which was encoded separately from what follows. */
const headingLength = (tokens: Int32Array, { decode }: WindowTokenizer) =>
  tokens.findIndex((token) => decode([token]).includes('\n')) + 1;

interface CutOptions {
  /** Comes first, unless the document's own beginning is there. */
  lead: Run | undefined;
  room: number;
  draw: Draw;
}

/** The file with its heading first and its middle last, in at most `room` tokens; undefined if it can't be cut. */
function cutPart(
  stream: TokenStream,
  part: FilePart,
  place: CutOptions,
  windows: FimWindows,
): Run[] | undefined {
  const { documentEnd, tokenizer, loss, marks } = windows;
  const found = findText(stream, part, place.lead, windows);
  if (!found) return undefined;
  const ended = part.tokens.at(-1) === documentEnd;
  const { head, hiddenBefore } = found;
  const hiddenAfter = !ended && !part.followed;
  let text = tokenizer.decode(part.tokens.subarray(found.begin, ended ? -1 : undefined));
  // A character that the window's border cuts can't be decoded: remove it.
  if (hiddenBefore) text = text.replace(/^\uFFFD+/, '');
  if (hiddenAfter) text = text.replace(/\uFFFD+$/, '');
  const cut = cutForFim({ text, hiddenBefore, hiddenAfter }, place.draw);
  if (!cut) return undefined;
  const encoded = {
    prefix: tokenizer.encode(cut.prefix),
    middle: tokenizer.encode(cut.middle),
    suffix: tokenizer.encode(cut.suffix),
  };
  const headLength = head.reduce((sum, { tokens }) => sum + tokens.length, 0);
  // 4: three marks and the end of the document.
  const room = place.room - headLength - encoded.middle.length - 4;
  if (room < encoded.middle.length) return undefined;
  const fitted = fitCut(encoded, room);
  const { suffix, middle } = fitted;
  const context = (tokens: Int32Array): Run => (loss === 'all' ? { tokens } : unlearned(tokens));
  const mark = (token: number) => unlearned(Int32Array.of(token));
  const isCut = hiddenBefore || fitted.prefix.length < encoded.prefix.length;
  const prefix = isCut ? fromLine(fitted.prefix, tokenizer) : fitted.prefix;
  return [
    ...head,
    mark(marks.prefix),
    // Nothing predicts the first token of a text that begins in the middle of its file.
    ...(isCut ? [unlearned(prefix.subarray(0, 1)), context(prefix.subarray(1))] : [context(prefix)]),
    mark(marks.suffix),
    context(suffix),
    mark(marks.middle),
    { tokens: middle },
    { tokens: Int32Array.of(documentEnd) },
  ];
}

/** How many tokens to search for the beginning of a line. */
const LONGEST_LINE = 48;

/** As in the editor, the text before the cursor begins at the beginning of a line, if there is one near by. */
function fromLine(prefix: Int32Array, { decode }: WindowTokenizer): Int32Array {
  const near = prefix.subarray(0, Math.min(LONGEST_LINE, prefix.length / 4));
  return prefix.subarray(near.findIndex((token) => decode([token]).endsWith('\n')) + 1);
}

interface Found {
  /** What comes before the file's text, as in a completion prompt. */
  head: Run[];
  /** Index in the part where the file's text begins. */
  begin: number;
  hiddenBefore: boolean;
}

/** Undefined if the part is a repository's name. */
function findText(
  stream: TokenStream,
  part: FilePart,
  lead: Run | undefined,
  windows: FimWindows,
): Found | undefined {
  const { tokens, at, document, followed } = part;
  const { fileSeparator, tokenizer, loss } = windows;
  const own = (count: number): Run =>
    loss === 'all' ? firstOf(part, count) : unlearned(tokens.subarray(0, count));
  if (fileSeparator !== undefined && tokens[0] === fileSeparator) {
    const begin = headingLength(tokens, tokenizer);
    return begin === 0
      ? undefined
      : { head: [...(lead ? [lead] : []), own(begin)], begin, hiddenBefore: false };
  }
  if (at === document) {
    const begin = tokens[0] === tokenizer.start ? 1 : 0;
    return followed ? undefined : { head: [own(begin)], begin, hiddenBefore: false };
  }
  const heading = headingBefore(stream, part, windows);
  if (!heading && followed) return undefined;
  const head = [leadOf(stream, part, windows), ...(heading ? [unlearned(heading.tokens)] : [])];
  const begin = Math.max(0, (heading?.end ?? at) - at);
  return { head, begin, hiddenBefore: begin === 0 };
}
