/** The patterns of one .gitignore file, by git's rules. Pure. */
import { wildmatch } from './wildmatch.ts';

/** As in git, which follows the file system. */
const fileSystemFoldsCase = process.platform !== 'linux';

interface Pattern {
  /** The pattern without its leading and trailing markers, as bytes. */
  text: string;
  /** Length of the literal prefix, without wildcards. */
  literal: number;
  negated: boolean;
  onlyFolders: boolean;
  /** Matches names in any folder below. */
  anywhere: boolean;
}

/** Length of the substrings by which patterns are indexed. */
const TRIGRAM = 3;

/**
 * Finds the last pattern that matches a path, in time nearly independent of the number of patterns: a pattern with
 * three consecutive literal characters is tried only if the path contains them.
 */
export class IgnorePatterns {
  private readonly patterns: Pattern[];
  /** Indices of patterns by one of their trigrams. */
  private readonly byTrigram = new Map<string, number[]>();
  private readonly others: number[] = [];

  constructor(
    text: string,
    private readonly foldCase = fileSystemFoldsCase,
  ) {
    this.patterns = text
      .replace(/^\uFEFF/, '')
      .split('\n')
      .flatMap(parsePattern);
    const pieces = this.patterns.map((pattern) => [...new Set(this.trigramsOf(literals(pattern.text)))]);
    const counts = new Map<string, number>();
    for (const piece of pieces.flat()) counts.set(piece, (counts.get(piece) ?? 0) + 1);
    for (const [number, ownPieces] of pieces.entries()) {
      const rarest = ownPieces.reduce<string | undefined>(
        (best, piece) => (best === undefined || counts.get(piece)! < counts.get(best)! ? piece : best),
        undefined,
      );
      const found = rarest === undefined ? this.others : this.byTrigram.get(rarest);
      if (found) found.push(number);
      else this.byTrigram.set(rarest!, [number]);
    }
  }

  /**
   * Whether the last matching pattern ignores a path (relative to the file's folder, without a trailing "/"); undefined
   * if none matches. Considers only the path itself, not its parent folders.
   */
  ignores(path: string, isFolder: boolean): boolean | undefined {
    if (this.patterns.length === 0) return undefined;
    const bytes = toBytes(path);
    const name = bytes.slice(bytes.lastIndexOf('/') + 1);
    let last = -1;
    const search = (numbers: readonly number[] = []) => {
      for (let at = numbers.length - 1; at >= 0 && numbers[at]! > last; at -= 1) {
        const pattern = this.patterns[numbers[at]!]!;
        if (pattern.onlyFolders && !isFolder) continue;
        if (this.matches(pattern, pattern.anywhere ? name : bytes)) last = numbers[at]!;
      }
    };
    search(this.others);
    if (this.byTrigram.size > 0)
      for (const piece of this.trigramsOf([withMarkers(bytes), withMarkers(name).slice(0, TRIGRAM)]))
        search(this.byTrigram.get(piece));
    return last < 0 ? undefined : !this.patterns[last]!.negated;
  }

  private matches({ text, literal }: Pattern, path: string): boolean {
    // Git compares the literal prefix first, so stars after it count as the start of a pattern.
    const prefix = path.slice(0, literal);
    const prefixMatches =
      prefix === text.slice(0, literal) ||
      (this.foldCase && foldCaseOf(prefix) === foldCaseOf(text.slice(0, literal)));
    return prefixMatches && wildmatch(text.slice(literal), path.slice(literal), this.foldCase);
  }

  private *trigramsOf(texts: readonly string[]): Generator<string> {
    for (const text of this.foldCase ? texts.map(foldCaseOf) : texts)
      for (let at = 0; at + TRIGRAM <= text.length; at += 1) yield text.slice(at, at + TRIGRAM);
  }
}

function parsePattern(line: string): Pattern[] {
  let text = toBytes(trimTrailingSpaces(line.replace(/\r$/, '')));
  if (text === '' || text.startsWith('#')) return [];
  const negated = text.startsWith('!');
  if (negated) text = text.slice(1);
  const onlyFolders = text.endsWith('/');
  if (onlyFolders) text = text.slice(0, -1);
  const anywhere = !text.includes('/');
  if (text.startsWith('/')) text = text.slice(1);
  const firstWildcard = text.search(/[*?[\\]/);
  return text === ''
    ? []
    : [{ text, literal: firstWildcard < 0 ? text.length : firstWildcard, negated, onlyFolders, anywhere }];
}

/** Removes trailing spaces, except one escaped by a backslash. */
function trimTrailingSpaces(line: string): string {
  let end = 0;
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === ' ') continue;
    if (line[at] === '\\') at += 1;
    end = at + 1;
  }
  return line.slice(0, end);
}

/** Adds a marker at both ends, so that even a one-letter name has a trigram. */
const withMarkers = (text: string) => `\0${text}\0`;

/** Literal substrings that a matching path, or its last component, must contain. */
function literals(text: string): string[] {
  return withMarkers(text)
    .replace(/\[.*/s, '/')
    .replace(/\\./gs, '/')
    .split(/[*?/\\]+/);
}

const foldCaseOf = (bytes: string) => bytes.toLowerCase();

/** Git compares bytes: converts the text to one character per byte. */
const toBytes = (text: string) => (/^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text).toString('latin1')); // oxlint-disable-line no-control-regex
