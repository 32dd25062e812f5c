/** The base's tokenizer: llama.cpp with only the vocabulary loaded, so that training and serving agree. */
import type { LlamaModel, Token } from 'node-llama-cpp';
import { msg, UserError } from '../text/errors.ts';
import { CHOOSE_ANOTHER } from '../base-models/architectures.ts';
import { loadLlamaModel, readModelFile } from './llama.ts';
import { readPieces, textOfCharacters, type Pieces } from './pieces.ts';

export interface Tokenizer {
  /**
   * Tokens of a text, without a start token. `special`: text such as "<|fim_prefix|>" is parsed as its token; otherwise
   * it is plain text.
   */
  encode(text: string, options?: { special?: boolean }): Int32Array;
  /**
   * Text of tokens. `special`: special tokens appear as text; otherwise they are skipped. Throws RangeError for unknown
   * tokens.
   */
  decode(tokens: ArrayLike<number>, options?: { special?: boolean }): string;
  /** A token's bytes, one character each (Latin-1); none for a special token. */
  bytesOf(token: number): string;
  /** Number of bytes of a token's text; 0 for a special token. */
  byteLength(token: number): number;
  /**
   * The token that begins every text for this base, in training and serving; undefined if its vocabulary has none.
   */
  readonly start?: number;
  readonly eos: number;
  /** Fill-in-the-middle tokens, if the base has them. */
  readonly fim?: { prefix: number; suffix: number; middle: number };
  /** The token between files of one repository. */
  readonly fileSeparator?: number;
  dispose(): Promise<void>;
}

/**
 * Loads the vocabulary (0.3 s for 49k tokens) without the weights. Dispose it after use. Throws like readModelFile, and
 * UserError `base-unsupported-architecture` if llama.cpp can't load the model, and like sharedLlama.
 */
export async function openTokenizer(path: string): Promise<Tokenizer> {
  const file = await readModelFile(path);
  let model: LlamaModel;
  try {
    model = await loadLlamaModel(file, { vocabOnly: true });
  } catch (error) {
    // Not a problem of the file.
    if (error instanceof UserError) throw error;
    throw new UserError(
      'base-unsupported-architecture',
      `llama.cpp can't load ${path}, a model of the architecture "${String(file.metadata['general.architecture'])}".`,
      CHOOSE_ANOTHER,
      { cause: error },
    );
  }
  const words = file.metadata['tokenizer.ggml.tokens'] as string[];
  return createTokenizer(model, words.length, readPieces(file.metadata));
}

/** Calls `work` with a tokenizer, and closes it. Throws like openTokenizer and `work`. */
export async function withTokenizer<T>(
  path: string,
  work: (tokenizer: Tokenizer) => T | Promise<T>,
): Promise<T> {
  const tokenizer = await openTokenizer(path);
  try {
    return await work(tokenizer);
  } finally {
    await tokenizer.dispose();
  }
}

function createTokenizer(model: LlamaModel, vocabularySize: number, pieces: Pieces): Tokenizer {
  const { bos, eos, eot, infill } = model.tokens;
  const named = (...texts: string[]) => {
    const found = texts.map((text) => model.tokenize(text, true)).find((tokens) => tokens.length === 1);
    return found?.[0];
  };
  const { prefix, suffix, middle } = infill;
  const fim = prefix !== null && suffix !== null && middle !== null ? { prefix, suffix, middle } : undefined;
  const fileSeparator = named('<|file_sep|>', '<file_sep>');
  const firstEnd = () =>
    Array.from({ length: vocabularySize }, (_, token) => token as Token).find((token) =>
      model.isEogToken(token),
    );
  const end = eos ?? eot ?? firstEnd();
  if (end === undefined)
    throw new UserError(
      'base-not-gguf',
      msg`The model has no token that ends a text.`,
      msg`Choose another file of the model.`,
    );
  return {
    encode: (text, { special = false } = {}) => Int32Array.from(model.tokenize(text, special)),
    decode(tokens, { special = false } = {}) {
      let characters = '';
      for (let at = 0; at < tokens.length; at += 1) {
        const token = tokens[at]!;
        // llama.cpp aborts the process for a token that does not exist.
        if (!(Number.isInteger(token) && token >= 0 && token < vocabularySize))
          throw new RangeError(`${token} is not in the vocabulary of ${vocabularySize} tokens`);
        characters += special ? pieces.bytesOf(token, true).toString('latin1') : pieces.charactersOf(token);
      }
      if (!pieces.exact) return model.detokenize(Array.from(tokens) as Token[], special);
      return textOfCharacters(characters);
    },
    bytesOf: (token) => pieces.charactersOf(token),
    byteLength: (token) => pieces.charactersOf(token).length,
    ...(bos !== null && model.tokens.shouldPrependBosToken ? { start: bos } : {}),
    eos: end,
    ...(fim ? { fim } : {}),
    ...(fileSeparator === undefined ? {} : { fileSeparator }),
    dispose: () => model.dispose(),
  };
}
