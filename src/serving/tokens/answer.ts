/** One answer, from its tokens as they come to its text: stop texts, the model's own end, the most tokens. */
import { Detokenizer } from './detokenizer.ts';
import type { HostCompletion, OnText, TokenLogProbability } from '../engine/host-types.ts';
import { StopText } from './stop-text.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface AnswerOptions {
  prompt: readonly number[];
  /** Tokens at most. */
  most: number;
  stop?: readonly string[] | undefined;
  /** Goes on where the model would end. */
  ignoreEnd?: boolean | undefined;
  onText?: OnText | undefined;
  /** Characters at its beginning that are known already, and not told. */
  known?: number;
}

export class Answer {
  private text = '';
  private finishReason: HostCompletion['finishReason'] = 'length';
  private stopped: string | undefined;
  private readonly tokens: number[] = [];
  /** Characters that the tokens so far stand for, held back or not. */
  private decoded = 0;
  private readonly logProbabilities: TokenLogProbability[] = [];
  /** Of those, how many were shown. */
  private shownLogProbabilities = 0;
  private known: number;
  private most: number;
  /** Tokens that say what is known. */
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

  /** Takes the next token; says whether the answer has ended. */
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

  /** From here on so many tokens at most, and no more than there is room for. */
  allow(tokens: number): void {
    this.spelled = this.tokens.length;
    this.most = Math.min(this.most, this.spelled + tokens);
  }

  /** The tokens that it has, without those that spell what was known. */
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

  /** What was held back and can't become a stop text any more, or does with its last bytes. */
  private flush(): void {
    if (!this.take(this.detokenizer.flush())) this.show(this.stopText.flush(), Infinity);
  }

  /** Tells the piece, with the tokens that begin before `end` in the text. */
  private show(piece: string, end = this.text.length + piece.length): void {
    this.text += piece;
    const from = this.shownLogProbabilities;
    while ((this.logProbabilities[this.shownLogProbabilities]?.offset ?? Infinity) < end)
      this.shownLogProbabilities += 1;
    if (piece || this.shownLogProbabilities > from)
      this.options.onText?.(piece, this.logProbabilities.slice(from, this.shownLogProbabilities));
  }
}
