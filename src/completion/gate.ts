/** Decides where not to request a completion at all. */
import { readOn } from './code/brackets.ts';
import { embeddedAt, languageOf, type Language } from './code/languages.ts';
import { isBlank, firstLine, lastLine } from './code/text.ts';
import type { CursorDocument } from './types.ts';

export type GateReason =
  'several-cursors' | 'selection' | 'text-right' | 'empty' | 'long-line' | 'statement-end' | 'unsupported';

export interface GateInput extends CursorDocument {
  /** Length of the selection at each cursor. */
  selections: readonly number[];
}

/** A line with more columns is data or minified. */
const LONGEST_LINE = 500;

/** Closing characters, closing tags and ends of comments may be right of the cursor: editors put them there. */
const closing = /^(?:[\s)\]}>'"`:;,]|\(\)|\*\/|-->|\?>|%>|<\/[\w-]*>)*$/;
/** In prose, marks of emphasis too. */
const closingText = /^[\s)\]}>'"`:;,.*_~|]*$/;

/** The end of brackets before a block: what is written in the brackets need not fit the block. */
const beforeBlock = /^[)\]'"`].*[{:]\s*$/;

/** Whether the text right of the cursor puts no condition on what is written. */
function isOpen(left: string, right: string, language: Language): boolean {
  if (closing.test(right) || beforeBlock.test(right)) return true;
  return (language.prose && closingText.test(right)) || isQuoted(left, right, language);
}

/** Whether the cursor is directly before the quote that ends its string or attribute. */
function isQuoted(left: string, right: string, language: Language): boolean {
  if (language.markup || language.tags) {
    const quote = /=\s*(["'])[^"'<>]*$/.exec(left)?.[1];
    if (quote && right.startsWith(quote)) return true;
  }
  const inner = readOn(left, language, []).at(-1);
  return inner?.kind === 'string' && right.startsWith(inner.closer);
}

/** Language identifiers of inputs that are not documents. */
const notDocuments = new Set(['scminput', 'comment', 'log', 'search-result']);

/** Why nothing can be shown here, even if requested with a key; undefined if something can. */
export function impossible({
  languageId,
  selections,
}: Pick<GateInput, 'languageId' | 'selections'>): GateReason | undefined {
  if (notDocuments.has(languageId)) return 'unsupported';
  if (selections.length !== 1) return 'several-cursors';
  return selections[0] === 0 ? undefined : 'selection';
}

/** Why nothing should be requested here during typing, or undefined. */
export function gate(input: GateInput): GateReason | undefined {
  const reason = impossible(input);
  if (reason) return reason;
  const { before, after, languageId, hidden } = input;
  const left = lastLine(before);
  const right = firstLine(after);
  if (!isOpen(left, right, languageOf(embeddedAt({ before, languageId }).languageId))) return 'text-right';
  if (left.length + right.length > LONGEST_LINE) return 'long-line';
  if (isBlank(before) && isBlank(after) && !hidden?.before && !hidden?.after) return 'empty';
  if (isBlank(right) && /[;}]\s*$/.test(left)) return 'statement-end';
  return undefined;
}
