/** One model as llama.cpp computes it: a loaded GGUF, at most one adapter on it, a context with a few sequences. */
import type {
  LlamaContext,
  LlamaContextOptions,
  LlamaContextSequence,
  LlamaModel,
  Token,
} from 'node-llama-cpp';
import { Answer } from './answer.ts';
import type { AdapterFile, HostCompletion, HostRequest } from './host-types.ts';
import { Pool } from './pool.ts';
import { commonPrefix } from './prompt-tokens.ts';
import { layOutRequest, samplerOptions } from './request-tokens.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Prompt tokens between two looks at the abort signal: 0.1-0.2 s of a small model on one core. */
const PROMPT_STEP = 32;
/** Positions whose whole distributions are held as maps at the same time: 2-3 MB each. */
const DISTRIBUTION_STEP = 8;

export interface EngineOptions {
  contextSize: number;
  sequences: number;
  threads: number;
}

export function contextOptions(options: EngineOptions, adapter?: AdapterFile): LlamaContextOptions {
  return {
    ...options,
    failedCreationRemedy: false,
    ...(adapter ? { lora: { adapters: [{ filePath: adapter.path, scale: adapter.scale ?? 1 }] } } : {}),
  };
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
    const context = await model.createContext(contextOptions(options, adapter));
    return new EngineModel(model, vocabulary, context, options.sequences);
  }

  async complete(
    request: HostRequest,
    signal?: AbortSignal,
    onText?: (piece: string) => void,
  ): Promise<HostCompletion> {
    const prompt = layOutRequest(request, this.model, this.vocabulary, this.context.contextSize);
    const sequence = await this.pool.acquire(
      (free) => commonPrefix(free.contextTokens, prompt.tokens),
      signal,
    );
    try {
      const cachedTokens = await this.readPrompt(sequence, prompt.tokens, signal);
      const { tokens, most, trimmed } = prompt;
      const answer = new Answer(this.vocabulary, { prompt: tokens, most, stop: request.stop, onText });
      for await (const token of sequence.evaluate(tokens.slice(-1) as Token[], samplerOptions(request))) {
        signal?.throwIfAborted();
        if (answer.push(token)) break;
      }
      return { ...answer.result, promptTokens: tokens.length, cachedTokens, trimmedTokens: trimmed };
    } finally {
      this.pool.release(sequence);
    }
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

function toRow(probabilities: ReadonlyMap<number, number> | undefined, size: number): Float32Array {
  if (!probabilities) throw new Error('llama.cpp returned no probabilities.');
  const row = new Float32Array(size);
  for (const [token, probability] of probabilities) row[token] = probability;
  return row;
}
