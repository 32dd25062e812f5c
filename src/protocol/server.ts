/** The completion server's requests and answers: OpenAI's completions, llama.cpp's infill, vLLM's adapter routes. */
import { z } from 'zod';
import { errorTexts } from '../text/errors.ts';
import { computeDeviceSchema } from './gpu.ts';

/** The base's name in requests. */
export const BASE_MODEL = 'base';
/** Most tokens of an answer; a request for more is a mistake or malicious. */
export const MAX_TOKENS = 4096;
/** Most choices of one request: prompts times `n`. */
const MAX_CHOICES = 64;
/** Most tokens of a chat's answer, if the request does not say. */
const CHAT_TOKENS = 1024;

/** One or more texts at which an answer ends. The length of a request is limited by the server. */
const stopSchema = z.union([z.string(), z.array(z.string()).max(16)]);

/** What OpenAI's completions and chat completions have in common. */
const openAiFields = {
  top_p: z.number().gt(0).max(1).default(1),
  n: z.int().min(1).max(MAX_CHOICES).default(1),
  stop: stopSchema.optional(),
  stream: z.boolean().default(false),
  stream_options: z.object({ include_usage: z.boolean().optional() }).optional(),
  seed: z.int().optional(),
  presence_penalty: z.number().min(-2).max(2).default(0),
  frequency_penalty: z.number().min(-2).max(2).default(0),
  /** Users of one model take turns. Without this field, each connection counts as a user. */
  user: z.string().optional(),
};

export const completionRequestSchema = z
  .object({
    /** An adapter's name, or the base's. */
    model: z.string(),
    /** Several prompts get `n` choices each, in order. */
    prompt: z.union([z.string(), z.array(z.string()).min(1).max(MAX_CHOICES)]),
    /** Ours: the text between prompt and cursor, generated again as whole tokens. The answer is what comes after it. */
    heal: z.string().max(64).optional(),
    /** Ours: what is already there of the text between prompt and suffix, before `heal`. */
    begun: z.string().optional(),
    /** Text after the cursor, for bases with fill-in-the-middle tokens. */
    suffix: z.string().optional(),
    /** Ours: parts of other files, laid out in the base's format for repositories. */
    context: z
      .array(z.object({ filename: z.string(), text: z.string() }))
      .max(100)
      .optional(),
    /** Ours: the location of the prompt's file. If given, everything is laid out as in training. */
    place: z.object({ repository: z.string(), path: z.string() }).optional(),
    /** 0 only processes the prompt, so that the next request finds it in the cache. */
    max_tokens: z.int().min(0).max(MAX_TOKENS).default(64),
    temperature: z.number().min(0).max(2).default(0),
    ...openAiFields,
    /** Return log-probabilities of the answer's tokens, and of this many alternatives at each position. */
    logprobs: z.int().min(0).max(20).optional(),
    /** Ours: with each piece of a streamed greedy answer, how likely it is, as a natural logarithm. */
    confidence: z.boolean().optional(),
    cache_prompt: z.boolean().default(true),
    echo: z.literal(false, { error: 'the prompt is not returned: leave "echo" out' }).optional(),
    best_of: z.int().optional(),
  })
  .refine(({ prompt, n }) => n * (Array.isArray(prompt) ? prompt.length : 1) <= MAX_CHOICES, {
    error: `at most ${MAX_CHOICES} choices, all prompts together`,
    path: ['n'],
  })
  .refine(({ best_of, n }) => best_of === undefined || best_of === n, {
    error: 'must equal "n": no more choices are made than are returned',
    path: ['best_of'],
  });
export type CompletionRequest = z.input<typeof completionRequestSchema>;

/** Refuses a field with a reason, unless its value asks for nothing. */
const without = (why: string, harmless: (value: unknown) => boolean) =>
  z.unknown().refine(harmless, { error: why }).optional();
const textPart = z.object({ type: z.literal('text'), text: z.string() });

/** OpenAI's chat completions, for text. */
export const chatRequestSchema = z
  .object({
    /** By default the first adapter or model, else the base. */
    model: z.string().optional(),
    messages: z
      .array(
        z.object({
          role: z.enum(['system', 'developer', 'user', 'assistant'], {
            error: 'must be system, user or assistant: tools are not supported',
          }),
          content: z.union([z.string(), z.array(textPart)], {
            error: 'only text is understood, no images, sounds or files',
          }),
        }),
      )
      .min(1),
    max_tokens: z.int().min(1).max(MAX_TOKENS).optional(),
    /** OpenAI's newer name of `max_tokens`. */
    max_completion_tokens: z.int().min(1).max(MAX_TOKENS).optional(),
    temperature: z.number().min(0).max(2).default(0.7),
    ...openAiFields,
    tools: without(
      'tools are not supported: leave "tools" out',
      (value) => Array.isArray(value) && !value.length,
    ),
    functions: without(
      'functions are not supported: leave them out',
      (value) => Array.isArray(value) && !value.length,
    ),
    response_format: without(
      'answers are plain text: leave "response_format" out',
      (value) => (value as { type?: unknown } | null)?.type === 'text',
    ),
    logprobs: without('not given in a chat: use /v1/completions', (value) => value === false),
  })
  .transform(({ max_tokens, max_completion_tokens, messages, ...rest }) => ({
    ...rest,
    max_tokens: max_completion_tokens ?? max_tokens ?? CHAT_TOKENS,
    messages: messages.map(({ role, content }) => ({
      role: role === 'developer' ? 'system' : role,
      content: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
    })),
  }));

