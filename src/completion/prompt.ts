/** From a document at the cursor to what the engine is asked. */
import { begunToken } from '../corpus/tokens/begun-token.ts';
import { defaultBudget, takeAfter, takeBefore, type ContextBudget } from './context.ts';
import { wellFormed } from './text.ts';
import type { EngineRequest, ContextFile, CursorDocument, Reach } from './types.ts';

export interface PromptOptions {
  model: string;
  /** The base has fill-in-the-middle tokens, so the text after the cursor is of use. */
  fillInTheMiddle: boolean;
  maxTokens: number;
  reach: Reach;
  budget?: ContextBudget;
  /** Parts of other files. */
  context?: readonly ContextFile[];
  /** The model was trained on whole repositories: each of its files had its path, so this one has too. */
  wholeRepositories?: boolean;
}

/** A line needs fewer tokens than a block may take. */
const LINE_TOKENS = 48;

/**
 * What comes first stays the same for longest, for the engine to reuse: other files, then the text before the cursor, then
 * what follows.
 */
export function buildPrompt(document: CursorDocument, options: PromptOptions): EngineRequest {
  const { model, fillInTheMiddle, maxTokens, reach, budget = defaultBudget, context = [] } = options;
  const { prefix: before, suffix } = surroundings(document, budget);
  const heal = begunToken(before);
  const prompt = before.slice(0, before.length - heal.length);
  const after = fillInTheMiddle ? suffix : '';
  const { place } = document;
  const placed = place && (context.length > 0 || options.wholeRepositories);
  return {
    model,
    ...(context.length > 0 ? { context } : {}),
    ...(placed ? { place } : {}),
    prompt,
    ...(heal ? { heal } : {}),
    ...(after.trim() ? { suffix: after } : {}),
    maxTokens: reach === 'line' ? Math.min(maxTokens, LINE_TOKENS) : maxTokens,
    // A blank line ends a block.
    stop: [reach === 'line' ? '\n' : '\n\n'],
  };
}

/** What a prompt has of the text before and after the cursor. */
export const surroundings = (
  { before, after, hidden }: Pick<CursorDocument, 'before' | 'after' | 'hidden'>,
  budget: ContextBudget = defaultBudget,
) => ({
  prefix: plain(takeBefore(before, budget.before, hidden?.before)),
  suffix: plain(takeAfter(after, budget.after)),
});

/** Models know one kind of line end, and whole characters. */
const plain = (text: string): string => wellFormed(text.replaceAll('\r\n', '\n'));
