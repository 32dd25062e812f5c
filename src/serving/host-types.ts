/** What a llama.cpp host offers; the engine itself is in llama-host.ts. */

/** The name that the base answers to. */
export const BASE_MODEL = 'base';

export interface AdapterFile {
  /** What requests call it. */
  name: string;
  /** GGUF LoRA adapter. */
  path: string;
  /** Factor on top of the adapter's own alpha / rank; 1 is the adapter as it was trained. */
  scale?: number;
}

export interface LlamaHostOptions {
  /** The base, a GGUF file. Offered as `base`. */
  basePath: string;
  adapters?: AdapterFile[];
  /** Whole models (full fine-tunes), loaded when first asked for. */
  models?: { name: string; path: string }[];
  /** Tokens that a sequence holds, prompt and answer together. Default 2048, or what the model was trained on if less. */
  contextSize?: number;
  /** Requests that one model computes at the same time; more wait. Default 1. */
  sequences?: number;
  /** Threads per context. Default: see `defaultThreads`. */
  threads?: number;
  /** How `sample` computes. Default: see `defaultSampling`. */
  sampling?: Partial<SamplingOptions>;
}

export interface SamplingOptions {
  /** Contexts that compute side by side, each with keys and values of its own. */
  lanes: number;
  /** Sequences that step together in each. Samples depend on it where rounding does. */
  sequences: number;
  /** Threads of each context. */
  threads: number;
}

export interface HostRequest {
  /** `base`, an adapter's name or a model's name. */
  model: string;
  /** Plain text: special tokens typed in it are text. */
  prompt: string;
  /** Text after the cursor. Used by bases with fill-in-the-middle tokens, ignored by others. */
  suffix?: string | undefined;
  maxTokens: number;
  /** 0, the default, is greedy. */
  temperature?: number | undefined;
  /** Default 1. */
  topP?: number | undefined;
  /** Texts that end the answer; they are not part of it. */
  stop?: string[] | undefined;
  /** Same seed, same answer. Default: another one each time. */
  seed?: number | undefined;
}

export interface HostCompletion {
  text: string;
  /** Tokens of the prompt as the engine saw it. */
  promptTokens: number;
  /** Of those, the ones whose keys and values were still there from an earlier request. */
  cachedTokens: number;
  /** Prompt tokens dropped, from the far ends, because the context is smaller. */
  trimmedTokens: number;
  completionTokens: number;
  /** `stop`: the model ended or a stop text came. `length`: maxTokens, or the context, is used up. */
  finishReason: 'stop' | 'length';
}

export interface HostStatistics {
  requests: number;
  cancelled: number;
  /** Prompts that were cut to fit. */
  trimmedPrompts: number;
  promptTokens: number;
  cachedTokens: number;
  completionTokens: number;
  /** Requests that are computing or waiting now. */
  active: number;
}

export interface LlamaHost {
  /** Names that requests may use: `base`, then the adapters', then the models'. */
  readonly models: readonly string[];
  readonly fillInTheMiddle: boolean;
  readonly contextSize: number;
  readonly statistics: Readonly<HostStatistics>;
  /**
   * Completes a prompt. `onText` gets the answer in pieces; joined, they are `text`.
   * Rejects with the signal's reason once it aborts, in mid-prompt too; the engine is free by then.
   * Throws UserError `bad-request` for an unknown model, `adapter-mismatch` or `adapter-damaged` for an adapter that doesn't load.
   */
  complete(
    request: HostRequest,
    signal?: AbortSignal,
    onText?: (piece: string) => void,
  ): Promise<HostCompletion>;
  /**
   * Like `complete`, for many: what is asked for at the same time is computed together, and samples of one prompt share
   * its reading. The same seed gives the same answer whatever else is sampled (`complete` may round differently).
   */
  sample(request: HostRequest, signal?: AbortSignal): Promise<HostCompletion>;
  /** Probabilities of the whole vocabulary after each of `tokens` (length T; T rows of the vocabulary's size). T must fit the context. */
  distributions(model: string, tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array[]>;
  /** Tokens of plain text, special tokens not interpreted. */
  encode(text: string): Int32Array;
  dispose(): Promise<void>;
}
