/**
 * Training windows with fill-in-the-middle. Each file (or part of a file) is cut within its window, so that prefix,
 * suffix and middle are always together. Pure functions of the window's position and index.
 */
import { cutForFim, truncateCut, type FimTokens } from './fim.ts';
import {
  assemble,
  runsFrom,
  type PositionedRun,
  type TokenRun,
  type TokenStream,
  type Window,
} from './packing.ts';
import type { Sequence } from './sequences.ts';
import { uniform } from '../shuffle.ts';
import type { Draw } from './spans.ts';

/** The parts of a tokenizer that the windows need. */
export interface WindowTokenizer {
  encode(text: string): Int32Array;
  /** Without special tokens. */
  decode(tokens: ArrayLike<number>): string;
  readonly start?: number;
}

export interface FimWindows {
  /** Fraction of the files in a window that are cut. */
  rate: number;
  /** Which part of a cut file counts in the loss: all of its text, or only the middle. */
  loss: 'all' | 'middle';
  seed: number;
  marks: FimTokens;
  documentEnd: number;
  /** The token before each file, if files are joined into repositories. */
  fileSeparator: number | undefined;
  tokenizer: WindowTokenizer;
}

/** A file's tokens in a window, including its heading in the repository and its end, if they are in the window. */
interface FilePart extends PositionedRun {
  /** Whether another file of the repository follows in the window. */
  followed: boolean;
}

/** Window number `index`: `size` tokens starting at `begin`, minus the tokens added by the cuts. */
export function fimWindow(
  stream: TokenStream,
  { begin, size, index }: Window,
  windows: FimWindows,
): Sequence {
  const draw = createDraw(windows.seed, index);
  const runs: TokenRun[] = [];
  let room = size;
  for (const run of runsFrom(stream, begin, size)) {
    let pieces: TokenRun[] = [];
    const flush = () => {
      if (pieces.length > 0) runs.push(concatenate(pieces));
      pieces = [];
    };
    for (const part of splitFiles(run, windows.fileSeparator)) {
      // A middle is followed by the end of the document, so the next file has to begin the repository again.
      const first = pieces.length === 0 && part.tokens[0] === windows.fileSeparator;
      const lead = first ? repositoryLead(stream, part, windows) : undefined;
      const cut = draw() < windows.rate ? cutPart(stream, part, { lead, room, draw }, windows) : undefined;
      for (const piece of cut ?? [...(lead ? [lead] : []), part]) {
        const fitted = truncate(piece, room);
        if (fitted.tokens.length > 0) pieces.push(fitted);
        room -= fitted.tokens.length;
      }
      if (cut) flush();
    }
    flush();
  }
  if (room > 0) runs.push(asContext(new Int32Array(room).fill(windows.documentEnd)));
  return assemble(runs);
}

function createDraw(seed: number, index: number): Draw {
  let count = 0;
  return () => uniform(seed, index, 4, (count += 1));
}

const asContext = (tokens: Int32Array): TokenRun => ({ tokens, learned: new Uint8Array(tokens.length) });

const truncate = ({ tokens, learned }: TokenRun, count: number): TokenRun => ({
  tokens: tokens.subarray(0, count),
  learned: learned?.subarray(0, count),
});

function concatenate(pieces: readonly TokenRun[]): TokenRun {
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

/** The files of a run, each starting with its separator. */
function splitFiles(run: PositionedRun, separator: number | undefined): FilePart[] {
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

/** Most tokens of a repository name or a path. */
const MAX_NAME_LENGTH = 256;

/** What precedes the first file of the part's document (start token, repository name); not learned again. */
function repositoryLead(
  stream: TokenStream,
  { document }: FilePart,
  { documentEnd, fileSeparator, tokenizer }: FimWindows,
): TokenRun {
  const tokens = stream.read(document, Math.min(MAX_NAME_LENGTH, stream.length - document));
  const separator = tokens.findIndex((token) => token === fileSeparator || token === documentEnd);
  if (separator >= 0 && tokens[separator] === fileSeparator) return asContext(tokens.subarray(0, separator));
  return asContext(tokens.subarray(0, tokens[0] === tokenizer.start ? 1 : 0));
}

/** The heading of the file that contains `at`, starting with its separator; undefined if the document has none. */
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
      const tokens = stream.read(begin, Math.min(MAX_NAME_LENGTH, stream.length - begin));
      const count = headingLength(tokens, tokenizer);
      return { tokens: tokens.subarray(0, count), end: begin + count };
    }
    to = from;
  }
  return undefined;
}

