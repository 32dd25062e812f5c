/** One answer, from its tokens as they come to its text: stop texts, the model's own end, the most tokens. */
import { Detokenizer } from './detokenizer.ts';
import type { HostCompletion } from './host-types.ts';
import { StopText } from './stop-text.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface AnswerOptions {
  prompt: readonly number[];
  /** Tokens at most. */
  most: number;
  stop?: readonly string[] | undefined;
  onText?: ((piece: string) => void) | undefined;
}

export class Answer {
  private text = '';
  private tokens = 0;
  private finishReason: HostCompletion['finishReason'] = 'length';
  private readonly detokenizer: Detokenizer;
  private readonly stopText: StopText;

  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly options: AnswerOptions,
  ) {
    this.detokenizer = new Detokenizer(vocabulary.decode, options.prompt);
    this.stopText = new StopText(options.stop ?? []);
  }

  /** Takes the next token; says whether the answer has ended. */
  push(token: number): boolean {
    if (this.vocabulary.ends.has(token)) {
      this.finishReason = 'stop';
      this.flush();
      return true;
    }
    this.tokens += 1;
    const next = this.stopText.push(this.detokenizer.push(token));
    this.show(next.text);
    if (next.stopped) this.finishReason = 'stop';
    else if (this.tokens >= this.options.most) this.flush();
    return next.stopped || this.tokens >= this.options.most;
  }

  get result(): Pick<HostCompletion, 'text' | 'completionTokens' | 'finishReason'> {
    return { text: this.text, completionTokens: this.tokens, finishReason: this.finishReason };
  }

  /** What was held back and can't become a stop text any more, or does with its last bytes. */
  private flush(): void {
    const last = this.stopText.push(this.detokenizer.flush());
    this.show(last.text + this.stopText.flush());
    if (last.stopped) this.finishReason = 'stop';
  }

  private show(piece: string): void {
    if (!piece) return;
    this.text += piece;
    this.options.onText?.(piece);
  }
}
