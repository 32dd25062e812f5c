/** Chooses among the quick fixes of a language's own extension the one that imports a name which was just written. */
import { shownLines } from './apply.ts';
import type { Replacement } from './edit.ts';
import type { Offer, SearchedText } from './find.ts';
import { isImportLine } from './rename.ts';
import { wholeWord } from './tokens.ts';

/** A quick fix that changes nothing but the document. */
export interface QuickFix {
  title: string;
  isPreferred: boolean;
  /** In any order. */
  parts: readonly Replacement[];
}

/**
 * The offer to import the name between two offsets. Undefined unless exactly one fix imports it, or exactly one of those
 * that do is preferred.
 */
export function importOffer(
  document: SearchedText,
  { start, end }: Pick<Replacement, 'start' | 'end'>,
  fixes: readonly QuickFix[],
): Offer | undefined {
  const { path, text } = document;
  const name = text.slice(start, end);
  if (!isName(name) || isImported(name, text)) return undefined;
  const importing = fixes
    .map((fix) => ({ ...fix, parts: [...fix.parts].sort((a, b) => a.start - b.start) }))
    .filter(({ parts }) => parts.length > 0 && addsImport(name, document, parts));
  const fix = only(importing) ?? only(importing.filter(({ isPreferred }) => isPreferred));
  if (!fix) return undefined;
  const { title, parts } = fix;
  const line = text.slice(0, parts[0]!.start).split('\n').length - 1;
  // A title may name the module only.
  const pattern = `import ${name}: ${title}`;
  return { path, line, parts, why: 'import', pattern, import: { title, at: end } };
}

/** Whether a problem may be that the marked name is not imported: its message names it, and not as unused. */
export const mayLackImport = (name: string, message: string, text: string): boolean =>
  isName(name) &&
  new RegExp(wholeWord(name), 'u').test(message) &&
  !/\bunused\b|\b(?:never|not) (?:used|read)\b/i.test(message) &&
  !isImported(name, text);

const isName = (text: string): boolean => /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(text);

const only = <T>(items: readonly T[]): T | undefined => (items.length === 1 ? items[0] : undefined);

function isImported(name: string, text: string): boolean {
  // Not a part of a path.
  const word = new RegExp(`${wholeWord(name)}(?!\\s*(?:\\.|::))`, 'u');
  const lines = text.split('\n');
  const namesIn = (line: string) => line.replace(/(["']).*?\1/g, '').replace(/^\s*from\s+\S+/, '');
  return lines.some((line, index) => word.test(namesIn(line)) && isInImport(lines, index));
}

/** Whether a fix adds the name to the imports, and changes nothing else. */
function addsImport(name: string, { text }: SearchedText, parts: readonly Replacement[]): boolean {
  const { from, before, after } = shownLines(text, parts);
  const above = text.slice(0, from).split('\n').slice(0, -1);
  const linesBefore = new Set(before.split(/\r?\n/));
  const lines = [...above, ...after.split(/\r?\n/)];
  const changed = lines.flatMap((line, index) =>
    index >= above.length && line.trim() && !linesBefore.has(line) ? [index] : [],
  );
  const word = new RegExp(wholeWord(name), 'u');
  return (
    changed.every((index) => isInImport(lines, index)) && changed.some((index) => word.test(lines[index]!))
  );
}

/** Lists of imported names are seldom longer. In lines. */
const LONGEST_LIST = 100;
/** A line of such a list, perhaps its last. */
const listLine = /^[\p{L}\p{N}_$\s,*.:"'/-]*(?:[})]\s*(?:from\b.*)?;?\s*)?$/u;

/** Whether a line is an import, or in the list of one that begins above it. */
function isInImport(lines: readonly string[], index: number): boolean {
  for (let at = index; at >= Math.max(0, index - LONGEST_LIST); at -= 1) {
    if (isImportLine(lines[at]!)) return at === index || /[{(]\s*$/.test(lines[at]!);
    if (!listLine.test(lines[at]!)) return false;
  }
  return false;
}
