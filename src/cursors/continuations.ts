/**
 * Held-out cursors as sequences whose end is to be predicted: the prompt that completion would ask with there, in the
 * very tokens that the server makes of it, and then what stands at the cursor. One pass tells how likely a model finds
 * that, which moves long before what it would write does.
 */
import { basename, resolve } from 'node:path';
import type { Tokenizer } from '../base-models/tokenizer.ts';
import type { EngineRequest } from '../completion/index.ts';
import type { Corpus } from '../corpus/index.ts';
import type { RunSpec } from '../protocol/run.ts';
import { layOutRequest } from '../serving/tokens/request-tokens.ts';
import { requestAt } from './completion.ts';
import { findCursors } from './cursors.ts';
import { heldOutDocuments } from './held-out.ts';

export interface Continuation {
  tokens: number[];
  /** Tokens at the end that stand at the cursor. */
  counted: number;
  /** Bytes that those stand for. */
  bytes: number;
}

export interface CursorContinuation extends Continuation {
  path: string;
  /** From 1. */
  line: number;
}

/** Characters of each side: enough to know the place by, and few, so that many cursors are seen in little time. */
export const CONTINUATION_BUDGET = { before: 480, after: 160, others: 0 };
/** Of the cursors, those at a line's rest; the others stand before a block. */
const LINES = 2 / 3;
const CONTEXT_TOKENS = 1024;

/** `count` cursors, or as many as there are. */
export async function cursorContinuations(
  corpus: Corpus,
  tokenizer: Tokenizer,
  { folder, corpus: plan }: Pick<RunSpec, 'folder' | 'corpus'>,
  count: number,
): Promise<CursorContinuation[]> {
  const line = Math.ceil(LINES * count);
  const cursors = findCursors(heldOutDocuments(corpus, tokenizer), { line, block: count - line });
  const repository = basename(resolve(folder));
  const wholeRepositories = plan.repositoryContext;
  const fillInTheMiddle = () => tokenizer.fim !== undefined;
  const options = { fillInTheMiddle, maxTokens: () => 1, budget: CONTINUATION_BUDGET, model: '' };
  const found: CursorContinuation[] = [];
  for (const cursor of cursors) {
    const place = { repository, path: cursor.path };
    const request = await requestAt({ ...cursor, place, others: [], wholeRepositories }, options);
    if (!request) continue;
    const { path, line, actual } = cursor;
    found.push({ path, line, ...layOutContinuation(request, actual, tokenizer, CONTEXT_TOKENS) });
  }
  return found;
}

/** A request and a text that answers it, of which the prompt has at most `contextTokens` less one. */
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
  // The server writes what was healed anew, then goes on.
  const text = heal + actual;
  const answer = tokenizer.encode(text);
  return {
    tokens: [...prompt, ...answer],
    counted: answer.length,
    bytes: Buffer.byteLength(text),
  };
}
