/** Turns the tokens of one answer into text as they arrive; ends it at stop texts, the model's end, or the limit. */
import { Detokenizer } from './detokenizer.ts';
import type { HostCompletion, OnText, TokenLogProbability } from '../host-types.ts';
import { StopText } from './stop-text.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface AnswerOptions {
  prompt: readonly number[];
  /** Most tokens. */
  most: number;
  stop?: readonly string[] | undefined;
  /** Continue after the model's own end. */
  ignoreEnd?: boolean | undefined;
  onText?: OnText | undefined;
  /** Number of characters at the beginning of the answer that are already known and not returned (healed text). */
  known?: number;
}

export class Answer {
  private text = '';
  private finishReason: HostCompletion['finishReason'] = 'length';
  private stopped: string | undefined;
  private readonly tokens: number[] = [];
  /** Number of characters of the tokens so far, including those held back. */
  private decoded = 0;
  private readonly logProbabilities: TokenLogProbability[] = [];
  /** How many of them were passed on. */
  private shownLogProbabilities = 0;
  private known: number;
  private most: number;
  /** Number of tokens of the known characters. */
  private spelled = 0;
  private readonly detokenizer: Detokenizer;
  private readonly stopText: StopText;

  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly options: AnswerOptions,
  ) {
    this.known = options.known ?? 0;
    this.most = options.most;
    this.detokenizer = new Detokenizer(vocabulary.decode, options.prompt);
    this.stopText = new StopText(options.stop ?? []);
  }

  /** Adds the next token; returns whether the answer has ended. */
  push(token: number, chance?: Omit<TokenLogProbability, 'offset'>): boolean {
    if (this.vocabulary.ends.has(token) && !this.options.ignoreEnd) {
      this.finishReason = 'stop';
      this.flush();
      return true;
    }
    this.tokens.push(token);
    if (chance) this.logProbabilities.push({ ...chance, offset: this.decoded });
    const ended = this.take(this.detokenizer.push(token));
    if (!ended && this.tokens.length >= this.most) this.flush();
    return ended || this.tokens.length >= this.most;
  }

  /** Limits the rest of the answer to `tokens` more tokens, within the room that there is. */
  allow(tokens: number): void {
    this.spelled = this.tokens.length;
    this.most = Math.min(this.most, this.spelled + tokens);
  }

  /** The answer's tokens so far, without those of the known characters. */
  get written(): readonly number[] {
    return this.tokens.slice(this.spelled);
  }

  get result(): Pick<
    HostCompletion,
    'text' | 'completionTokens' | 'finishReason' | 'stopText' | 'logProbabilities'
  > {
    const { text, finishReason, stopped } = this;
    return {
      text,
      completionTokens: this.tokens.length,
      finishReason,
      ...(stopped === undefined ? {} : { stopText: stopped }),
      ...(this.logProbabilities.length > 0
        ? { logProbabilities: this.logProbabilities.slice(0, this.shownLogProbabilities) }
        : {}),
    };
  }

  private take(whole: string): boolean {
    const piece = whole.slice(this.known);
    this.known -= whole.length - piece.length;
    this.decoded += piece.length;
    const next = this.stopText.push(piece);
    this.show(next.text);
    if (!next.stopped) return false;
    this.finishReason = 'stop';
    this.stopped = next.stop;
    return true;
  }

  /** Passes on what was held back, at the end of the answer; its last bytes may still complete a stop text. */
  private flush(): void {
    if (!this.take(this.detokenizer.flush())) this.show(this.stopText.flush(), Infinity);
  }

  /** Passes on the piece, with the tokens that begin before `end` in the text. */
  private show(piece: string, end = this.text.length + piece.length): void {
    this.text += piece;
    const from = this.shownLogProbabilities;
    while ((this.logProbabilities[this.shownLogProbabilities]?.offset ?? Infinity) < end)
      this.shownLogProbabilities += 1;
    if (piece || this.shownLogProbabilities > from)
      this.options.onText?.(piece, this.logProbabilities.slice(from, this.shownLogProbabilities));
  }
}
