/**
 * Finds the documented functions of a source file, relying on the layout of formatted code: a declaration, its comment,
 * and the indented lines that follow. Code in another layout is skipped.
 */
import { fileExtension } from '../names.ts';

export interface DocumentedFunction {
  /** The language's name in code fences, and its display name. */
  fence: string;
  language: string;
  /** The comment's text, without comment markers. */
  documentation: string;
  signature: string;
  /** Declaration and body, without the common indentation. */
  source: string;
  /** Line of the declaration, from 1. */
  line: number;
}

interface Language {
  name: string;
  fence: string;
  /** How a documentation comment begins; a docstring comes after the declaration. */
  comment: 'docstring' | 'block' | '///' | '//';
  declaration: RegExp;
}

/** A declaration in Java and similar languages: words, a name, a parenthesis. */
const typedDeclaration =
  /^(?!(?:return|new|throw|else|if|for|while|switch|case|await|using|class|interface|enum|record|namespace|package|import)\b)[\w<>[\],.?\s&*:]*[\w>\]*&?]\s+[\w~:]+\s*(?:<[^>]*>)?\(/;
const scriptDeclaration =
  /^(?:(?:export\s+(?:default\s+)?)?(?:async\s+)?function\b|(?:export\s+)?const\s+\w+\s*(?::[^=]+)?=\s*(?:async\s*)?(?:\(|function\b|\w+\s*=>)|(?:(?:public|private|protected|static|override|async|get|set|abstract)\s+)*(?!(?:if|for|while|switch|return|catch|function|await|new|throw)\b)[#\w$]+\s*(?:<[^>]*>)?\([^;]*$)/;

/** By name, code fence and extensions. */
const languages = [
  ['Python', 'python', 'py pyi', 'docstring', /^(?:async\s+)?def\s+\w+\s*[([]/],
  ['JavaScript', 'javascript', 'js mjs cjs jsx', 'block', scriptDeclaration],
  ['TypeScript', 'typescript', 'ts mts cts tsx', 'block', scriptDeclaration],
  ['Java', 'java', 'java', 'block', typedDeclaration],
  ['C', 'c', 'c h', 'block', typedDeclaration],
  ['C++', 'cpp', 'cc cpp cxx hpp hh', 'block', typedDeclaration],
  ['PHP', 'php', 'php', 'block', /^(?:\w+\s+)*function\s+&?\w+\s*\(/],
  ['Kotlin', 'kotlin', 'kt kts', 'block', /^(?:\w+\s+)*fun\s/],
  ['C#', 'csharp', 'cs', '///', typedDeclaration],
  [
    'Rust',
    'rust',
    'rs',
    '///',
    /^(?:pub(?:\([^)]*\))?\s+)?(?:(?:const|async|unsafe|extern(?:\s+"[^"]*")?)\s+)*fn\s/,
  ],
  ['Swift', 'swift', 'swift', '///', /^(?:@?\w+\s+)*func\s/],
  ['Go', 'go', 'go', '//', /^func\s/],
] as const;
const byExtension = new Map(
  languages.flatMap(([name, fence, extensions, comment, declaration]) =>
    extensions
      .split(' ')
      .map((extension): [string, Language] => [extension, { name, fence, comment, declaration }]),
  ),
);

/** For display: "Python, JavaScript, ...". */
export const documentedLanguages = languages.map(([name]) => name).join(', ');

const MAX_LINES = 150;
/** A shorter comment says too little to write the function from. */
const MIN_WORDS = 4;

/** The documented functions of a file, in order. None for unknown languages. */
export function* documentedFunctions(path: string, text: string): Generator<DocumentedFunction> {
  const language = byExtension.get(fileExtension(path));
  if (!language) return;
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at += 1) {
    if (!language.declaration.test(lines[at]!.trimStart())) continue;
    const end = language.comment === 'docstring' ? endByIndent(lines, at) : endByBrace(lines, at);
    if (end === undefined || end - at > MAX_LINES) continue;
    const documentation =
      language.comment === 'docstring'
        ? docstring(lines, at, end)
        : commentAbove(lines, at, language.comment);
    if (!documentation || documentation.split(/\s+/).length < MIN_WORDS) continue;
    const source = dedent(lines.slice(at, end));
    yield {
      fence: language.fence,
      language: language.name,
      documentation,
      signature: extractSignature(source, language),
      source,
      line: at + 1,
    };
  }
}

const indentWidth = (line: string) => /^[ \t]*/.exec(line)![0].length;

/**
 * The line after a Python function's body, which is indented more than the declaration; undefined if there is no body.
 */
function endByIndent(lines: readonly string[], at: number): number | undefined {
  const body = bodyStart(lines, at);
  if (body === undefined) return undefined;
  const indent = indentWidth(lines[at]!);
  let end = body;
  for (let next = body; next < lines.length; next += 1) {
    const line = lines[next]!;
    if (!line.trim()) continue;
    if (indentWidth(line) <= indent) break;
    end = next + 1;
  }
  return end > body ? end : undefined;
}

/** The line after a Python signature. */
function bodyStart(lines: readonly string[], at: number): number | undefined {
  let open = 0;
  for (let next = at; next < Math.min(lines.length, at + MAX_LINES); next += 1) {
    const line = lines[next]!.replace(/\s*#.*$/, '');
    open += (line.match(/[([{]/g)?.length ?? 0) - (line.match(/[)\]}]/g)?.length ?? 0);
    if (open <= 0) return /:\s*$/.test(line) ? next + 1 : undefined;
  }
  return undefined;
}

/**
 * The line after the closing brace with the declaration's indentation, or after a declaration that closes all its
 * braces on one line. Undefined for a declaration without a body.
 */
function endByBrace(lines: readonly string[], at: number): number | undefined {
  const indent = indentWidth(lines[at]!);
  if (/\{.*\}[;,]?\s*$/.test(lines[at]!)) return at + 1;
  for (let next = at; next < Math.min(lines.length, at + MAX_LINES); next += 1) {
    const line = lines[next]!;
    if (next > at && line.trim() && indentWidth(line) < indent) return undefined;
    if (next > at && indentWidth(line) === indent && /^\s*\}/.test(line) && !/[{(]\s*$/.test(line))
      return next + 1;
    // It ends before a body begins: an abstract method, an overload, or an expression.
    if (indentWidth(line) === indent && /;\s*$/.test(line)) return undefined;
  }
  return undefined;
}

/** Text of the docstring at the start of a Python body. */
function docstring(lines: readonly string[], at: number, end: number): string | undefined {
  const body = lines.slice(bodyStart(lines, at)!, end).join('\n');
  const [, , text] = /^\s*[rRuU]{0,2}("""|''')([\s\S]*?)\1/.exec(body) ?? [];
  if (text === undefined) return undefined;
  const [first, ...others] = text.split('\n');
  return `${first!.trim()}\n${dedent(others)}`.trim();
}

/** The comment directly above a declaration; attributes and decorators may be in between. */
function commentAbove(
  lines: readonly string[],
  at: number,
  kind: Exclude<Language['comment'], 'docstring'>,
): string | undefined {
  let last = at - 1;
  while (last >= 0 && /^\s*(?:@\w|#\[|\[\w)/.test(lines[last]!)) last -= 1;
  let first = last;
  if (kind === 'block') {
    if (!lines[last]?.trimEnd().endsWith('*/')) return undefined;
    while (first > 0 && !lines[first]!.includes('/*')) first -= 1;
    if (!/^\s*\/\*\*(?!\/)/.test(lines[first]!)) return undefined;
  } else {
    const mark = kind === '///' ? /^\s*\/\/\/(?!\/)/ : /^\s*\/\/(?!go:)/;
    while (first >= 0 && mark.test(lines[first]!)) first -= 1;
    first += 1;
    if (first > last) return undefined;
  }
  const text = lines
    .slice(first, last + 1)
    .map((line) => line.replace(/^\s*(?:\/\*\*+|\/\/\/?|\*(?!\/))? ?/, '').replace(/\s*\*+\/\s*$/, ''))
    .join('\n');
  // C#'s comments are XML.
  return (
    kind === '///' ? text.replace(/<\/?(?:summary|remarks|para|returns|c|code|see|param)\b[^>]*>/g, '') : text
  ).trim();
}

function dedent(lines: readonly string[]): string {
  const indents = lines.filter((line) => line.trim()).map(indentWidth);
  const indent = Math.min(...indents, Infinity);
  return lines
    .map((line) => line.slice(Math.min(indent, indentWidth(line))))
    .join('\n')
    .trimEnd();
}

/** The source up to its body. */
function extractSignature(source: string, { comment }: Language): string {
  const lines = source.split('\n');
  if (comment === 'docstring') return lines.slice(0, bodyStart(lines, 0)).join('\n');
  let open = 0;
  const opening = lines.findIndex((line) => {
    open += (line.match(/\(/g)?.length ?? 0) - (line.match(/\)/g)?.length ?? 0);
    return open === 0 && /\{\s*$/.test(line);
  });
  const head = opening < 0 ? lines[0]!.replace(/\{.*$/, '') : lines.slice(0, opening + 1).join('\n');
  return head.replace(/\s*(?:=>\s*)?\{\s*$/, '').trimEnd();
}
