/** The base's tokenizer as llama.cpp runs it, from the vocabulary alone: training and serving cannot disagree. */
import type { LlamaModel, Token } from 'node-llama-cpp';
import { UserError } from '../protocol/errors.ts';
import { loadLlamaModel, readModelFile } from './llama.ts';
import { readPieces, type Pieces } from './pieces.ts';

export interface Tokenizer {
  /** Tokens of a text, no start token added. `special`: text such as "<|fim_prefix|>" becomes its token; default it is text. */
  encode(text: string, options?: { special?: boolean }): Int32Array;
  /** Text of tokens. `special`: special tokens appear as their text; default they are left out. Throws RangeError for what is no token. */
  decode(tokens: ArrayLike<number>, options?: { special?: boolean }): string;
  /** Bytes of text that a token stands for: none of a special one. */
  byteLength(token: number): number;
  /** Tokens of the vocabulary; the model's own table may be padded to more rows. */
  readonly vocabularySize: number;
  readonly bos?: number;
  /** Begins every text that the base has seen, in training as in serving; undefined where its vocabulary asks for none. */
  readonly start?: number;
  readonly eos: number;
  /** Generating stops at these: every end of generation, and fill-in and file separators where the base has them. */
  readonly endTokens: readonly number[];
  /** Fill-in-the-middle tokens, where the base has them. */
  readonly fim?: { prefix: number; suffix: number; middle: number };
  /** Stands between files of one repository. */
  readonly fileSeparator?: number;
  dispose(): Promise<void>;
}

/**
 * Loads the vocabulary (0.3 s for 49k tokens); weights are not read. Dispose it after use.
 * Throws as readModelFile, `base-unsupported-architecture` when llama.cpp does not know the model's kind.
 */
export async function openTokenizer(path: string): Promise<Tokenizer> {
  const file = await readModelFile(path);
  let model: LlamaModel;
  try {
    model = await loadLlamaModel(file, { vocabOnly: true });
  } catch (error) {
    throw new UserError(
      'base-unsupported-architecture',
      `llama.cpp can't load ${path}, a model of the architecture "${String(file.metadata['general.architecture'])}".`,
      'Choose a base of the Llama or Qwen2 architecture, such as smollm2-135m.',
      { cause: error },
    );
  }
  const words = file.metadata['tokenizer.ggml.tokens'] as string[];
  return tokenizerOf(model, words.length, readPieces(file.metadata));
}

function tokenizerOf(model: LlamaModel, vocabularySize: number, pieces: Pieces): Tokenizer {
  const { bos, eos, eot, infill } = model.tokens;
  const named = (...texts: string[]) => {
    const found = texts.map((text) => model.tokenize(text, true)).find((tokens) => tokens.length === 1);
    return found?.[0];
  };
  const { prefix, suffix, middle } = infill;
  const fim = prefix !== null && suffix !== null && middle !== null ? { prefix, suffix, middle } : undefined;
  const fileSeparator = named('<|file_sep|>', '<file_sep>');
  const ends = new Set<number>(Object.values(fim ?? {}));
  if (fileSeparator !== undefined) ends.add(fileSeparator);
  for (let token = 0; token < vocabularySize; token++) if (model.isEogToken(token as Token)) ends.add(token);
  const end = eos ?? eot ?? [...ends][0];
  if (end === undefined)
    throw new UserError(
      'base-not-gguf',
      'The model has no token that ends a text.',
      'Choose another file of the model.',
    );
  return {
    encode: (text, { special = false } = {}) => Int32Array.from(model.tokenize(text, special)),
    decode(tokens, { special = false } = {}) {
      const list = Array.from(tokens) as Token[];
      // llama.cpp ends the process at a token that does not exist.
      for (const token of list)
        if (!(Number.isInteger(token) && token >= 0 && token < vocabularySize))
          throw new RangeError(`${token} is no token of a vocabulary of ${vocabularySize}`);
      if (!pieces.exact) return model.detokenize(list, special);
      return Buffer.concat(list.map((token) => pieces.bytesOf(token, special))).toString('utf8');
    },
    byteLength: (token) => pieces.bytesOf(token).length,
    vocabularySize,
    ...(bos === null ? {} : { bos }),
    ...(bos !== null && model.tokens.shouldPrependBosToken ? { start: bos } : {}),
    eos: end,
    endTokens: [...ends].sort((a, b) => a - b),
    ...(fim ? { fim } : {}),
    ...(fileSeparator === undefined ? {} : { fileSeparator }),
    dispose: () => model.dispose(),
  };
}
