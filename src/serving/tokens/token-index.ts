/** Finds the tokens of a vocabulary that spell a text, without checking all 150,000 each time. */

/** Tokens with their bytes, each byte as one character. */
type Entry = readonly [token: number, bytes: string];

export class TokenIndex {
  /** By the first two bytes; tokens of one byte by that byte. */
  private readonly groups = new Map<string, Entry[]>();

  /**
   * `bytes`: the bytes of each of the `size` tokens, each byte as one character. `excluded`: tokens that aren't text.
   */
  constructor(size: number, bytes: (token: number) => string, excluded: ReadonlySet<number>) {
    for (let token = 0; token < size; token += 1) {
      const spelled = excluded.has(token) ? '' : bytes(token);
      if (spelled === '') continue;
      const key = spelled.slice(0, 2);
      const group = this.groups.get(key);
      if (group) group.push([token, spelled]);
      else this.groups.set(key, [[token, spelled]]);
    }
  }

  /**
   * The tokens that are a prefix of `text` (bytes), or start with all of it. Undefined if there are more than `most`,
   * or if `text` has only one byte, which very many tokens start with.
   */
  spelling(text: string, most: number): number[] | undefined {
    if (text.length < 2) return undefined;
    const fitting = (this.groups.get(text[0]!) ?? []).map(([token]) => token);
    for (const [token, spelled] of this.groups.get(text.slice(0, 2)) ?? [])
      if (spelled.startsWith(text) || text.startsWith(spelled)) {
        if (fitting.length >= most) return undefined;
        fitting.push(token);
      }
    return fitting;
  }
}
