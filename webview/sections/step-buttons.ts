import { titleIn, withButtons } from '../../src/text/l10n.ts';
import { forTerminal, type NextStep } from '../../src/text/next-step.ts';
import { button } from '../toolkit.ts';

/**
 * A text with a button for each step that it names. Without a host (in a report), the text contains commands instead.
 */
export function withStepButtons(
  text: string,
  canAct: boolean,
  take: (step: NextStep) => void,
): (Node | string)[] {
  if (!canAct) return [forTerminal(text)];
  const { text: sentence, steps } = withButtons(text);
  return [sentence, ...steps.flatMap((step) => [' ', button(titleIn(step), () => take(step))])];
}

/** The text without buttons. */
export const withStepNames = (text: string, canAct: boolean): string =>
  canAct ? withButtons(text).text : forTerminal(text);
