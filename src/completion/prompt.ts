/** From a document at the cursor to what the engine is asked. */
import { defaultBudget, takeAfter, takeBefore, type ContextBudget } from './context.ts';
import type { CompletionAsk, CursorDocument, Reach } from './types.ts';

export interface PromptOptions {
  model: string;
  /** The base has fill-in-the-middle tokens, so the text after the cursor is of use. */
  fillInTheMiddle: boolean;
  maxTokens: number;
  reach: Reach;
  budget?: ContextBudget;
}

export interface Prompt {
  ask: CompletionAsk;
  /**
   * White space that stands before the cursor and was left out of the prompt, for the model to write it: tokens of code
   * begin with their space, and after a lone space the model is off its track. The answer must begin with it.
   */
  heal: string;
}

/** A line needs fewer tokens than a block may take. */
const LINE_TOKENS = 48;

export function buildPrompt(document: CursorDocument, options: PromptOptions): Prompt {
  const { model, fillInTheMiddle, maxTokens, reach, budget = defaultBudget } = options;
  const before = unixLines(takeBefore(document.before, budget.before));
  const heal = before.endsWith(' ') ? ' ' : '';
  const prompt = before.slice(0, before.length - heal.length);
  const after = fillInTheMiddle ? unixLines(takeAfter(document.after, budget.after)) : '';
  return {
    heal,
    ask: {
      model,
      prompt,
      ...(after.trim() ? { suffix: after } : {}),
      maxTokens: reach === 'line' ? Math.min(maxTokens, LINE_TOKENS) : maxTokens,
      // A blank line ends a block.
      stop: [reach === 'line' ? '\n' : '\n\n'],
    },
  };
}

/** Models know one kind of line end. */
const unixLines = (text: string): string => text.replaceAll('\r\n', '\n');
