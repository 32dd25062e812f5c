/** Decides where not to request a completion at all. */
import { continueReading } from './code/brackets.ts';
import { embeddedAt, languageFor, type Language } from './code/languages.ts';
import { isBlank, firstLine, lastLine } from './code/text.ts';
import type { CompletionSettings, CursorDocument } from './types.ts';

export type GateReason =
  | 'several-cursors'
  | 'selection'
  | 'text-right'
  | 'empty'
  | 'long-line'
  | 'statement-end'
  | 'unsupported';

/** With the user's settings, which a reason may depend on. */
export interface GateInput extends CursorDocument, Partial<CompletionSettings> {
  /** Length of the selection at each cursor. */
  selections: readonly number[];
}

/** Longer lines are data or minified code. */
const MAX_LINE_LENGTH = 500;

/** Closing characters, closing tags and ends of comments may follow the cursor: editors insert them. */
const closing = /^(?:[\s)\]}>'"`:;,]|\(\)|\*\/|-->|\?>|%>|<\/[\w-]*>)*$/;
/** In prose, emphasis markers too. */
const closingText = /^[\s)\]}>'"`:;,.*_~|]*$/;

/** A closing bracket before a block: the text inside the brackets does not depend on the block. */
const beforeBlock = /^[)\]'"`].*[{:]\s*$/;

/** Whether the text right of the cursor does not constrain the completion. */
function isUnconstrained(left: string, right: string, language: Language): boolean {
  if (closing.test(right) || beforeBlock.test(right)) return true;
  return (language.prose && closingText.test(right)) || isQuoted(left, right, language);
}

/** Whether the cursor is directly before the closing quote of its string or attribute. */
function isQuoted(left: string, right: string, language: Language): boolean {
  if (language.markup || language.tags) {
    const quote = /=\s*(["'])[^"'<>]*$/.exec(left)?.[1];
    if (quote && right.startsWith(quote)) return true;
  }
  const inner = continueReading(left, language, []).at(-1);
  return inner?.kind === 'string' && right.startsWith(inner.closer);
}

/** Language identifiers of inputs that are not documents. */
const nonDocuments = new Set(['scminput', 'comment', 'log', 'search-result']);

/** Why nothing can be shown here, even if requested explicitly; undefined if something can. */
export function blockedReason({
  languageId,
  selections,
}: Pick<GateInput, 'languageId' | 'selections'>): GateReason | undefined {
  if (nonDocuments.has(languageId)) return 'unsupported';
  if (selections.length !== 1) return 'several-cursors';
  return selections[0] === 0 ? undefined : 'selection';
}

/** Why nothing should be requested here while typing, or undefined. */
export function gate(input: GateInput): GateReason | undefined {
  const reason = blockedReason(input);
  if (reason) return reason;
  const { before, after, languageId, hidden } = input;
  const left = lastLine(before);
  const right = firstLine(after);
  if (!isUnconstrained(left, right, languageFor(embeddedAt({ before, languageId }).languageId)))
    return 'text-right';
  if (left.length + right.length > MAX_LINE_LENGTH) return 'long-line';
  if (isBlank(before) && isBlank(after) && !hidden?.before && !hidden?.after) return 'empty';
  if (isBlank(right) && /[;}]\s*$/.test(left)) return 'statement-end';
  return undefined;
}
