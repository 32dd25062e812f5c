/**
 * Turns the tokens of an answer into text as they arrive; ends it at stop texts, the model's end-of-text token, or the
 * limit.
 */
import { Detokenizer } from './detokenizer.ts';
import type { HostCompletion, OnText, TokenLogProbability } from '../host-types.ts';
import { StopText } from './stop-text.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface AnswerOptions {
  prompt: readonly number[];
  /** Maximum number of tokens. */
  maxTokens: number;
  stop?: readonly string[] | undefined;
  /** Continue after the model's end-of-text token. */
  ignoreEnd?: boolean | undefined;
  onText?: OnText | undefined;
  /** Number of characters at the beginning of the answer that are already known and not returned (healed text). */
  knownCharacters?: number;
}

export class Answer {
  private text = '';
  private finishReason: HostCompletion['finishReason'] = 'length';
  private stopped: string | undefined;
  private readonly tokens: number[] = [];
  /** Number of characters of the tokens so far, including those held back. */
  private decoded = 0;
  private readonly logProbabilities: TokenLogProbability[] = [];
  /** How many of them were emitted. */
  private emittedLogProbabilities = 0;
  private knownCharacters: number;
  private maxTokens: number;
  /** Number of tokens of the known characters. */
  private healedTokens = 0;
  private readonly detokenizer: Detokenizer;
  private readonly stopText: StopText;

  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly options: AnswerOptions,
  ) {
    this.knownCharacters = options.knownCharacters ?? 0;
    this.maxTokens = options.maxTokens;
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
    const ended = this.append(this.detokenizer.push(token));
    if (!ended && this.tokens.length >= this.maxTokens) this.flush();
    return ended || this.tokens.length >= this.maxTokens;
  }

  /** Limits the rest of the answer to `tokens` more tokens, within the previous limit. */
  limitRest(tokens: number): void {
    this.healedTokens = this.tokens.length;
    this.maxTokens = Math.min(this.maxTokens, this.healedTokens + tokens);
  }

  /** The answer's tokens so far, without those of the known characters. */
  get written(): readonly number[] {
    return this.tokens.slice(this.healedTokens);
  }

  get result(): Pick<
    HostCompletion,
    'text' | 'completionTokens' | 'finishReason' | 'stopText' | 'logProbabilities'
  > {
    const { text, finishReason, stopped: stopTextFound } = this;
    return {
      text,
      completionTokens: this.tokens.length,
      finishReason,
      ...(stopTextFound === undefined ? {} : { stopText: stopTextFound }),
      ...(this.logProbabilities.length > 0
        ? { logProbabilities: this.logProbabilities.slice(0, this.emittedLogProbabilities) }
        : {}),
    };
  }

  private append(whole: string): boolean {
    const piece = whole.slice(this.knownCharacters);
    this.knownCharacters -= whole.length - piece.length;
    this.decoded += piece.length;
    const next = this.stopText.push(piece);
    this.emit(next.text);
    if (!next.stopped) return false;
    this.finishReason = 'stop';
    this.stopped = next.stop;
    return true;
  }

  /** Emits what was held back, at the end of the answer; its last bytes may still complete a stop text. */
  private flush(): void {
    if (!this.append(this.detokenizer.flush())) this.emit(this.stopText.flush(), Infinity);
  }

  /** Emits the piece, with the tokens that begin before `end` in the text. */
  private emit(piece: string, end = this.text.length + piece.length): void {
    this.text += piece;
    const from = this.emittedLogProbabilities;
    while ((this.logProbabilities[this.emittedLogProbabilities]?.offset ?? Infinity) < end)
      this.emittedLogProbabilities += 1;
    if (piece || this.emittedLogProbabilities > from)
      this.options.onText?.(piece, this.logProbabilities.slice(from, this.emittedLogProbabilities));
  }
}
