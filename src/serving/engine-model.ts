/** One model as llama.cpp computes it: a loaded GGUF, at most one adapter on it, a context with a few sequences. */
import type { LlamaContext, LlamaContextSequence, LlamaModel } from 'node-llama-cpp';
import { Detokenizer } from './detokenizer.ts';
import type { AdapterFile, HostCompletion, HostRequest } from './host-types.ts';
import { Pool } from './pool.ts';
import { commonPrefix, layOutPrompt, type PromptTokens } from './prompt-tokens.ts';
import { StopText } from './stop-text.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Prompt tokens between two looks at the abort signal: 0.1-0.2 s of a small model on one core. */
const PROMPT_STEP = 32;
/** Positions whose whole distributions are held as maps at the same time: 2-3 MB each. */
const DISTRIBUTION_STEP = 8;
/** Of the context, the most that an answer may claim before the prompt gets its room. */
const ANSWER_SHARE = 0.5;

export interface EngineOptions {
  contextSize: number;
  sequences: number;
  threads: number;
}

export class EngineModel {
  private readonly pool: Pool<LlamaContextSequence>;

  private constructor(
    private readonly model: LlamaModel,
    private readonly vocabulary: Vocabulary,
    private readonly context: LlamaContext,
    sequences: number,
  ) {
    this.pool = new Pool(Array.from({ length: sequences }, () => context.getSequence()));
  }

  static async open(
    model: LlamaModel,
    vocabulary: Vocabulary,
    options: EngineOptions,
    adapter?: AdapterFile,
  ): Promise<EngineModel> {
    const context = await model.createContext({
      contextSize: options.contextSize,
      sequences: options.sequences,
      threads: options.threads,
      failedCreationRemedy: false,
      ...(adapter ? { lora: { adapters: [{ filePath: adapter.path, scale: adapter.scale ?? 1 }] } } : {}),
    });
    return new EngineModel(model, vocabulary, context, options.sequences);
  }

  async complete(
    request: HostRequest,
    signal?: AbortSignal,
    onText?: (piece: string) => void,
  ): Promise<HostCompletion> {
    const prompt = this.layOut(request);
    const sequence = await this.pool.acquire(
      (free) => commonPrefix(free.contextTokens, prompt.tokens),
      signal,
    );
    try {
      const cachedTokens = await this.readPrompt(sequence, prompt.tokens, signal);
      const answer = await this.generate(sequence, prompt.tokens, request, signal, onText);
      return { ...answer, promptTokens: prompt.tokens.length, cachedTokens, trimmedTokens: prompt.trimmed };
    } finally {
      this.pool.release(sequence);
    }
  }

  /** The tokens of the prompt, cut so that the answer has room after it. */
  private layOut({ prompt, suffix, maxTokens }: HostRequest): PromptTokens {
    const answer = Math.min(maxTokens, Math.floor(this.context.contextSize * ANSWER_SHARE));
    // One position stays empty: llama.cpp would shift the context to make room.
    const room = this.context.contextSize - 1 - answer;
    const { bos, fill } = this.vocabulary;
    const laidOut = layOutPrompt(this.encode(prompt), suffix ? this.encode(suffix) : undefined, {
      fill,
      bos,
      room,
    });
    // A model can't go on from nothing: an empty prompt starts where a document starts.
    if (laidOut.tokens.length === 0) laidOut.tokens.push(this.model.tokens.bos ?? this.model.tokens.eos ?? 0);
    return laidOut;
  }

  encode(text: string): number[] {
    return this.model.tokenize(text, false);
  }

  /** Has all but the prompt's last token computed, reusing what the sequence still holds. Returns how many were reused. */
  private async readPrompt(
    sequence: LlamaContextSequence,
    tokens: number[],
    signal?: AbortSignal,
  ): Promise<number> {
    const reused = Math.min(commonPrefix(sequence.contextTokens, tokens), tokens.length - 1);
    if (sequence.nextTokenIndex > reused)
      await sequence.eraseContextTokenRanges([{ start: reused, end: sequence.nextTokenIndex }]);
    for (let at = reused; at < tokens.length - 1; at += PROMPT_STEP) {
      signal?.throwIfAborted();
      await sequence.evaluateWithoutGeneratingNewTokens(
        tokens.slice(at, Math.min(at + PROMPT_STEP, tokens.length - 1)) as never,
      );
    }
    signal?.throwIfAborted();
    return reused;
  }

  private async generate(
    sequence: LlamaContextSequence,
    prompt: number[],
    request: HostRequest,
    signal?: AbortSignal,
    onText?: (piece: string) => void,
  ): Promise<Pick<HostCompletion, 'text' | 'completionTokens' | 'finishReason'>> {
    const detokenizer = new Detokenizer(this.vocabulary.decode, prompt);
    const stopText = new StopText(request.stop ?? []);
    let text = '';
    const show = (piece: string) => {
      if (!piece) return;
      text += piece;
      onText?.(piece);
    };
    const most = Math.min(request.maxTokens, this.context.contextSize - 1 - prompt.length);
    let count = 0;
    for await (const token of sequence.evaluate(prompt.slice(-1) as never, samplerOptions(request))) {
      signal?.throwIfAborted();
      if (this.vocabulary.ends.has(token)) {
        show(stopText.push(detokenizer.flush()).text + stopText.flush());
        return { text, completionTokens: count, finishReason: 'stop' };
      }
      count += 1;
      const next = stopText.push(detokenizer.push(token));
      show(next.text);
      if (next.stopped) return { text, completionTokens: count, finishReason: 'stop' };
      if (count >= most) break;
    }
    const last = stopText.push(detokenizer.flush());
    show(last.text + (last.stopped ? '' : stopText.flush()));
    return { text, completionTokens: count, finishReason: last.stopped ? 'stop' : 'length' };
  }

  async distributions(tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array[]> {
    if (tokens.length >= this.context.contextSize)
      throw new RangeError(`${tokens.length} tokens do not fit a context of ${this.context.contextSize}.`);
    const sequence = await this.pool.acquire(() => 0, signal);
    const rows: Float32Array[] = [];
    try {
      await sequence.clearHistory();
      for (let at = 0; at < tokens.length; at += DISTRIBUTION_STEP) {
        signal?.throwIfAborted();
        const step = [...tokens.subarray(at, at + DISTRIBUTION_STEP)];
        const outputs = await sequence.controlledEvaluate(
          step.map((token) => [token as never, { generateNext: { probabilities: true } }]),
        );
        for (const output of outputs) rows.push(toRow(output?.next.probabilities, this.vocabulary.size));
      }
      return rows;
    } finally {
      this.pool.release(sequence);
    }
  }

  dispose(): Promise<void> {
    return this.context.dispose();
  }
}

/** The engine's own defaults (top-k 40, top-p .95) would not be what was asked for. */
function samplerOptions({ temperature = 0, topP = 1, seed }: HostRequest) {
  return {
    temperature,
    topP,
    topK: 0,
    minP: 0,
    seed: (seed ?? Math.floor(Math.random() * 2 ** 31)) >>> 0,
    yieldEogToken: true,
  };
}

function toRow(probabilities: ReadonlyMap<number, number> | undefined, size: number): Float32Array {
  if (!probabilities) throw new Error('llama.cpp returned no probabilities.');
  const row = new Float32Array(size);
  for (const [token, probability] of probabilities) row[token] = probability;
  return row;
}
