/** Builds the model's request from a document at the cursor. */
import { partialToken } from '../code/partial-token.ts';
import { defaultBudget, takeAfter, takeBefore, type ContextBudget } from './context.ts';
import { wellFormed } from '../code/text.ts';
import type { ModelRequest, ContextFile, CursorDocument, Gap } from '../types.ts';

export interface PromptOptions {
  model: string;
  /** The base has fill-in-the-middle tokens, so the text after the cursor can be used. */
  fillInTheMiddle: boolean;
  maxTokens: number;
  /** Most lines of the completion (max-lines.ts). */
  maxLines: number;
  budget?: ContextBudget;
  /** The gap the model fills in, if it does not begin at the cursor (anchor.ts). */
  gap?: Gap;
  /** Parts of other files. */
  context?: readonly ContextFile[];
  /**
   * The model was trained on whole repositories, in which each file comes with its path, so this file gets its path
   * too.
   */
  wholeRepositories?: boolean;
}

/** Token limit of a single-line completion. */
const LINE_TOKENS = 48;

/**
 * Parts that change least come first, so that the model can reuse its cache: other files, the text before the cursor,
 * the text after it.
 */
export function buildPrompt(document: CursorDocument, options: PromptOptions): ModelRequest {
  const { model, fillInTheMiddle, maxTokens, maxLines, budget = defaultBudget, context = [] } = options;
  const { prefix, suffix, begun } = options.gap ?? { ...surroundings(document, budget), begun: '' };
  const before = prefix + begun;
  const heal = partialToken(before);
  const after = fillInTheMiddle && suffix.trim() ? suffix : '';
  const known = before.slice(0, before.length - heal.length);
  const prompt = after ? known.slice(0, prefix.length) : known;
  const { place } = document;
  const placed = place && (context.length > 0 || options.wholeRepositories);
  return {
    model,
    ...(context.length > 0 ? { context } : {}),
    ...(placed ? { place } : {}),
    prompt,
    ...(known.length > prompt.length ? { begun: known.slice(prompt.length) } : {}),
    ...(heal ? { heal } : {}),
    ...(after ? { suffix: after } : {}),
    maxTokens: maxLines === 1 ? Math.min(maxTokens, LINE_TOKENS) : maxTokens,
    // A blank line ends a block.
    stop: [maxLines === 1 ? '\n' : '\n\n'],
  };
}

/** The text before and after the cursor that goes into a prompt. */
export const surroundings = (
  { before, after, hidden }: Pick<CursorDocument, 'before' | 'after' | 'hidden'>,
  budget: ContextBudget = defaultBudget,
) => ({
  prefix: plainText(takeBefore(before, budget.before, hidden?.before)),
  suffix: plainText(takeAfter(after, budget.after)),
});

/** Models expect "\n" as line end, and no lone surrogates. */
export const plainText = (text: string): string => wellFormed(text.replaceAll('\r\n', '\n'));
