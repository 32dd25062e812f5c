/** Types of a llama.cpp host; the host itself is in llama-host.ts. */
import type { ChatTemplate } from '../corpus/datasets/chat-template.ts';
import type { RepositoryPath } from '../completion/types.ts';
import type { ComputeDevice, GpuChoice } from '../protocol/gpu.ts';

export { BASE_MODEL } from '../protocol/server.ts';

export interface AdapterFile {
  /** Its name in requests. */
  name: string;
  /** GGUF LoRA adapter. */
  path: string;
  /** Factor on top of the adapter's own alpha / rank; 1 is as trained. */
  scale?: number;
}

export interface LlamaHostOptions {
  /** The base, a GGUF file. Offered as `base`. */
  basePath: string;
  adapters?: AdapterFile[];
  /** Whole models (full fine-tunes), loaded on first use. */
  models?: { name: string; path: string }[];
  /** Tokens of a sequence, prompt and answer together. Default 2048, or the model's training context if smaller. */
  contextSize?: number;
  /** Requests that one model computes in parallel; others wait. Default 1. */
  sequences?: number;
  /**
   * Prompts kept per model besides those being computed, so that returning to a file finds its text processed. Fewer if
   * memory is short, and none on a GPU, which is fast enough. Default 0.
   */
  keptPrompts?: number;
  /** Whether a model's last prompt is saved on disk for the next start, if it runs on the processor. Default false. */
  keepOnDisk?: boolean;
  /**
   * Threads per context; `measure` finds the fastest number, once per machine and base file; `later` starts with a
   * guess and leaves measuring to `measureThreads`. Default: defaultThreads.
   */
  threads?: number | 'measure' | 'later';
  /**
   * What it computes on. Default `off`: the processor, which gives the same results on every machine and leaves the GPU
   * to training.
   */
  gpu?: GpuChoice | undefined;
  /**
   * Whether the base is mapped from its file, so that on the processor it may be larger than the free memory. Slower for
   * many requests. Default false.
   */
  mapped?: boolean;
  /**
   * Bytes for contexts, adapters and whole models besides the base; the least recently used are evicted. Default: no
   * limit.
   */
  memoryLimit?: number;
  /**
   * Copies of the base with an adapter merged into them, which `complete` uses instead of the adapter. Default: none.
   */
  folded?: FoldedCopies | undefined;
  /** Called once the base, which left the GPU, is loaded on the processor. */
  onMoved?: ((device: ComputeDevice) => void) | undefined;
  /** How `sample` computes. Default: defaultSampling. */
  sampling?: Partial<SamplingOptions>;
}

/** Where the host finds folded copies. */
export interface FoldedCopies {
  /** Called for each request for an adapter. */
  noteUse(adapter: AdapterFile): void;
  /** Called when an adapter of scale 1 is opened on the processor. */
  find(adapter: AdapterFile): Promise<FoldedCopy | undefined>;
  /** Called after the copy could not be loaded. */
  remove(adapter: AdapterFile): Promise<void>;
}

export interface FoldedCopy {
  /** Path of the base with the adapter merged into it. */
  model: string;
  /** Path of an adapter on top of it, with what could not be merged. */
  residualAdapter: string | undefined;
  /** Memory of both. */
  bytes: number;
}

export interface SamplingOptions {
  /** Number of contexts that compute in parallel, each with its own keys and values. */
  lanes: number;
  /** Sequences that step together in each context. Samples may depend on this number through rounding. */
  sequences: number;
  /** Threads of each context. */
  threads: number;
  /** Tokens per sequence. Default: the host's. */
  contextSize?: number | undefined;
}

export interface HostRequest {
  /** `base`, an adapter's name or a model's name. */
  model: string;
  /** Plain text: special tokens in it are treated as text. */
  prompt: string;
  /** A rendered chat, instead of `prompt`. Special tokens are parsed in its `special` parts. It is never truncated. */
  chat?: readonly { text: string; special: boolean }[] | undefined;
  /** Text after the cursor. Used by bases with fill-in-the-middle tokens, ignored by others. */
  suffix?: string | undefined;
  maxTokens: number;
  /** Default 0: greedy. */
  temperature?: number | undefined;
  /** Default 1. */
  topP?: number | undefined;
  /** Sample only from this many most likely tokens. Default 0: all. */
  topK?: number | undefined;
  /** Sample only tokens with at least this share of the most likely token's probability. Default 0. */
  minP?: number | undefined;
  /** Texts that end the answer; they are not part of it. */
  stop?: string[] | undefined;
  /** Continue after the model's end-of-text token, up to `maxTokens`. Not supported by `sample`. */
  ignoreEnd?: boolean | undefined;
  /** The same seed gives the same answer. Default: a random one each time. */
  seed?: number | undefined;
  /** Other files, placed before the prompt in the base's own format; they are truncated first. */
  context?: readonly ContextFile[] | undefined;
  /** The file's location: it and `context` are then laid out as in training. Default: as in llama.cpp's server. */
  place?: RepositoryPath | undefined;
  /**
   * The end of the text before the cursor, left out of the prompt because it may be an incomplete token. The model
   * generates it again (token healing) from matching tokens. The answer starts after it.
   */
  heal?: string | undefined;
  /** The beginning of the answer, if already written, between prompt and suffix. */
  begun?: string | undefined;
  /** Return log-probabilities, of this many alternatives at each position besides the chosen token. Default: none. */
  logprobs?: number | undefined;
  /**
   * Return cheap log-probabilities of a greedy answer's tokens, among the likeliest tokens only and without their texts
   * (tokens/confidence.ts). Without effect with a temperature or `logprobs`.
   */
  confidence?: boolean | undefined;
  /**
   * Subtracted from the logit of a token that the answer already has: once, or for each occurrence. As in OpenAI's
   * API.
   */
  presencePenalty?: number | undefined;
  frequencyPenalty?: number | undefined;
  /** False: compute the whole prompt, always in the same blocks, so that even rounding is the same. Default true. */
  cachePrompt?: boolean | undefined;
}

