/** Turns a request into the prompt's tokens and the sampler's options. */
import type { Token } from 'node-llama-cpp';
import { findRepositoryMarks, type CorpusTokenizer } from '../../corpus/tokens/tokenizer.ts';
import type { HostRequest } from '../host-types.ts';
import { HttpError } from '../http-error.ts';
import { layOutPrompt, type PromptTokens } from './prompt-tokens.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Largest share of the context that is reserved for the answer. */
const ANSWER_SHARE = 0.5;
/**
 * If the prompt is to be cached, the reserve is a multiple of this share of the context: the length of the answer and of
 * the healed text changes from key to key, a prompt that is read ahead has no answer, and a prompt truncated elsewhere
 * must be processed again.
 */
const ANSWER_STEP = 1 / 16;

/** The parts of a LlamaModel that are needed to tokenize text. */
export interface TextTokens {
  tokenize(text: string, specialTokens?: boolean): number[];
  readonly tokens: { readonly bos: number | null; readonly eos: number | null };
}

export interface RequestTokens extends PromptTokens {
  /** Maximum number of tokens of the answer. */
  answerLimit: number;
  /** Text to generate first (token healing). Empty with log-probabilities, where it is part of the prompt. */
  heal: string;
}

/**
 * The tokens of the prompt, truncated to leave room for the answer. Throws HttpError 400 for a chat that is too long.
 */
export function layOutRequest(
  request: HostRequest,
  model: TextTokens,
  { bos, fill, repository }: Pick<Vocabulary, 'bos' | 'fill' | 'repository'>,
  contextSize: number,
): RequestTokens {
  const { suffix, maxTokens, logprobs } = request;
  let { prompt, begun = '', heal = '' } = request;
  if (logprobs !== undefined) {
    if (begun) begun += heal;
    else prompt += heal;
    heal = '';
  }
  const encode = (text: string): number[] => (text ? model.tokenize(text, false) : []);
  // Each byte of the healed text may be a separate token.
  const requested = maxTokens > 0 ? maxTokens + Buffer.byteLength(heal) : 0;
  const step = request.cachePrompt ? Math.floor(contextSize * ANSWER_STEP) : 0;
  const reserve = step > 0 ? Math.max(1, Math.ceil(requested / step)) * step : requested;
  // One position stays free; otherwise llama.cpp would shift the context to make room.
  const room = contextSize - 1 - Math.min(reserve, Math.floor(contextSize * ANSWER_SHARE));
  if (request.chat) {
    const chat = request.chat.flatMap(({ text, special }) => (text ? model.tokenize(text, special) : []));
    const tokens = bos === undefined ? chat : [bos, ...chat];
    if (tokens.length > room) throw tooLong(tokens.length, room);
    return {
      tokens,
      trimmed: 0,
      answerLimit: Math.min(requested, contextSize - 1 - tokens.length),
      heal: '',
    };
  }
  const filled = fill !== undefined && Boolean(suffix);
  const laidOut = layOutPrompt(
    encode(filled ? prompt : prompt + begun),
    suffix ? encode(suffix) : undefined,
    {
      fill,
      bos,
      room,
      context: layOutRepository(request, model) ?? layOutFiles(request, repository, encode),
      begun: filled ? encode(begun) : [],
    },
  );
  // A model can't continue an empty prompt, so it means the start of a document.
  if (laidOut.tokens.length === 0) laidOut.tokens.push(model.tokens.bos ?? model.tokens.eos ?? 0);
  return { ...laidOut, answerLimit: Math.min(requested, contextSize - 1 - laidOut.tokens.length), heal };
}

const tooLong = (tokens: number, room: number) =>
  new HttpError(
    400,
    'context_length_exceeded',
    `The chat has ${tokens} tokens, and there is room for ${room}: shorten it or begin a new one, or serve with a larger --context.`,
  );

/**
 * Other files and the heading of the prompt's own file, with exactly the tokens used in training
 * (corpus/tokens/layout.ts); undefined without a place, or if the base has no format for repositories.
 */
function layOutRepository(
  { context = [], place }: HostRequest,
  model: Pick<TextTokens, 'tokenize'>,
): number[] | undefined {
  const tokenizer: CorpusTokenizer = {
    encode: (text, { special = false } = {}) => Int32Array.from(model.tokenize(text, special)),
    eos: 0,
  };
  if (!place) return undefined;
  const marks = findRepositoryMarks(tokenizer);
  if (!marks) return undefined;
  const { opening, heading } = marks;
  return [
    ...opening(place.repository),
    ...context.flatMap(({ filename = 'file', text }) => [...heading(filename), ...tokenizer.encode(text)]),
    ...heading(place.path),
  ];
}

/** Other files in the base's format for repositories, as in llama.cpp's server; as plain text if it has none. */
function layOutFiles(
  { context: files = [] }: HostRequest,
  { name, file }: Vocabulary['repository'],
  encode: (text: string) => number[],
): number[] {
  if (files.length === 0) return [];
  if (name === undefined || file === undefined) return files.flatMap(({ text }) => encode(`${text}\n`));
  return [
    name,
    ...encode('myproject\n'),
    ...files.flatMap(({ filename = 'file', text }) => [file, ...encode(`${filename}\n${text}\n`)]),
    file,
    ...encode('filename\n'),
  ];
}

/** All options are set, because llama.cpp's own defaults (top-k 40, top-p .95) differ from ours. */
export function samplerOptions(
  {
    temperature = 0,
    topP = 1,
    topK = 0,
    minP = 0,
    seed,
    presencePenalty = 0,
    frequencyPenalty = 0,
  }: Partial<HostRequest>,
  answer?: { readonly written: readonly number[] },
) {
  const penalised = answer && (presencePenalty !== 0 || frequencyPenalty !== 0);
  return {
    temperature,
    topP,
    topK,
    minP,
    seed: (seed ?? Math.floor(Math.random() * 2 ** 31)) >>> 0,
    yieldEogToken: true,
    ...(penalised
      ? {
          repeatPenalty: {
            punishTokens: () => [...answer.written] as Token[],
            maxPunishTokens: MAX_PENALISED,
            penalty: 1,
            presencePenalty,
            frequencyPenalty,
          },
        }
      : {}),
  };
}

/** Number of an answer's newest tokens that penalties apply to. */
const MAX_PENALISED = 4096;
