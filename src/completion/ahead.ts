/** The next request, made in advance: what follows if the shown completion is accepted. */
import type { Flight } from './flight.ts';
import { gate } from './gate.ts';
import { indentOf, lastLine } from './code/text.ts';
import type { AskedPlace, CursorDocument } from './types.ts';
import { changeOf, lengthsOf } from './prompt/window.ts';

/**
 * The document after `text` is accepted; at the end of a statement, also after a new line is begun. Undefined if
 * nothing would be requested there.
 */
export function afterAccepting(document: CursorDocument, text: string): CursorDocument | undefined {
  const accepted = { ...document, before: document.before + text };
  const reason = gate({ ...accepted, selections: [0] });
  if (reason === undefined) return accepted;
  if (reason !== 'statement-end') return undefined;
  const lineEnd = accepted.before.includes('\r\n') ? '\r\n' : '\n';
  return { ...accepted, before: accepted.before + lineEnd + indentOf(lastLine(accepted.before)) };
}

/** Characters at the cursor that decide whether two places are the same. */
const NEAR = 256;

/** Whether two documents are the same at the cursor. */
export function isSame(a: CursorDocument, b: CursorDocument): boolean {
  return (
    a.path === b.path &&
    changeOf(a, b) === 'none' &&
    lengthsOf(a).after === lengthsOf(b).after &&
    a.after.slice(0, NEAR) === b.after.slice(0, NEAR)
  );
}

/** Whether typing on from `here` may still lead to the document. */
export function leadsTo({ document, adapter }: Flight, here: AskedPlace): boolean {
  if (document.path !== here.path || adapter !== here.adapter) return false;
  const missing = lengthsOf(document).before - lengthsOf(here).before;
  const common = document.before.slice(0, document.before.length - missing);
  return (
    missing >= 0 && missing <= document.before.length && common.slice(-NEAR) === here.before.slice(-NEAR)
  );
}
