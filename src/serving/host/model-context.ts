/** One model in llama.cpp: a loaded GGUF, at most one adapter on it, and a context with a few sequences. */
import type {
  LlamaContext,
  LlamaContextOptions,
  LlamaContextSequence,
  LlamaModel,
  SequenceEvaluateOptions,
  Token,
} from 'node-llama-cpp';
import { Answer } from '../tokens/answer.ts';
import { readLogProbability } from '../tokens/log-probabilities.ts';
import type { AdapterFile, HostCompletion, HostRequest, OnText } from '../host-types.ts';
import type { PromptState } from './prompt-state.ts';
import { reusableTokens } from './kept-prompts.ts';
import { Slots } from './slots.ts';
import { generateLikeliest, needsConfidence, type Generated } from '../tokens/confidence.ts';
import { MAX_ROWS, maxRows, nextStep, rowTime, TILE } from '../tokens/prompt-steps.ts';
import { commonPrefix } from '../../completion/code/text.ts';
import { layOutRequest, samplerOptions } from '../tokens/request-tokens.ts';
import { healToken } from '../tokens/token-healing.ts';
import type { Vocabulary } from '../tokens/vocabulary.ts';

/** Number of positions whose full distributions are in memory as maps at the same time: 2-3 MB each. */
const DISTRIBUTION_STEP = 8;

export interface ModelContextOptions {
  contextSize: number;
  sequences: number;
  threads: number;
  /** Where the last prompt is saved for the next start. */
  promptState?: PromptState | undefined;
}

export function contextOptions(options: ModelContextOptions, adapter?: AdapterFile): LlamaContextOptions {
  return {
    contextSize: options.contextSize,
    sequences: options.sequences,
    threads: options.threads,
    failedCreationRemedy: false,
    // With a sliding window, all keys are kept: a prompt that shares its beginning with the previous one would
    // otherwise need keys that were dropped.
    swaFullCache: true,
    ...(adapter ? { lora: { adapters: [{ filePath: adapter.path, scale: adapter.scale ?? 1 }] } } : {}),
  };
}

export class ModelContext {
  private readonly slots: Slots<LlamaContextSequence>;
  /** The sequence with the newest prompt. */
  private newest: LlamaContextSequence | undefined;
  /** Measured milliseconds per row of a prompt. */
  private msPerRow: number | undefined;

  private constructor(
    private readonly model: LlamaModel,
    private readonly vocabulary: Vocabulary,
    private readonly context: LlamaContext,
    sequences: readonly LlamaContextSequence[],
    /** Memory of the context: keys, values and buffers, not the adapter's weights. */
    readonly bytes: number,
    private readonly promptState: PromptState | undefined,
  ) {
    this.slots = new Slots(sequences);
  }

  static async open(
    model: LlamaModel,
    vocabulary: Vocabulary,
    options: ModelContextOptions,
    adapter?: AdapterFile,
  ): Promise<ModelContext> {
    const batchSize = Math.min(options.contextSize * options.sequences, MAX_ROWS);
    const context = await model.createContext({ ...contextOptions(options, adapter), batchSize });
    const { ram, vram } = context.memoryUsage;
    const sequences = Array.from({ length: options.sequences }, () => context.getSequence());
    await options.promptState?.load(sequences[0]!);
    return new ModelContext(model, vocabulary, context, sequences, ram + vram, options.promptState);
  }

  async complete(request: HostRequest, signal?: AbortSignal, onText?: OnText): Promise<HostCompletion> {
    const { vocabulary } = this;
    const prompt = layOutRequest(request, this.model, vocabulary, this.context.contextSize);
    const { tokens, answerLimit: most, trimmed, heal } = prompt;
    const cache = request.cachePrompt ?? true;
    const sequence = await this.slots.acquire(
      (free) => (cache ? reusableTokens(free.contextTokens, tokens) : 0),
      signal,
    );
    this.newest = sequence;
    try {
      const startedAt = performance.now();
      const { cached, rest } = await this.readPrompt(sequence, tokens, cache, signal);
      const answer = new Answer(vocabulary, {
        prompt: tokens,
        maxTokens: most,
        stop: request.stop,
        ignoreEnd: request.ignoreEnd,
        onText,
        knownCharacters: heal.length,
      });
      if (most <= 0) await sequence.evaluateWithoutGeneratingNewTokens(rest as Token[]);
      const healing = { text: heal, request, answer, vocabulary, signal };
      const healed = most > 0 ? await healToken(sequence, rest, healing) : [];
      const firstAt =
        healed.length > 0
          ? await this.generateAnswer(sequence, healed, request, answer, signal)
          : performance.now();
      return {
        ...answer.result,
        promptTokens: tokens.length,
        cachedTokens: cached,
        trimmedTokens: trimmed,
        promptMs: firstAt - startedAt,
        completionMs: performance.now() - firstAt,
      };
    } finally {
      this.slots.release(sequence);
    }
  }

