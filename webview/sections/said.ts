import { forButtons, forTerminal, titleOf, type NextStep } from '../../src/protocol/next-step.ts';
import { button } from '../toolkit.ts';

/** A text, and a button for each step that it names. Where nothing can be done (a report), what to type is in the text. */
export function said(text: string, canAct: boolean, take: (step: NextStep) => void): (Node | string)[] {
  if (!canAct) return [forTerminal(text)];
  const { text: words, steps } = forButtons(text);
  return [words, ...steps.map((step) => button(titleOf(step), () => take(step)))];
}

/** The text alone. */
export const words = (text: string, canAct: boolean): string =>
  canAct ? forButtons(text).text : forTerminal(text);
