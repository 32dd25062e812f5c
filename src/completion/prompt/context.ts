/** Which part of the document the model sees, measured in characters, which unlike tokens cost nothing to count. */
import { wholeCharacter } from '../code/text.ts';

export interface ContextBudget {
  /** Characters before the cursor. */
  before: number;
  /** Characters after it. */
  after: number;
  /** Characters of other files. Default: none. */
  others?: number;
}

/** About 700, 170 and 500 tokens of code: one or two seconds for a small model on two cores, if nothing is cached. */
export const defaultBudget: ContextBudget = { before: 2400, after: 600, others: 1600 };

/** Characters around the cursor that are sent to the repository's index. */
export const INDEX_WINDOW = { before: 16_000, after: 4000 };

/** The start moves in steps of this fraction of the budget, so that the model's cache serves many keystrokes. */
const STEP_SHARE = 0.25;

/**
 * The end of the text before the cursor, starting at a line start, at most `budget` characters. `hidden`: number of
 * characters in the document before `before`.
 */
export function takeBefore(before: string, budget: number, hidden = 0): string {
  const excess = before.length + hidden - budget;
  if (excess <= 0) return before;
  const step = Math.max(1, Math.floor(budget * STEP_SHARE));
  const cut = Math.max(1, Math.min(before.length, Math.ceil(excess / step) * step - hidden));
  const line = before.indexOf('\n', cut - 1);
  return before.slice(line < 0 ? wholeCharacter(before, cut) : line + 1);
}

/** The start of the text after the cursor, up to the end of a line, at most `budget` characters. */
export function takeAfter(after: string, budget: number): string {
  if (after.length <= budget) return after;
  const line = after.lastIndexOf('\n', budget);
  return after.slice(0, line > 0 ? line : wholeCharacter(after, budget));
}
