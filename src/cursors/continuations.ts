/**
 * Held-out cursors as sequences whose end is to be predicted: the prompt that completion would send there, in exactly
 * the server's tokens, followed by the true text at the cursor. One pass gives the probability of that text, which
 * changes long before the text that a model would write does.
 */
import type { Tokenizer } from '../base-models/tokenizer.ts';
import type { EngineRequest } from '../completion/index.ts';
import { placeOf, type Corpus } from '../corpus/index.ts';
import type { RunSpec } from '../protocol/run.ts';
import { layOutRequest } from '../serving/tokens/request-tokens.ts';
import { requestAt } from './completion.ts';
import { findCursors } from './cursors.ts';
import { heldOutDocuments } from './held-out.ts';

export interface Continuation {
  tokens: number[];
  /** Number of tokens at the end that are the text at the cursor. */
  counted: number;
  /** Bytes of that text. */
  bytes: number;
}

export interface CursorContinuation extends Continuation {
  path: string;
  /** From 1. */
  line: number;
}

/** Characters of each side: enough to recognise the place, and few, so that many cursors take little time. */
export const CONTINUATION_BUDGET = { before: 480, after: 160, others: 0 };
/** Share of cursors within a line; the others are before a block. */
const LINES = 2 / 3;
const CONTEXT_TOKENS = 1024;

/** The continuations of `count` cursors, or of as many as there are. */
export async function cursorContinuations(
  corpus: Corpus,
  tokenizer: Tokenizer,
  spec: Pick<RunSpec, 'folder' | 'folders' | 'corpus'>,
  count: number,
): Promise<CursorContinuation[]> {
  const line = Math.ceil(LINES * count);
  const cursors = findCursors(heldOutDocuments(corpus, tokenizer), { line, block: count - line });
  const wholeRepositories = spec.corpus.repositoryContext;
  const fillInTheMiddle = () => tokenizer.fim !== undefined;
  const options = { fillInTheMiddle, maxTokens: () => 1, budget: CONTINUATION_BUDGET, model: '' };
  const found: CursorContinuation[] = [];
  for (const cursor of cursors) {
    const place = placeOf(spec, cursor.path);
    const request = await requestAt({ ...cursor, place, others: [], wholeRepositories }, options);
    if (!request) continue;
    const { path, line, actual } = cursor;
    found.push({ path, line, ...layOutContinuation(request, actual, tokenizer, CONTEXT_TOKENS) });
  }
  return found;
}

/** A request followed by a text that answers it. The prompt has at most `contextTokens` - 1 tokens. */
export function layOutContinuation(
  { heal = '', ...request }: EngineRequest,
  actual: string,
  tokenizer: Tokenizer,
  contextTokens: number,
): Continuation {
  const { start, fim, eos, fileSeparator } = tokenizer;
  const engine = {
    tokenize: (text: string, special?: boolean) => [...tokenizer.encode(text, { special: special ?? false })],
    tokens: { bos: start ?? null, eos },
  };
  const vocabulary = { bos: start, fill: fim, repository: { file: fileSeparator } };
  const prompt = layOutRequest({ ...request, maxTokens: 0 }, engine, vocabulary, contextTokens).tokens;
  // The server generates the healed text again before it continues.
  const text = heal + actual;
  const answer = tokenizer.encode(text);
  return {
    tokens: [...prompt, ...answer],
    counted: answer.length,
    bytes: Buffer.byteLength(text),
  };
}
