/**
 * Held-out cursors as sequences whose end has to be predicted: the prompt that completion would send, in exactly the
 * server's tokens, followed by the actual text at the cursor. One pass gives the probability of that text, which
 * changes long before the text that the model would generate.
 */
import type { Tokenizer } from '../../llama-cpp/tokenizer.ts';
import type { ModelRequest } from '../../completion/index.ts';
import type { Corpus } from '../../corpus/index.ts';
import type { RunSpec } from '../../protocol/run.ts';
import { layOutRequest } from '../../serving/tokens/request-tokens.ts';
import { requestAt, type PlacedCursor } from './completion.ts';
import { spread } from '../../statistics/statistics.ts';
import { findCursors, type Cursor, type CursorKind } from './cursors.ts';
import { heldOutDocuments } from './held-out.ts';
import { placeCursors } from './place.ts';

export interface Continuation {
  tokens: number[];
  /** Number of tokens at the end that are the text at the cursor. */
  answerTokens: number;
  /** Bytes of that text. */
  bytes: number;
}

export interface CursorContinuation extends Continuation {
  kind: CursorKind;
  path: string;
  /** From 1. */
  line: number;
}

/** Share of cursors within a line; the others are before a block. */
const LINE_SHARE = 2 / 3;
/**
 * Lines of the text at a cursor: four are more informative than the rest of one line and take no more time, most of
 * which goes into the prompt. At the same 24 cursors of click and TanStack DB, the gain was 4.7 and 3.5 half-widths of
 * its interval, instead of 1.2 and 2.9 (eight lines: 2.2 and 3.5).
 */
const LINES = 4;
/** Largest share of the context that the text at the cursor may take: lines may be long. */
const MAX_SHARE = 1 / 4;
/** Tokens of a prompt and the text at the cursor: the server's context size. */
const CONTEXT_TOKENS = 2048;

/**
 * The continuations of `count` cursors, or of as many as there are, and of up to `spare` others, from as many files as
 * possible.
 */
export async function cursorContinuations(
  corpus: Corpus,
  tokenizer: Tokenizer,
  spec: Pick<RunSpec, 'folder' | 'folders' | 'corpus'>,
  count: number,
  { spare = 0, signal }: { spare?: number; signal?: AbortSignal | undefined } = {},
): Promise<{ cursors: CursorContinuation[]; spare: CursorContinuation[] }> {
  const documents = heldOutDocuments(corpus, tokenizer);
  const find = (all: number) => findCursors(documents, countsOf(all));
  const cursors = find(count);
  const others = spare > 0 ? chooseOthers(cursors, find(count + spare), countsOf(spare)) : [];
  const placed = await placeCursors([...cursors, ...others], corpus, tokenizer, spec, {
    lines: LINES,
    signal,
  });
  const continuations = await Promise.all(placed.map((cursor) => continuationAt(cursor, tokenizer, signal)));
  const isThere = (one: CursorContinuation | undefined) => one !== undefined;
  return {
    cursors: continuations.slice(0, cursors.length).filter(isThere),
    spare: continuations.slice(cursors.length).filter(isThere),
  };
}

const countsOf = (all: number): Record<CursorKind, number> => {
  const line = Math.ceil(LINE_SHARE * all);
  return { line, block: all - line };
};

/** Cursors among `more` that are not among `cursors`, spread over those of each kind. */
export function chooseOthers(
  cursors: readonly Cursor[],
  more: readonly Cursor[],
  counts: Record<CursorKind, number>,
): Cursor[] {
  const known = new Set(cursors.map(placeOf));
  return (['line', 'block'] as const).flatMap((kind) => {
    const others = more.filter((cursor) => cursor.kind === kind && !known.has(placeOf(cursor)));
    return spread(others.length, counts[kind]).map((at) => others[at]!);
  });
}

const placeOf = ({ path, line, column }: Cursor): string => `${path}:${line}:${column}`;

/** Undefined if there is nothing to ask, or the text at the cursor is too long. */
async function continuationAt(
  cursor: PlacedCursor,
  tokenizer: Tokenizer,
  signal: AbortSignal | undefined,
): Promise<CursorContinuation | undefined> {
  const fillInTheMiddle = () => tokenizer.fim !== undefined;
  const request = await requestAt(cursor, { fillInTheMiddle, maxTokens: 1, model: '', signal });
  const { kind, path, line, actual } = cursor;
  if (!request || tokenizer.encode(actual).length > MAX_SHARE * CONTEXT_TOKENS) return undefined;
  return { kind, path, line, ...buildContinuation(request, actual, tokenizer, CONTEXT_TOKENS) };
}

/** A request followed by an answer; the prompt is cut so that both have at most `contextTokens` tokens. */
export function buildContinuation(
  { heal = '', ...request }: ModelRequest,
  actual: string,
  tokenizer: Tokenizer,
  contextTokens: number,
): Continuation {
  const { start, fim, eos, fileSeparator } = tokenizer;
  const llama = {
    tokenize: (text: string, special?: boolean) => [...tokenizer.encode(text, { special: special ?? false })],
    tokens: { bos: start ?? null, eos },
  };
  const vocabulary = { bos: start, fill: fim, repository: { file: fileSeparator } };
  // The server first generates the healed text again (token healing).
  const text = heal + actual;
  const answer = tokenizer.encode(text);
  const room = contextTokens - answer.length;
  const prompt = layOutRequest({ ...request, maxTokens: 0 }, llama, vocabulary, room).tokens;
  return {
    tokens: [...prompt, ...answer],
    answerTokens: answer.length,
    bytes: Buffer.byteLength(text),
  };
}
