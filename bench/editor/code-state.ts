/** What is open at a place of a text: brackets, quotes and comments, as far as typing them goes. */

export type Language = 'python' | 'typescript' | 'go';

/** `opener` as it stands in the text, at this place of it. */
export interface Open {
  opener: string;
  at: number;
}

const closers: Record<string, string> = { '(': ')', '[': ']', '{': '}', '${': '}' };
const LINE_COMMENTS = ['//', '#'];

interface Rules {
  comments: readonly string[];
  /** Longer ones first. */
  quotes: readonly string[];
}
const rules: Record<Language, Rules> = {
  python: { comments: ['#'], quotes: ['"""', "'''", '"', "'"] },
  typescript: { comments: ['//', '/*'], quotes: ['"', "'", '`'] },
  go: { comments: ['//', '/*'], quotes: ['"', "'", '`'] },
};
/** These end with their line, also where the quote that should close them is missing. */
const ONE_LINE = ['"', "'"];

/** @returns what is open at the end of the text, outermost first */
export function openAtEnd(text: string, language: Language): Open[] {
  const open: Open[] = [];
  for (let at = 0; at < text.length;) at += step(text, at, open, language);
  return open;
}

/** Takes what stands at `at` into account; returns its length. */
function step(text: string, at: number, open: Open[], language: Language): number {
  const { comments, quotes } = rules[language];
  const inside = open.at(-1)?.opener;
  const starts = (one: string) => text.startsWith(one, at);
  const push = (opener: string) => {
    open.push({ opener, at });
    return opener.length;
  };
  if (inside !== undefined && LINE_COMMENTS.includes(inside)) {
    if (starts('\n')) open.pop();
    return 1;
  }
  if (inside === '/*') {
    if (!starts('*/')) return 1;
    open.pop();
    return 2;
  }
  if (inside !== undefined && quotes.includes(inside)) {
    if (starts('\\')) return 2;
    if (inside === '`' && language === 'typescript' && starts('${')) return push('${');
    if (!starts(inside)) {
      if (starts('\n') && ONE_LINE.includes(inside)) open.pop();
      return 1;
    }
    open.pop();
    return inside.length;
  }
  const opener = [...comments, ...quotes, '(', '[', '{'].find(starts);
  if (opener !== undefined) return push(opener);
  if (inside !== undefined && starts(closers[inside]!)) open.pop();
  return 1;
}

/** What a place is in the middle of. */
export function placeAt(text: string, language: Language): 'code' | 'comment' | 'string' | 'docstring' {
  const inside = openAtEnd(text, language).at(-1)?.opener ?? '';
  if (['#', '//', '/*'].includes(inside)) return 'comment';
  if (['"""', "'''"].includes(inside)) return 'docstring';
  return rules[language].quotes.includes(inside) ? 'string' : 'code';
}

/** What a suggestion opens itself and leaves open. A comment may end with its line. */
export function leftOpen(before: string, suggestion: string, language: Language): string[] {
  return openAtEnd(before + suggestion, language)
    .filter(({ opener, at }) => at >= before.length && !LINE_COMMENTS.includes(opener))
    .map(({ opener }) => opener);
}