export interface ContextFile {
  filename?: string | undefined;
  text: string;
}

/** A token of an answer, with its probability. */
export interface TokenLogProbability {
  id: number;
  /** Its text; `bytes:\\x..` if it is not a whole character. */
  token: string;
  /** Natural logarithm, before temperature. */
  logprob: number;
  /** The most likely tokens at this position, in descending order. */
  top: { id: number; token: string; logprob: number }[];
  /** Index in the answer's text where it begins, in UTF-16 units. */
  offset: number;
}

export interface HostCompletion {
  text: string;
  /** Number of tokens of the prompt that the model got. */
  promptTokens: number;
  /** How many of them were reused from an earlier request (keys and values). */
  cachedTokens: number;
  /** Prompt tokens truncated, far from the cursor, to fit the context. */
  trimmedTokens: number;
  completionTokens: number;
  /** `stop`: the model ended, or a stop text appeared. `length`: maxTokens or the context is used up. */
  finishReason: 'stop' | 'length';
  /** The stop text that ended it, if any. */
  stopText?: string | undefined;
  /** The tokens of the text, if the request asked for log-probabilities. */
  logProbabilities?: TokenLogProbability[] | undefined;
  /**
   * Time to process the prompt, and to generate; without waiting. Absent from `sample`, which computes many together.
   */
  promptMs?: number;
  completionMs?: number;
}

/** Receives an answer in pieces, with the tokens completed in each if the request asked for log-probabilities. */
export type OnText = (piece: string, logProbabilities: readonly TokenLogProbability[]) => void;

export interface HostStatistics {
  requests: number;
  /** Requests that are computing or waiting now. */
  active: number;
}

export interface ServedModel {
  name: string;
  kind: 'base' | 'adapter' | 'model';
  path: string;
}

/** What is in memory besides the base. */
export interface HostMemory {
  /** Number of open contexts, each with its adapter or model. */
  contexts: number;
  bytes: number;
  /** Number of contexts that were evicted to make room. */
  evictions: number;
}

export interface LlamaHost {
  /** Frees the memory of a model except the base's weights; it is loaded again on the next use. */
  unload(model: string): Promise<void>;
  /** Names that requests may use: `base`, then adapters, then whole models. */
  readonly models: readonly string[];
  readonly served: readonly ServedModel[];
  readonly memory: HostMemory;
  /** Threads of each context. */
  readonly threads: number;
  /**
   * With `threads: 'later'`: finds the fastest number and uses it from then on. Returns false if the machine was too
   * busy. Rejects with an AbortError when a request arrives.
   */
  measureThreads(): Promise<boolean>;
  /** What it computes on now; falls back to the processor if the GPU fails or a training needs it. */
  readonly device: ComputeDevice;
  /**
   * Whether what kept it from the GPU, or from more of it, is over: a training, or the mark of a crash. It stays where
   * it is; another host would use the GPU.
   */
  gpuMayBeFree(): Promise<boolean>;
  /**
   * Adds an adapter. With `replace`, it replaces one of the same name, which first finishes its current answers. Throws
   * UserError `bad-argument` if the name is taken, `adapter-mismatch` or `adapter-damaged`.
   */
  addAdapter(adapter: AdapterFile, replace?: boolean): Promise<void>;
  /** Removes an adapter, which first finishes its current answers. Returns false if there is none of this name. */
  removeAdapter(name: string): Promise<boolean>;
  readonly fillInTheMiddle: boolean;
  /** How the base lays out a chat. Throws UserError `chat-template`. */
  chatTemplate(): Promise<ChatTemplate>;
  readonly contextSize: number;
  readonly statistics: Readonly<HostStatistics>;
  /**
   * Completes a prompt. `onText` gets the answer in pieces; joined, they are `text`. Rejects with the signal's reason
   * when it aborts, even within the prompt; the model is then already free. Throws HttpError 404 for an unknown
   * model or if its file was deleted, and UserError `adapter-mismatch` or `adapter-damaged` if the adapter can't be
   * loaded.
   */
  complete(request: HostRequest, signal?: AbortSignal, onText?: OnText): Promise<HostCompletion>;
  /**
   * Like `complete`, for many requests: simultaneous ones are computed together, and samples of one prompt share its
   * processing. The same seed gives the same answer whatever else is sampled (`complete` may round differently).
   */
  sample(request: HostRequest, signal?: AbortSignal): Promise<HostCompletion>;
  /**
   * The distribution after each of the T tokens: T rows of the vocabulary's size. RangeError if T exceeds the
   * context.
   */
  distributions(model: string, tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array[]>;
  /** Tokens of plain text; special tokens in it are treated as text. */
  encode(text: string): Promise<Int32Array>;
  dispose(): Promise<void>;
}
