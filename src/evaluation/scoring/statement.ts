/** Where a completed statement, block or expression ends, as benchmarks cut answers. Pure. */
import { openAt, continueReading } from '../../completion/code/brackets.ts';
import { languageFor } from '../../completion/code/languages.ts';

/**
 * The first statement of an answer, as CrossCodeEval cuts it: up to the first of `;`, `{` and `}`; in Python up to the
 * first line end at which no bracket and no string is open. (The benchmark asks a parser there, whether the whole file
 * is valid up to that line end.)
 */
export function firstStatement(before: string, answer: string, languageId: string): string {
  if (languageId !== 'python') {
    const end = answer.search(/[;{}]/);
    return end > 0 ? answer.slice(0, end + 1) : answer;
  }
  const language = languageFor('python');
  const open = openAt(before, language);
  for (let end = answer.indexOf('\n'); end >= 0; end = answer.indexOf('\n', end + 1)) {
    const text = answer.slice(0, end);
    const still = continueReading(`${text}\n`, language, open);
    if (text.trim() && still.length === 0 && !text.endsWith('\\')) return text.trimEnd();
  }
  return answer;
}

/** An answer up to the bracket that closes what is open before it: the block or condition that the answer is in. */
export function withinBrackets(answer: string, [opening, closing]: readonly [string, string]): string {
  let depth = 0;
  for (const [at, character] of [...answer].entries()) {
    if (character === opening) depth += 1;
    if (character === closing) depth -= 1;
    if (depth < 0) return [...answer].slice(0, at).join('');
  }
  return answer;
}

/** A call: up to the parenthesis that closes its first one. */
export function firstCall(answer: string): string {
  let depth = 0;
  const characters = [...answer];
  for (const [at, character] of characters.entries()) {
    if (character === '(') depth += 1;
    if (character !== ')') continue;
    depth -= 1;
    if (depth <= 0) return characters.slice(0, at + 1).join('');
  }
  return answer;
}

/** The first line that is not blank, without its line end. */
export const firstNonBlankLine = (answer: string): string =>
  answer.split('\n').find((line) => line.trim()) ?? '';

/** The first line that is neither blank nor a comment, as RepoBench takes it; else the first line. */
export function firstCodeLine(answer: string, languageId: string): string {
  const lines = answer.replace(/^\n+/, '').split('\n');
  const python = languageId === 'python';
  const opens = python ? /^("""|''')/ : /^\/\*/;
  const closes = python ? /("""|''')$/ : /\*\/$/;
  let inside = false;
  for (const line of lines) {
    const text = line.trim();
    if (!text) continue;
    if (!inside && opens.test(text)) inside = true;
    else if (inside) inside = !closes.test(text);
    else if (!text.startsWith(python ? '#' : '//')) return line;
  }
  return lines[0]!;
}
