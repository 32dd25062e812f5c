/** Finds the tokens of a vocabulary that spell a text, without looking at all 150,000 of them each time. */

/** Tokens with their bytes, each byte as one character. */
type Entry = readonly [token: number, bytes: string];

export class TokenIndex {
  /** By the first two bytes; tokens of one byte by that byte. */
  private readonly groups = new Map<string, Entry[]>();

  /** `bytes`: what each of the `size` tokens stands for, each byte as one character. `left`: tokens that are no text. */
  constructor(size: number, bytes: (token: number) => string, left: ReadonlySet<number>) {
    for (let token = 0; token < size; token += 1) {
      const says = left.has(token) ? '' : bytes(token);
      if (says === '') continue;
      const key = says.slice(0, 2);
      const group = this.groups.get(key);
      if (group) group.push([token, says]);
      else this.groups.set(key, [[token, says]]);
    }
  }

  /**
   * The tokens that are a beginning of `text` (bytes), or begin with all of it. Undefined if there are more than
   * `most`, or if `text` has only one byte, which very many tokens begin with.
   */
  spelling(text: string, most: number): number[] | undefined {
    if (text.length < 2) return undefined;
    const fitting = (this.groups.get(text[0]!) ?? []).map(([token]) => token);
    for (const [token, says] of this.groups.get(text.slice(0, 2)) ?? [])
      if (says.startsWith(text) || text.startsWith(says)) {
        if (fitting.length >= most) return undefined;
        fitting.push(token);
      }
    return fitting;
  }
}