/** Number of tokens of "<file_sep>PATH\n", which was encoded separately from the text after it. */
const headingLength = (tokens: Int32Array, { decode }: WindowTokenizer) =>
  tokens.findIndex((token) => decode([token]).includes('\n')) + 1;

interface CutOptions {
  /** Comes first, unless the part includes the document's own beginning. */
  lead: TokenRun | undefined;
  room: number;
  draw: Draw;
}

/** The file with its heading first and its middle last, at most `room` tokens; undefined if it can't be cut. */
function cutPart(
  stream: TokenStream,
  part: FilePart,
  options: CutOptions,
  windows: FimWindows,
): TokenRun[] | undefined {
  const { documentEnd, tokenizer, loss, marks } = windows;
  const location = findText(stream, part, options.lead, windows);
  if (!location) return undefined;
  const hasEnd = part.tokens.at(-1) === documentEnd;
  const { head, hiddenBefore } = location;
  const hiddenAfter = !hasEnd && !part.followed;
  let text = tokenizer.decode(part.tokens.subarray(location.begin, hasEnd ? -1 : undefined));
  // A character split by the window's border can't be decoded: remove it.
  if (hiddenBefore) text = text.replace(/^\uFFFD+/, '');
  if (hiddenAfter) text = text.replace(/\uFFFD+$/, '');
  const cut = cutForFim({ text, hiddenBefore, hiddenAfter }, options.draw);
  if (!cut) return undefined;
  const encoded = {
    prefix: tokenizer.encode(cut.prefix),
    middle: tokenizer.encode(cut.middle),
    suffix: tokenizer.encode(cut.suffix),
  };
  const headLength = head.reduce((sum, { tokens }) => sum + tokens.length, 0);
  // 4: three marks and the end of the document.
  const room = options.room - headLength - encoded.middle.length - 4;
  if (room < encoded.middle.length) return undefined;
  const fitted = truncateCut(encoded, room);
  const { suffix, middle } = fitted;
  const context = (tokens: Int32Array): TokenRun => (loss === 'all' ? { tokens } : asContext(tokens));
  const mark = (token: number) => asContext(Int32Array.of(token));
  const isCut = hiddenBefore || fitted.prefix.length < encoded.prefix.length;
  const prefix = isCut ? alignToLine(fitted.prefix, tokenizer) : fitted.prefix;
  return [
    ...head,
    mark(marks.prefix),
    // Nothing predicts the first token of a text that begins in the middle of its file.
    ...(isCut ? [asContext(prefix.subarray(0, 1)), context(prefix.subarray(1))] : [context(prefix)]),
    mark(marks.suffix),
    context(suffix),
    mark(marks.middle),
    { tokens: middle },
    { tokens: Int32Array.of(documentEnd) },
  ];
}

/** How many tokens to search for a line start. */
const MAX_LINE_LENGTH = 48;

/** As in the editor, the text before the cursor begins at a line start, if there is one nearby. */
function alignToLine(prefix: Int32Array, { decode }: WindowTokenizer): Int32Array {
  const near = prefix.subarray(0, Math.min(MAX_LINE_LENGTH, prefix.length / 4));
  return prefix.subarray(near.findIndex((token) => decode([token]).endsWith('\n')) + 1);
}

interface TextLocation {
  /** What precedes the file's text, as in a completion prompt. */
  head: TokenRun[];
  /** Index in the part at which the file's text begins. */
  begin: number;
  hiddenBefore: boolean;
}

/** Undefined if the part is a repository name. */
function findText(
  stream: TokenStream,
  part: FilePart,
  lead: TokenRun | undefined,
  windows: FimWindows,
): TextLocation | undefined {
  const { tokens, at, document, followed } = part;
  const { fileSeparator, tokenizer, loss } = windows;
  const leadingRun = (count: number): TokenRun =>
    loss === 'all' ? truncate(part, count) : asContext(tokens.subarray(0, count));
  if (fileSeparator !== undefined && tokens[0] === fileSeparator) {
    const begin = headingLength(tokens, tokenizer);
    return begin === 0
      ? undefined
      : { head: [...(lead ? [lead] : []), leadingRun(begin)], begin, hiddenBefore: false };
  }
  if (at === document) {
    const begin = tokens[0] === tokenizer.start ? 1 : 0;
    return followed ? undefined : { head: [leadingRun(begin)], begin, hiddenBefore: false };
  }
  const heading = headingBefore(stream, part, windows);
  if (!heading && followed) return undefined;
  const head = [repositoryLead(stream, part, windows), ...(heading ? [asContext(heading.tokens)] : [])];
  const begin = Math.max(0, (heading?.end ?? at) - at);
  return { head, begin, hiddenBefore: begin === 0 };
}
