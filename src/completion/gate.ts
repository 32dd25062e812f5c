/** When not to ask at all. */
import { readOn } from './brackets.ts';
import { embeddedAt, languageOf, type Language } from './languages.ts';
import { isBlank, firstLine, lastLine } from './text.ts';
import type { CursorDocument } from './types.ts';

export type GateReason =
  'several-cursors' | 'selection' | 'text-right' | 'empty' | 'long-line' | 'statement-end' | 'unsupported';

export interface GateInput extends CursorDocument {
  /** Lengths of the selections, one per cursor. */
  selections: readonly number[];
}

/** Columns beyond which a line is data or minified. */
const LONGEST_LINE = 500;

/** Closing characters, closing tags and ends of comments may stand right of the cursor: editors put them there. */
const closing = /^(?:[\s)\]}>'"`:;,]|\(\)|\*\/|-->|\?>|%>|<\/[\w-]*>)*$/;
/** In running text, marks of emphasis too. */
const closingText = /^[\s)\]}>'"`:;,.*_~|]*$/;

/** Between brackets before a block: what is written there is not part of what follows. */
const beforeBlock = /^[)\]'"`].*[{:]\s*$/;

/** Whether nothing stands right of the cursor that what is written there would have to fit. */
function isOpen(left: string, right: string, language: Language): boolean {
  if (closing.test(right) || beforeBlock.test(right)) return true;
  return (language.prose && closingText.test(right)) || isQuoted(left, right, language);
}

/** Whether the cursor stands before the quote that ends its string or its tag's attribute: all else is far away. */
function isQuoted(left: string, right: string, language: Language): boolean {
  if (language.markup || language.tags) {
    const quote = /=\s*(["'])[^"'<>]*$/.exec(left)?.[1];
    if (quote && right.startsWith(quote)) return true;
  }
  const inner = readOn(left, language, []).at(-1);
  return inner?.kind === 'string' && right.startsWith(inner.closer);
}

/** Languages of inputs that are no documents. */
const notDocuments = new Set(['scminput', 'comment', 'log', 'search-result']);

/** Why nothing can be shown here, even to someone who asks for it with a key; undefined where something can. */
export function impossible({
  languageId,
  selections,
}: Pick<GateInput, 'languageId' | 'selections'>): GateReason | undefined {
  if (notDocuments.has(languageId)) return 'unsupported';
  if (selections.length !== 1) return 'several-cursors';
  return selections[0] === 0 ? undefined : 'selection';
}

/** Why nothing should be asked here while someone types, or undefined. */
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
