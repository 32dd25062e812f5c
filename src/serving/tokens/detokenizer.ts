/** Turns tokens into text as they arrive; a character whose bytes span several tokens is held back until complete. */

const BROKEN = '\uFFFD';
/** No character spans more tokens than this; a real U+FFFD is emitted after that many. */
const MAX_TOKENS = 8;

export class Detokenizer {
  private pending: number[] = [];
  private readonly emitted: number[];

  /** `decode(tokens, before)` is the text of `tokens` when preceded by `before`. */
  constructor(
    private readonly decode: (tokens: readonly number[], before: readonly number[]) => string,
    before: readonly number[],
  ) {
    this.emitted = before.slice(-MAX_TOKENS);
  }

  push(token: number): string {
    this.pending.push(token);
    const text = this.decode(this.pending, this.emitted.slice(-MAX_TOKENS));
    if (text.endsWith(BROKEN) && this.pending.length < MAX_TOKENS) return '';
    this.emitted.push(...this.pending);
    this.pending = [];
    return text;
  }

  /** The complete characters of the rest, at the end of the answer. */
  flush(): string {
    if (this.pending.length === 0) return '';
    const text = this.decode(this.pending, this.emitted.slice(-MAX_TOKENS));
    this.pending = [];
    return text.replace(/\uFFFD+$/, '');
  }
}
