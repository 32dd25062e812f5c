/** The few properties of each language that the completion core needs. */

export interface Language {
  /** Markers that begin a comment to the end of the line. */
  lineComments: readonly string[];
  /** Delimiters of block comments. */
  blockComment?: readonly [string, string];
  /** Blocks are marked by indentation, not by brackets. */
  indented: boolean;
  /** Prose: no brackets to balance; code fences are part of it. */
  prose: boolean;
  /** Tags instead of blocks. */
  markup: boolean;
  /** Single quotes enclose only one character. */
  characters?: boolean;
  /** Templates in back quotes, and regular expressions between slashes. */
  templates?: boolean;
  /** Strings that are marked by an f contain expressions in braces. */
  formatted?: boolean;
  /** Code that contains tags. */
  tags?: boolean;
  /** Quotes that may also stand three in a row around a string of several lines. */
  tripleQuotes?: string;
  /** Has C-like operators, with which no expression ends. */
  operators?: boolean;
}

const cLike: Language = {
  lineComments: ['//'],
  blockComment: ['/*', '*/'],
  indented: false,
  prose: false,
  markup: false,
  operators: true,
};
const hash: Language = { lineComments: ['#'], indented: false, prose: false, markup: false };
const prose: Language = { lineComments: [], indented: false, prose: true, markup: false };
const markup: Language = {
  lineComments: [],
  blockComment: ['<!--', '-->'],
  indented: false,
  prose: false,
  markup: true,
};
const css: Language = { ...cLike, lineComments: [], operators: false };
const script: Language = { ...cLike, templates: true };
const withCharacters: Language = { ...cLike, characters: true };

const all = (ids: readonly string[], language: Language) =>
  Object.fromEntries(ids.map((id) => [id, language]));

const languages: Record<string, Language> = {
  typescript: script,
  javascript: script,
  typescriptreact: { ...script, tags: true },
  javascriptreact: { ...script, tags: true },
  ...all(['rust', 'go', 'c', 'cpp', 'zig'], withCharacters),
  ...all(['java', 'csharp', 'kotlin', 'scala', 'swift'], { ...withCharacters, tripleQuotes: '"' }),
  python: { ...hash, indented: true, formatted: true, operators: true, tripleQuotes: `'"` },
  yaml: { ...hash, indented: true },
  coffeescript: { ...hash, indented: true, tripleQuotes: `'"` },
  toml: { ...hash, tripleQuotes: `'"` },
  elixir: { ...hash, tripleQuotes: `'"` },
  ...all(['julia', 'graphql'], { ...hash, tripleQuotes: '"' }),
  nim: { ...hash, indented: true, tripleQuotes: '"' },
  ...all(['ruby', 'crystal', 'shellscript', 'dockerfile', 'makefile', 'r', 'perl', 'cmake'], hash),
  terraform: { ...hash, lineComments: ['#', '//'], blockComment: ['/*', '*/'] },
  ini: { ...hash, lineComments: ['#', ';'] },
  ...all(['properties', 'dotenv', 'ignore'], hash),
  powershell: { ...hash, blockComment: ['<#', '#>'] },
  ...all(['haskell', 'elm'], { ...hash, lineComments: ['--'], blockComment: ['{-', '-}'], indented: true }),
  ...all(['clojure', 'lisp', 'scheme'], { ...hash, lineComments: [';'] }),
  erlang: { ...hash, lineComments: ['%'] },
  sql: { ...cLike, lineComments: ['--'], operators: false },
  lua: { ...cLike, lineComments: ['--'], blockComment: ['--[[', ']]'] },
  html: markup,
  xml: markup,
  vue: markup,
  svelte: markup,
  css,
  ...all(['markdown', 'mdx', 'plaintext', 'git-commit'], prose),
  latex: { ...prose, lineComments: ['%'] },
  restructuredtext: prose,
};

/** An unknown language is treated as one with braces, like most; triple quotes are rarely anything else. */
const unknown: Language = { ...cLike, tripleQuotes: `'"` };

export function languageFor(languageId: string): Language {
  return languages[languageId] ?? unknown;
}

/** Languages that embed scripts and styles, and the languages of these. */
const pages = new Set(['html', 'vue', 'svelte']);
const embedded: Record<string, string> = { script: 'javascript', style: 'css' };
const borders = /<(script|style)(?=[\s>])[^>]*>|<\/(script|style)\s*>|<!--|-->/gi;

/** The document as seen from the cursor: inside a page's script or style, only that part, with its language. */
export function embeddedAt<D extends { before: string; languageId: string }>(document: D): D {
  const { before, languageId } = document;
  if (!pages.has(languageId)) return document;
  let inside: { tag: string; begins: number } | undefined;
  let comment = false;
  for (const { 0: border, 1: opens, 2: closes, index } of before.matchAll(borders)) {
    if (inside) inside = closes?.toLowerCase() === inside.tag ? undefined : inside;
    else if (comment || border === '<!--') comment = border !== '-->';
    else if (opens && !border.endsWith('/>'))
      inside = { tag: opens.toLowerCase(), begins: index + border.length };
  }
  if (!inside) return document;
  return { ...document, languageId: embedded[inside.tag]!, before: before.slice(inside.begins) };
}

const extensions: Record<string, string> = {
  ts: 'typescript',
  mts: 'typescript',
  cts: 'typescript',
  tsx: 'typescriptreact',
  js: 'javascript',
  mjs: 'javascript',
  cjs: 'javascript',
  jsx: 'javascriptreact',
  py: 'python',
  rs: 'rust',
  go: 'go',
  java: 'java',
  kt: 'kotlin',
  c: 'c',
  h: 'c',
  cc: 'cpp',
  cpp: 'cpp',
  hpp: 'cpp',
  cs: 'csharp',
  rb: 'ruby',
  php: 'php',
  swift: 'swift',
  lua: 'lua',
  sh: 'shellscript',
  sql: 'sql',
  html: 'html',
  xml: 'xml',
  vue: 'vue',
  svelte: 'svelte',
  css: 'css',
  json: 'json',
  yaml: 'yaml',
  yml: 'yaml',
  toml: 'toml',
  md: 'markdown',
  tex: 'latex',
  rst: 'restructuredtext',
};

/** The editor's language identifier for a file extension; `plaintext` if it is unknown. */
export function languageIdForPath(path: string): string {
  return extensions[/\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? ''] ?? 'plaintext';
}
