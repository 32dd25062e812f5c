/** Git's wildcard matching, as in its wildmatch.c with WM_PATHNAME. Pure. */

/** POSIX character classes as git defines them: ASCII only. */
const classes: Record<string, RegExp> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  cntrl: /[\x00-\x1f\x7f]/, // oxlint-disable-line no-control-regex
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/**
 * Whether a pattern matches a whole path. Both are byte strings, one character per byte. `foldCase` ignores the case of
 * ASCII letters. Takes at most O(pattern length x path length) time.
 */
export function wildmatch(pattern: string, path: string, foldCase = false): boolean {
  return new Match(pattern, foldCase ? lower(path) : path, foldCase).from(0, 0);
}

const lower = (text: string) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

class Match {
  /** Pairs of positions in pattern and path from which matching failed; each is tried only once. */
  private readonly failed = new Set<number>();

  constructor(
    private readonly pattern: string,
    private readonly path: string,
    private readonly foldCase: boolean,
  ) {}

  /** Whether the rest of the pattern matches the rest of the path. */
  from(start: number, at: number): boolean {
    const key = start * (this.path.length + 1) + at;
    if (this.failed.has(key)) return false;
    const matches = this.tryMatch(start, at);
    if (!matches) this.failed.add(key);
    return matches;
  }

  private tryMatch(start: number, at: number): boolean {
    const { pattern, path } = this;
    for (let p = start; p < pattern.length; p += 1, at += 1) {
      const token = pattern[p]!;
      if (token === '*') return this.matchStar(p, at);
      const char = path[at];
      if (char === undefined) return false;
      if (token === '?') {
        if (char === '/') return false;
      } else if (token === '[') {
        const end = this.matchBracket(p, char);
        if (end === undefined) return false;
        p = end;
      } else if (token === '\\') {
        p += 1;
        if (char !== pattern[p]) return false;
      } else if (char !== (this.foldCase ? lower(token) : token)) return false;
    }
    return at === path.length;
  }

  /** Matches from the first of consecutive stars on. */
  private matchStar(first: number, at: number): boolean {
    const { pattern, path } = this;
    let next = first + 1;
    while (pattern[next] === '*') next += 1;
    const rest = pattern.slice(next, next + 2);
    const begins = first === 0 || pattern[first - 1] === '/';
    const crossesFolders =
      next > first + 1 && begins && (rest === '' || rest.startsWith('/') || rest === '\\/');
    // The stars match no folder at all.
    if (crossesFolders && rest.startsWith('/') && this.from(next + 1, at)) return true;
    if (rest === '') return crossesFolders || !path.includes('/', at);
    for (; at < path.length; at += 1) {
      if (this.from(next, at)) return true;
      if (!crossesFolders && path[at] === '/') return false;
    }
    return false;
  }

  /** Index of the end of the bracket expression that begins at `open`, if it matches the character. */
  private matchBracket(open: number, char: string): number | undefined {
    const { pattern } = this;
    let p = open + 1;
    const negated = pattern[p] === '!' || pattern[p] === '^';
    if (negated) p += 1;
    let matched = false;
    let previous = '';
    // The first character never ends it.
    do {
      let token = pattern[p];
      if (token === undefined) return undefined;
      if (token === '-' && previous && pattern[p + 1] !== undefined && pattern[p + 1] !== ']') {
        p += pattern[p + 1] === '\\' ? 2 : 1;
        const last = pattern[p];
        if (last === undefined) return undefined;
        matched ||= this.isWithin(char, previous, last);
        token = '';
      } else if (token === '[' && pattern[p + 1] === ':') {
        const close = pattern.indexOf(']', p + 2);
        if (close < 0) return undefined;
        if (close > p + 2 && pattern[close - 1] === ':') {
          const namedClass = classes[pattern.slice(p + 2, close - 1)];
          if (!namedClass) return undefined;
          matched ||=
            namedClass.test(char) || (this.foldCase && namedClass === classes['upper'] && /[a-z]/.test(char));
          p = close;
          token = '';
        } else matched ||= char === '[';
      } else {
        if (token === '\\') token = pattern[(p += 1)];
        if (token === undefined) return undefined;
        matched ||= char === token;
      }
      previous = token;
      p += 1;
    } while (pattern[p] !== ']');
    return matched !== negated && char !== '/' ? p : undefined;
  }

  private isWithin(char: string, first: string, last: string): boolean {
    const inRange = (letter: string) => letter >= first && letter <= last;
    return inRange(char) || (this.foldCase && /[a-z]/.test(char) && inRange(char.toUpperCase()));
  }
}
