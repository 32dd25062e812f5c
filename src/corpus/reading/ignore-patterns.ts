/** The patterns of one .gitignore file, with git's rules. Pure. */
import { wildmatch } from './wildmatch.ts';

/** Like git, which follows the file system. */
const fileSystemFoldsCase = process.platform !== 'linux';

interface Pattern {
  /** Without the signs around it, in bytes. */
  text: string;
  /** So many characters at its beginning are no wildcards. */
  literal: number;
  negated: boolean;
  onlyFolders: boolean;
  /** It is for names in any folder below. */
  anywhere: boolean;
}

/** Length of the pieces of text by which patterns are found. */
const PIECE = 3;

/**
 * Finds the last pattern that matches a path, in a time that hardly depends on the number of patterns: each that has
 * three characters in a row without a wildcard is looked at only where a path has these, too.
 */
export class IgnorePatterns {
  private readonly patterns: Pattern[];
  /** Numbers of patterns by a piece of them. */
  private readonly byPiece = new Map<string, number[]>();
  private readonly others: number[] = [];

  constructor(
    text: string,
    private readonly foldCase = fileSystemFoldsCase,
  ) {
    this.patterns = text
      .replace(/^\uFEFF/, '')
      .split('\n')
      .flatMap(read);
    const pieces = this.patterns.map((pattern) => [...new Set(this.piecesOf(literals(pattern.text)))]);
    const counts = new Map<string, number>();
    for (const piece of pieces.flat()) counts.set(piece, (counts.get(piece) ?? 0) + 1);
    for (const [number, own] of pieces.entries()) {
      const rarest = own.reduce<string | undefined>(
        (best, piece) => (best === undefined || counts.get(piece)! < counts.get(best)! ? piece : best),
        undefined,
      );
      const found = rarest === undefined ? this.others : this.byPiece.get(rarest);
      if (found) found.push(number);
      else this.byPiece.set(rarest!, [number]);
    }
  }

  /**
   * What the last pattern that matches says of a path relative to the file's folder, without a "/" at its end; undefined
   * if none does. Only of the path itself: not of the folders that it is in.
   */
  ignores(path: string, isFolder: boolean): boolean | undefined {
    if (this.patterns.length === 0) return undefined;
    const bytes = bytesOf(path);
    const name = bytes.slice(bytes.lastIndexOf('/') + 1);
    let last = -1;
    const look = (numbers: readonly number[] = []) => {
      for (let at = numbers.length - 1; at >= 0 && numbers[at]! > last; at -= 1) {
        const pattern = this.patterns[numbers[at]!]!;
        if (pattern.onlyFolders && !isFolder) continue;
        if (this.matches(pattern, pattern.anywhere ? name : bytes)) last = numbers[at]!;
      }
    };
    look(this.others);
    if (this.byPiece.size > 0)
      for (const piece of this.piecesOf([marked(bytes), marked(name).slice(0, PIECE)]))
        look(this.byPiece.get(piece));
    return last < 0 ? undefined : !this.patterns[last]!.negated;
  }

  private matches({ text, literal }: Pattern, path: string): boolean {
    // Git compares this part first, so that stars after it count as the beginning of a pattern.
    const begin = path.slice(0, literal);
    const same =
      begin === text.slice(0, literal) || (this.foldCase && folded(begin) === folded(text.slice(0, literal)));
    return same && wildmatch(text.slice(literal), path.slice(literal), this.foldCase);
  }

  private *piecesOf(texts: readonly string[]): Generator<string> {
    for (const text of this.foldCase ? texts.map(folded) : texts)
      for (let at = 0; at + PIECE <= text.length; at += 1) yield text.slice(at, at + PIECE);
  }
}

function read(line: string): Pattern[] {
  let text = bytesOf(withoutSpaces(line.replace(/\r$/, '')));
  if (text === '' || text.startsWith('#')) return [];
  const negated = text.startsWith('!');
  if (negated) text = text.slice(1);
  const onlyFolders = text.endsWith('/');
  if (onlyFolders) text = text.slice(0, -1);
  const anywhere = !text.includes('/');
  if (text.startsWith('/')) text = text.slice(1);
  const wild = text.search(/[*?[\\]/);
  return text === ''
    ? []
    : [{ text, literal: wild < 0 ? text.length : wild, negated, onlyFolders, anywhere }];
}

/** Without spaces at the end, but for one after a backslash. */
function withoutSpaces(line: string): string {
  let end = 0;
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === ' ') continue;
    if (line[at] === '\\') at += 1;
    end = at + 1;
  }
  return line.slice(0, end);
}

/** With a mark at its beginning and end, so that a name of one letter has a piece, too. */
const marked = (text: string) => `\0${text}\0`;

/** Runs of characters that a matching path, or its last name, has as they are. */
function literals(text: string): string[] {
  return marked(text)
    .replace(/\[.*/s, '/')
    .replace(/\\./gs, '/')
    .split(/[*?/\\]+/);
}

const folded = (bytes: string) => bytes.toLowerCase();

/** Git compares bytes: here a character for each. */
const bytesOf = (text: string) => (/^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text).toString('latin1')); // eslint-disable-line no-control-regex