export type ChatRequest = z.input<typeof chatRequestSchema>;

/** OpenAI's log-probabilities of completions. `text_offset` counts from the beginning of the answer. */
export const logprobsSchema = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number()),
  top_logprobs: z.array(z.record(z.string(), z.number())),
  text_offset: z.array(z.int()),
});

export const usageSchema = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z
    .object({
      /** Reused from an earlier request. */
      cached_tokens: z.int(),
      /** Cut off at the ends far from the cursor because the context is smaller; not in `prompt_tokens`. */
      trimmed_tokens: z.int(),
    })
    .optional(),
});

export const completionResponseSchema = z.object({
  id: z.string(),
  object: z.literal('text_completion'),
  created: z.number(),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.int(),
      text: z.string(),
      logprobs: logprobsSchema.nullish(),
      /** Ours: log-probability of the tokens of this piece. */
      confidence: z.number().optional(),
      finish_reason: z.enum(['stop', 'length']).nullable(),
    }),
  ),
  usage: usageSchema.nullish(),
});
export type CompletionResponse = z.infer<typeof completionResponseSchema>;

/** llama.cpp's `/completion`, as far as this server supports it; other fields are ignored. */
export const llamaRequestSchema = z.object({
  /** llama.cpp's own server has one model. By default, ours uses the first adapter or model, else the base. */
  model: z.string().optional(),
  prompt: z.string().default(''),
  /** -1: as many as there is room for. 0: only processes the prompt. */
  n_predict: z.int().min(-1).max(MAX_TOKENS).default(-1),
  temperature: z.number().max(10).default(0.8),
  top_k: z.int().default(40),
  top_p: z.number().min(0).max(1).default(0.95),
  min_p: z.number().min(0).max(1).default(0.05),
  presence_penalty: z.number().default(0),
  frequency_penalty: z.number().default(0),
  seed: z.int().default(-1),
  stop: stopSchema.optional(),
  stream: z.boolean().default(false),
  n_probs: z.int().min(0).max(20).default(0),
  cache_prompt: z.boolean().default(true),
  /** Only these fields of the answer; `a/b` is the field b of a. */
  response_fields: z.array(z.string()).optional(),
});
export type LlamaRequest = z.output<typeof llamaRequestSchema>;

/** llama.cpp's `/infill`: `prompt` is text that is already there between prefix and suffix. */
export const infillRequestSchema = llamaRequestSchema.extend({
  input_prefix: z.string().default(''),
  input_suffix: z.string().default(''),
  input_extra: z
    .array(z.object({ filename: z.string().optional(), text: z.string() }))
    .max(1000)
    .default([]),
});

export const tokenizeRequestSchema = z.object({ content: z.string() });

export const tokenizedSchema = z.object({ tokens: z.array(z.int()) });

/** Same as vLLM's `/v1/load_lora_adapter` and `/v1/unload_lora_adapter`. */
export const loadAdapterSchema = z.object({
  lora_name: z.string().min(1).max(200),
  /** Path on this machine. */
  lora_path: z.string().min(1),
  /** Replace a loaded adapter of this name. */
  load_inplace: z.boolean().default(false),
});
export const unloadAdapterSchema = z.object({ lora_name: z.string() });

/**
 * The server's first line on stdout once it listens, which its parent process reads; and the first on a lease, sent
 * again when the device changes.
 */
export const serverReadySchema = z.object({
  type: z.literal('ready'),
  port: z.int(),
  models: z.array(z.string()),
  fillInTheMiddle: z.boolean(),
  device: computeDeviceSchema,
});
export type ServerReady = z.infer<typeof serverReadySchema>;

/** Its only line when it can't start. */
export const serverFailedSchema = z.object({
  type: z.literal('failed'),
  code: z.string(),
  ...errorTexts,
});

/** Sent on a lease before the server ends by itself. If it is missing, the server crashed. */
export const serverEndingSchema = z.object({ type: z.literal('ending') });

/** How to reach a server of this user: a file that nobody else may read. See docs/file-formats.md. */
export const announcementSchema = z.object({
  version: z.literal(1),
  pid: z.int(),
  port: z.int().min(1).max(65_535),
  token: z.string().min(1),
});
export type Announcement = z.infer<typeof announcementSchema>;
