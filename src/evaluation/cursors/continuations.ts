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
import { findCursors, type CursorKind } from './cursors.ts';
import { heldOutDocuments } from './held-out.ts';
import { placeCursors } from './place.ts';

export interface Continuation {
  tokens: number[];
  /** Number of tokens at the end that are the text at the cursor. */
  answerTokens: number;
  /** Bytes of that text, and those of them that stand before the cursor (token healing). */
  bytes: number;
  begun: number;
}

export interface CursorContinuation extends Continuation {
  kind: CursorKind;
  path: string;
  /** From 1. */
  line: number;
  /** The cursor's line before the text. */
  typed: string;
}

/** Share of cursors within a line; the others are before a block. */
const LINE_SHARE = 2 / 3;
/**
 * Lines of the text at a cursor. While they are typed, the editor's prompt stays the same and what was typed follows it
 * (completion/prompt/anchor.ts), so one pass measures a request in each of the lines. Most of the time goes into the
 * prompt: at 40 cursors of this repository twelve lines narrow the interval of the gain from .0087 to .0066 bits per
 * byte (docs/experiments.md).
 */
export const LINES = 12;
/** Largest share of the context that the text at the cursor may take: lines may be long. */
const MAX_SHARE = 1 / 4;
/** Tokens of a prompt and the text at the cursor: the server's context size. */
const CONTEXT_TOKENS = 2048;

/** The continuations of `count` cursors, or of as many as there are, from as many files as possible. */
export async function cursorContinuations(
  corpus: Corpus,
  tokenizer: Tokenizer,
  spec: Pick<RunSpec, 'folder' | 'folders' | 'corpus'>,
  count: number,
  signal?: AbortSignal,
): Promise<CursorContinuation[]> {
  const line = Math.ceil(LINE_SHARE * count);
  const cursors = findCursors(heldOutDocuments(corpus, tokenizer), { line, block: count - line });
  const placed = await placeCursors(cursors, corpus, tokenizer, spec, { lines: LINES, signal });
  const continuations = await Promise.all(placed.map((cursor) => continuationAt(cursor, tokenizer, signal)));
  return continuations.filter((one) => one !== undefined);
}

/** Undefined if there is nothing to ask, or the text at the cursor is too long. */
async function continuationAt(
  cursor: PlacedCursor,
  tokenizer: Tokenizer,
  signal: AbortSignal | undefined,
): Promise<CursorContinuation | undefined> {
  const fillInTheMiddle = () => tokenizer.fim !== undefined;
  const request = await requestAt(cursor, { fillInTheMiddle, maxTokens: 1, model: '', signal });
  const { kind, path, line, before, actual } = cursor;
  if (!request || tokenizer.encode(actual).length > MAX_SHARE * CONTEXT_TOKENS) return undefined;
  const continuation = buildContinuation(request, actual, tokenizer, CONTEXT_TOKENS);
  const shown = before.slice(before.lastIndexOf('\n') + 1);
  const typed = shown.slice(0, shown.length - (request.heal ?? '').length);
  return { kind, path, line, typed, ...continuation };
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
    begun: Buffer.byteLength(heal),
  };
}
