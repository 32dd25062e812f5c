/** What a llama.cpp host offers; the engine itself is in llama-host.ts. */
import type { RepositoryPath } from '../../completion/types.ts';

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
  /** Threads per context; `measure` tries which number is fastest here, once per machine and size of model. Default: see `defaultThreads`. */
  threads?: number | 'measure';
  /** Bytes that contexts, adapters and whole models may take beside the base; who was used longest ago goes first. Default: no limit. */
  memoryLimit?: number;
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
  /** Only so many of the likeliest tokens; 0, the default, is all. */
  topK?: number | undefined;
  /** Only tokens so likely beside the likeliest. Default 0. */
  minP?: number | undefined;
  /** Texts that end the answer; they are not part of it. */
  stop?: string[] | undefined;
  /** Goes on where the model would end, to `maxTokens`. Not in `sample`. */
  ignoreEnd?: boolean | undefined;
  /** Same seed, same answer. Default: another one each time. */
  seed?: number | undefined;
  /** Other files, put before the prompt as the base's own format has it; the first to be cut. */
  context?: readonly ContextFile[] | undefined;
  /** Where the prompt's file is: it and `context` are laid out as repositories are in training. Default: as llama.cpp's server does. */
  place?: RepositoryPath | undefined;
  /**
   * The end of the text before the cursor, left out of the prompt: perhaps only a token's beginning. The model writes it
   * anew (token healing), of the tokens that fit the likeliest each time; the answer is told from after it on.
   */
  heal?: string | undefined;
  /** What of the answer is written already, between prompt and suffix. */
  begun?: string | undefined;
  /** Tokens whose probabilities are told at each place beside the chosen one's; undefined tells none. */
  logprobs?: number | undefined;
  /** Taken off a token's logit: once, and for each time, that the answer has it already. As OpenAI has them. */
  presencePenalty?: number | undefined;
  frequencyPenalty?: number | undefined;
  /** False computes the whole prompt anew, in the same blocks each time, so that rounding is the same too. Default true. */
  cachePrompt?: boolean | undefined;
}

export interface ContextFile {
  filename?: string | undefined;
  text: string;
}

/** A token of an answer, and how likely the model took it to be. */
export interface TokenLogProbability {
  id: number;
  /** Its text; `bytes:\\x..` where it is no whole character. */
  token: string;
  /** Natural logarithm, before temperature. */
  logprob: number;
  /** The likeliest at this place, likeliest first. */
  top: { id: number; token: string; logprob: number }[];
  /** Where it begins in the answer's text, in UTF-16 units. */
  offset: number;
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
  /** The text that ended it; undefined where the model did, or nothing. */
  stopText?: string | undefined;
  /** Tokens of the text, where the request asked for them. */
  logProbabilities?: TokenLogProbability[] | undefined;
  /** Time to read the prompt, and then to write; waiting is in neither. `sample` tells none: it computes many together. */
  promptMs?: number;
  completionMs?: number;
}

/** Gets an answer in pieces, with the tokens that have become whole in each where the request asked for them. */
export type OnText = (piece: string, logProbabilities: readonly TokenLogProbability[]) => void;

export interface HostStatistics {
  requests: number;
  cancelled: number;
  /** Prompts that were cut to fit, and by how many tokens in all. */
  trimmedPrompts: number;
  trimmedTokens: number;
  promptTokens: number;
  cachedTokens: number;
  completionTokens: number;
  /** Requests that are computing or waiting now. */
  active: number;
}

export interface ServedModel {
  name: string;
  kind: 'base' | 'adapter' | 'model';
  path: string;
}

/** What is in memory beside the base. */
export interface HostMemory {
  /** Contexts that are open, each with its adapter or model. */
  contexts: number;
  bytes: number;
  limit: number;
  /** How many had to go for others. */
  evictions: number;
}

export interface LlamaHost {
  /** Gives back what a model has in memory beside the base's weights; it is made anew when asked for again. */
  rest(model: string): Promise<void>;
  /** Names that requests may use: `base`, then the adapters', then the models'. */
  readonly models: readonly string[];
  readonly served: readonly ServedModel[];
  readonly memory: HostMemory;
  /** Threads of each context. */
  readonly threads: number;
  /**
   * Offers another adapter from now on; with `replace`, instead of the one of this name, which finishes what it answers.
   * Throws UserError `bad-argument` for a name that is taken, `adapter-mismatch`, `adapter-damaged`.
   */
  addAdapter(adapter: AdapterFile, replace?: boolean): Promise<void>;
  /** Offers it no more; what it answers now it finishes. False where there is none of this name. */
  removeAdapter(name: string): Promise<boolean>;
  readonly fillInTheMiddle: boolean;
  readonly contextSize: number;
  readonly statistics: Readonly<HostStatistics>;
  /**
   * Completes a prompt. `onText` gets the answer in pieces; joined, they are `text`.
   * Rejects with the signal's reason once it aborts, in mid-prompt too; the engine is free by then.
   * Throws UserError `bad-request` for an unknown model, `adapter-mismatch` or `adapter-damaged` for an adapter that doesn't load.
   */
  complete(request: HostRequest, signal?: AbortSignal, onText?: OnText): Promise<HostCompletion>;
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
