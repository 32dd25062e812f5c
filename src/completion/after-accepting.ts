/** Prefetching: the request that follows if the shown completion is accepted. */
import type { PendingAnswer } from './pending-answer.ts';
import { gate, type GateInput } from './gate.ts';
import { leadingWhitespace, lastLine, lineEndOf } from './code/text.ts';
import type { CompletionPlace, CursorDocument } from './types.ts';
import { fullLengths, NEARBY_CHARACTERS, typedBetween } from './prompt/window.ts';

/**
 * The document after `text` is accepted and, at the end of a statement, a new line is begun. Undefined if nothing would
 * be requested there.
 */
export function afterAccepting<D extends Omit<GateInput, 'selections'>>(
  document: D,
  text: string,
): D | undefined {
  const accepted = { ...document, before: document.before + text };
  const reason = gate({ ...accepted, selections: [0] });
  if (reason === undefined) return accepted;
  if (reason !== 'statement-end') return undefined;
  const line = lineEndOf(accepted) + leadingWhitespace(lastLine(accepted.before));
  const next = { ...accepted, before: accepted.before + line };
  return gate({ ...next, selections: [0] }) ? undefined : next;
}

/** Whether two documents are the same at the cursor. */
export const isSamePlace = (a: CursorDocument, b: CursorDocument): boolean => typedBetween(a, b) === '';

/** Whether more typing at `here` could still reach the document. */
export function mayReach({ document }: PendingAnswer, here: CompletionPlace): boolean {
  if (document.path !== here.path || document.adapter !== here.adapter) return false;
  const missing = fullLengths(document).before - fullLengths(here).before;
  const common = document.before.slice(0, document.before.length - missing);
  return (
    missing >= 0 &&
    missing <= document.before.length &&
    common.slice(-NEARBY_CHARACTERS) === here.before.slice(-NEARBY_CHARACTERS)
  );
}
