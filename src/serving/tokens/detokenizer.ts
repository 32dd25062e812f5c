/**
 * Turns tokens into text as they arrive; a character whose bytes are spread over tokens is held back until complete.
 */

const BROKEN = '\uFFFD';
/** No character has more tokens than this; a real U+FFFD is passed on after so many. */
const LONGEST = 8;

export class Detokenizer {
  private pending: number[] = [];
  private readonly shown: number[];

  /** `decode(tokens, before)` is the text of `tokens` if `before` precede them. */
  constructor(
    private readonly decode: (tokens: readonly number[], before: readonly number[]) => string,
    before: readonly number[],
  ) {
    this.shown = before.slice(-LONGEST);
  }

  push(token: number): string {
    this.pending.push(token);
    const text = this.decode(this.pending, this.shown.slice(-LONGEST));
    if (text.endsWith(BROKEN) && this.pending.length < LONGEST) return '';
    this.shown.push(...this.pending);
    this.pending = [];
    return text;
  }

  /** The complete characters of the rest, at the end of the answer. */
  flush(): string {
    if (this.pending.length === 0) return '';
    const text = this.decode(this.pending, this.shown.slice(-LONGEST));
    this.pending = [];
    return text.replace(/\uFFFD+$/, '');
  }
}
