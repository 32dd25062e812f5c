/**
 * Generates many samples of many prompts with several parallel contexts of llama.cpp (lanes), each with sequences that
 * step together.
 *
 * A sequence holds one prompt and generates its samples one after the other, so that the prompt is processed once.
 * node-llama-cpp can't copy the prompt to other sequences, which isn't needed while there are more prompts than
 * sequences.
 *
 * The same seed gives the same sample, whatever else is sampled. llama.cpp's rounding depends on the number of rows
 * computed together, so that number is constant: every step has one row per sequence, including idle ones, and prompts
 * are processed alone, in blocks that start at fixed positions.
 */
import { setMaxListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import type {
  EvaluationPriority,
  LlamaContext,
  LlamaContextSequence,
  LlamaModel,
  Token,
} from 'node-llama-cpp';
import { usableProcessors } from '../../platform/machine/processors.ts';
import { Answer } from '../tokens/answer.ts';
import { contextOptions } from './model-context.ts';
import type { AdapterFile, HostCompletion, HostRequest, SamplingOptions } from '../host-types.ts';
import { commonPrefix } from '../../completion/code/text.ts';
import { layOutRequest, samplerOptions, type RequestTokens } from '../tokens/request-tokens.ts';
import { SampleQueue } from './sample-queue.ts';
import { generateLikeliest, needsConfidence, type Generated } from '../tokens/confidence.ts';
import { healToken } from '../tokens/token-healing.ts';
import type { Vocabulary } from '../tokens/vocabulary.ts';

/** One lane per core, but at most four, because each has its own keys and values in memory. */
export function defaultSampling(cores = usableProcessors()): SamplingOptions {
  const lanes = Math.min(4, Math.max(1, cores));
  return { lanes, sequences: 8, threads: Math.max(1, Math.floor(cores / lanes)) };
}

/** Prompt tokens processed at once; blocks start at multiples of this. */
const BLOCK = 64;

interface Job {
  /** Jobs with the same prompt share its processing. */
  prompt: string;
  request: HostRequest;
  tokens: RequestTokens;
  /** The job was abandoned. */
  ended: boolean;
  resolve(completion: HostCompletion): void;
  reject(reason: unknown): void;
}

export class BatchSampler {
  private readonly queue = new SampleQueue<Job>();
  private readonly lanes: Lane[];

  private constructor(
    private readonly model: LlamaModel,
    private readonly vocabulary: Vocabulary,
    private readonly contexts: readonly LlamaContext[],
    sequences: number,
  ) {
    this.lanes = contexts.map((context) => new Lane(context, sequences, vocabulary, this.queue));
  }

  static async open(
    model: LlamaModel,
    vocabulary: Vocabulary,
    { lanes, sequences, threads, contextSize }: SamplingOptions & { contextSize: number },
    adapter?: AdapterFile,
  ): Promise<BatchSampler> {
    const contexts: LlamaContext[] = [];
    for (let lane = 0; lane < lanes; lane += 1)
      contexts.push(
        await model.createContext({
          ...contextOptions({ contextSize, sequences, threads }, adapter),
          batching: { itemPrioritizationStrategy: 'firstInFirstOut' },
        }),
      );
    return new BatchSampler(model, vocabulary, contexts, sequences);
  }

  async sample(request: HostRequest, signal?: AbortSignal): Promise<HostCompletion> {
    signal?.throwIfAborted();
    const tokens = layOutRequest(request, this.model, this.vocabulary, this.contexts[0]!.contextSize);
    let abort = () => {};
    const completion = new Promise<HostCompletion>((resolve, reject) => {
      const job: Job = { prompt: tokens.tokens.join(), request, tokens, ended: false, resolve, reject };
      abort = () => abandon(job, this.queue, signal?.reason);
      this.queue.add(job);
    });
    if (signal) {
      // Each job adds a listener to the signal; Node would report more than ten as a leak.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', abort, { once: true });
    }
    for (const lane of this.lanes) lane.wake();
    return completion.finally(() => signal?.removeEventListener('abort', abort));
  }

  async dispose(): Promise<void> {
    for (const context of this.contexts) await context.dispose();
  }
}

/** One context. Its sequences take jobs from the queue and step together until none are left. */
class Lane {
  private readonly slots: SequenceSlot[];
  private running = false;

  constructor(
    context: LlamaContext,
    sequences: number,
    vocabulary: Vocabulary,
    private readonly queue: SampleQueue<Job>,
  ) {
    this.slots = Array.from(
      { length: sequences },
      (_, place) => new SequenceSlot(context.getSequence(), vocabulary, place),
    );
  }

  wake(): void {
    if (this.running) return;
    this.running = true;
    void this.run()
      .catch((error: unknown) => this.slots.forEach((slot) => slot.fail(error, this.queue)))
      .finally(() => {
        this.running = false;
        if (!this.queue.empty) this.wake();
      });
  }

  private async run(): Promise<void> {
    // Wait until all simultaneous requests are in the queue, so that samples of one prompt stay together.
    await setImmediate();
    for (;;) {
      for (const slot of this.slots) await slot.takeJob(this.queue);
      if (this.slots.every((slot) => slot.free)) return;
      for (const slot of this.slots) await slot.ensureGenerating();
      await Promise.all(this.slots.map((slot) => slot.step()));
    }
  }
}

interface CurrentSample {
  job: Job;
  answer: Answer;
  cachedTokens: number;
}

type Tokens = AsyncGenerator<Generated, void>;

async function* withoutChance(tokens: AsyncGenerator<Token, void>): Tokens {
  for await (const token of tokens) yield { token };
}

/** One sequence and the sample that it generates. */
class SequenceSlot {
  private current: CurrentSample | undefined;
  private tokens: Tokens | undefined;
  /** The prompt in the sequence, and the number of its tokens processed in blocks. */
  private processed: { prompt?: string; read: number } = { read: 0 };

  constructor(
    private readonly sequence: LlamaContextSequence,
    private readonly vocabulary: Vocabulary,
    private readonly place: number,
  ) {}

  get free(): boolean {
    return this.current === undefined;
  }

  /** Drops an abandoned sample, and takes the next job if there is one. */
  async takeJob(queue: SampleQueue<Job>): Promise<void> {
    if (this.current?.job.ended) this.current = undefined;
    const job = this.free ? queue.take(this.processed.prompt) : undefined;
    if (!job) return;
    const { vocabulary } = this;
    const { request } = job;
    const { tokens: prompt, answerLimit: most, heal } = job.tokens;
    const answer = new Answer(vocabulary, {
      prompt,
      maxTokens: most,
      stop: request.stop,
      knownCharacters: heal.length,
    });
    const current: CurrentSample = { job, answer, cachedTokens: 0 };
    this.current = current;
    current.cachedTokens = await this.read(job);
    // No other sequence steps meanwhile, so that the number of rows stays constant here too.
    const healing = { text: heal, request, answer, vocabulary };
    const next = await healToken(this.sequence, prompt.slice(-1), healing);
    if (next.length === 0) await this.finish(current);
    else this.generate(next, request);
  }

  /** Processes all but the last token of the prompt. Returns how many of them were already in the sequence. */
  private async read({ prompt, tokens }: Job): Promise<number> {
    await this.stopGenerating();
    const before = tokens.tokens.slice(0, -1);
    const common = Math.min(commonPrefix(this.sequence.contextTokens, before), this.processed.read);
    const kept = this.processed.prompt === prompt ? before.length : common - (common % BLOCK);
    this.processed = { read: 0 };
    if (this.sequence.nextTokenIndex > kept)
      await this.sequence.eraseContextTokenRanges([{ start: kept, end: this.sequence.nextTokenIndex }]);
    for (let at = kept; at < before.length; at += BLOCK)
      await this.sequence.evaluateWithoutGeneratingNewTokens(before.slice(at, at + BLOCK) as Token[]);
    this.processed = { prompt, read: before.length };
    return kept;
  }

  /** Without a sample, the sequence generates arbitrary tokens, so that its row is computed. */
  async ensureGenerating(): Promise<void> {
    if (!this.free || (this.tokens && this.sequence.nextTokenIndex < BLOCK)) return;
    await this.stopGenerating();
    this.processed = { read: 0 };
    await this.sequence.clearHistory();
    const { bos, eos } = this.sequence.model.tokens;
    this.generate([bos ?? eos ?? 0], { seed: 0 });
  }

  private generate(tokens: readonly number[], request: Partial<HostRequest>): void {
    const options = {
      ...samplerOptions(request),
      // llama.cpp computes neighbours together only if they come in order.
      evaluationPriority: -this.place as EvaluationPriority,
    };
    this.tokens = needsConfidence(request)
      ? generateLikeliest(this.sequence, tokens, options)
      : withoutChance(this.sequence.evaluate(tokens as Token[], options));
  }

  async step(): Promise<void> {
    const next = await this.tokens?.next();
    if (!this.current || this.current.job.ended) return;
    if (next?.value === undefined) throw new Error('llama.cpp stopped generating.');
    if (this.current.answer.push(next.value.token, next.value.chance)) await this.finish(this.current);
  }

  private async finish({ job, answer, cachedTokens }: CurrentSample): Promise<void> {
    this.current = undefined;
    await this.stopGenerating();
    const { tokens, trimmed: trimmedTokens } = job.tokens;
    job.resolve({ ...answer.result, promptTokens: tokens.length, cachedTokens, trimmedTokens });
  }

  fail(error: unknown, queue: SampleQueue<Job>): void {
    if (this.current) abandon(this.current.job, queue, error);
    this.current = undefined;
    this.tokens = undefined;
    this.processed = { read: 0 };
  }

  private async stopGenerating(): Promise<void> {
    await this.tokens?.return();
    this.tokens = undefined;
  }
}

function abandon(job: Job, queue: SampleQueue<Job>, reason: unknown): void {
  job.ended = true;
  queue.remove(job);
  job.reject(reason);
}
