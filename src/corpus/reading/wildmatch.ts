/** Git's wildcards, as in its wildmatch.c with WM_PATHNAME. Pure. */

/** POSIX classes in git's own sense, which knows ASCII only. */
const classes: Record<string, RegExp> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  cntrl: /[\x00-\x1f\x7f]/, // eslint-disable-line no-control-regex
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
 * Whether a pattern matches all of a path. Both are bytes, a character each. With `foldCase`, letters of ASCII are the
 * same in either case. Takes time in proportion to the product of the lengths at most.
 */
export function wildmatch(pattern: string, path: string, foldCase = false): boolean {
  return new Match(pattern, foldCase ? lower(path) : path, foldCase).from(0, 0);
}

const lower = (text: string) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

class Match {
  /** Places in the pattern and the path from which the rest was tried in vain: each is tried once. */
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
    const matches = this.try(start, at);
    if (!matches) this.failed.add(key);
    return matches;
  }

  private try(start: number, at: number): boolean {
    const { pattern, path } = this;
    for (let p = start; p < pattern.length; p += 1, at += 1) {
      const sign = pattern[p]!;
      if (sign === '*') return this.star(p, at);
      const char = path[at];
      if (char === undefined) return false;
      if (sign === '?') {
        if (char === '/') return false;
      } else if (sign === '[') {
        const end = this.bracket(p, char);
        if (end === undefined) return false;
        p = end;
      } else if (sign === '\\') {
        p += 1;
        if (char !== pattern[p]) return false;
      } else if (char !== (this.foldCase ? lower(sign) : sign)) return false;
    }
    return at === path.length;
  }

  /** From the first of some stars on. */
  private star(first: number, at: number): boolean {
    const { pattern, path } = this;
    let next = first + 1;
    while (pattern[next] === '*') next += 1;
    const rest = pattern.slice(next, next + 2);
    const begins = first === 0 || pattern[first - 1] === '/';
    const overFolders = next > first + 1 && begins && (rest === '' || rest.startsWith('/') || rest === '\\/');
    // No folder at all.
    if (overFolders && rest.startsWith('/') && this.from(next + 1, at)) return true;
    if (rest === '') return overFolders || !path.includes('/', at);
    for (; at < path.length; at += 1) {
      if (this.from(next, at)) return true;
      if (!overFolders && path[at] === '/') return false;
    }
    return false;
  }

  /** Where the expression that begins at `open` ends, if it matches the character. */
  private bracket(open: number, char: string): number | undefined {
    const { pattern } = this;
    let p = open + 1;
    const negated = pattern[p] === '!' || pattern[p] === '^';
    if (negated) p += 1;
    let matched = false;
    let before = '';
    // The first character is never its end.
    do {
      let sign = pattern[p];
      if (sign === undefined) return undefined;
      if (sign === '-' && before && pattern[p + 1] !== undefined && pattern[p + 1] !== ']') {
        p += pattern[p + 1] === '\\' ? 2 : 1;
        const last = pattern[p];
        if (last === undefined) return undefined;
        matched ||= this.isWithin(char, before, last);
        sign = '';
      } else if (sign === '[' && pattern[p + 1] === ':') {
        const close = pattern.indexOf(']', p + 2);
        if (close < 0) return undefined;
        if (close > p + 2 && pattern[close - 1] === ':') {
          const named = classes[pattern.slice(p + 2, close - 1)];
          if (!named) return undefined;
          matched ||= named.test(char) || (this.foldCase && named === classes['upper'] && /[a-z]/.test(char));
          p = close;
          sign = '';
        } else matched ||= char === '[';
      } else {
        if (sign === '\\') sign = pattern[(p += 1)];
        if (sign === undefined) return undefined;
        matched ||= char === sign;
      }
      before = sign;
      p += 1;
    } while (pattern[p] !== ']');
    return matched !== negated && char !== '/' ? p : undefined;
  }

  private isWithin(char: string, first: string, last: string): boolean {
    const within = (one: string) => one >= first && one <= last;
    return within(char) || (this.foldCase && /[a-z]/.test(char) && within(char.toUpperCase()));
  }
}