  /** Processes the rest of the prompt, then generates token by token. Returns the time of the first token. */
  private async generateAnswer(
    sequence: LlamaContextSequence,
    rest: readonly number[],
    request: HostRequest,
    answer: Answer,
    signal?: AbortSignal,
  ): Promise<number> {
    let firstAt: number | undefined;
    const options = samplerOptions(request, answer);
    const needsProbability = needsConfidence(request) || request.logprobs !== undefined;
    const tokens = needsConfidence(request)
      ? generateLikeliest(sequence, rest, options)
      : this.generate(sequence, rest, request, options);
    for await (const { token, chance } of tokens) {
      firstAt ??= performance.now();
      signal?.throwIfAborted();
      if (answer.push(token, needsProbability ? chance : undefined)) break;
    }
    return firstAt ?? performance.now();
  }

  /** Generates token by token, with log-probabilities if requested. */
  private async *generate(
    sequence: LlamaContextSequence,
    rest: readonly number[],
    { logprobs: count, temperature = 0 }: HostRequest,
    options: SequenceEvaluateOptions,
  ): AsyncGenerator<Generated, void> {
    const { vocabulary } = this;
    const metadata = { probabilities: count !== undefined };
    const outputs: AsyncIterable<{ token: Token; probabilities?: Map<Token, number> }> =
      sequence.evaluateWithMetadata(rest as Token[], metadata, options);
    for await (const { token, probabilities } of outputs)
      yield {
        token,
        ...(count !== undefined &&
          probabilities && {
            chance: readLogProbability(probabilities, token, { count, temperature, vocabulary }),
          }),
      };
  }

  /** Processes all but the last step of the prompt, reusing what the sequence has. */
  private async readPrompt(
    sequence: LlamaContextSequence,
    tokens: number[],
    cache: boolean,
    signal?: AbortSignal,
  ): Promise<{ cached: number; rest: number[] }> {
    const cached = cache ? Math.min(commonPrefix(sequence.contextTokens, tokens), tokens.length - 1) : 0;
    if (sequence.nextTokenIndex > cached)
      await sequence.eraseContextTokenRanges([{ start: cached, end: sequence.nextTokenIndex }]);
    let rest = tokens.slice(cached);
    for (const start = performance.now(); ;) {
      signal?.throwIfAborted();
      // Rounding depends on how many rows are computed at once, so without the cache that number is fixed.
      const most = cache ? maxRows(this.msPerRow, performance.now() - start) : TILE;
      if (rest.length <= most) return { cached, rest };
      const size = nextStep(rest.length, most);
      const startedAt = performance.now();
      await sequence.evaluateWithoutGeneratingNewTokens(rest.slice(0, size) as Token[]);
      this.msPerRow = rowTime(this.msPerRow, size, performance.now() - startedAt);
      rest = rest.slice(size);
    }
  }

  async distributions(tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array[]> {
    if (tokens.length >= this.context.contextSize)
      throw new RangeError(`${tokens.length} tokens do not fit a context of ${this.context.contextSize}.`);
    const sequence = await this.slots.acquire(() => 0, signal);
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
      this.slots.release(sequence);
    }
  }

  async dispose(): Promise<void> {
    if (this.newest) await this.promptState?.save(this.newest);
    await this.context.dispose();
  }
}

function toRow(probabilities: ReadonlyMap<number, number> | undefined, size: number): Float32Array {
  if (!probabilities) throw new Error('llama.cpp returned no probabilities.');
  const row = new Float32Array(size);
  for (const [token, probability] of probabilities) row[token] = probability;
  return row;
}
