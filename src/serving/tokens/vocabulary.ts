/** What the host needs to know about a model's vocabulary; computed once per model. */
import type { LlamaModel, Token } from 'node-llama-cpp';
import { readPieces, textOfCharacters } from '../../llama-cpp/pieces.ts';
import type { FimTokens } from '../../corpus/tokens/fim.ts';
import { TokenIndex } from './token-index.ts';

/** Markers that some models have as ordinary instead of special tokens: never part of an answer. */
const markers =
  /^<[|｜]?(?:end[▁_]?of[▁_]?(?:text|sentence)|begin[▁_]?of[▁_]?sentence|im[_▁](?:start|end)|fim[_▁](?:prefix|suffix|middle|pad|begin|hole|end|sep)|file[_▁]?(?:sep|name)|repo[_▁]?name|reponame|gh_stars|eot_id|s|\/s|pad)[|｜]?>$/i;

export interface Vocabulary {
  /** Number of tokens; rows of a distribution have this size. */
  size: number;
  bos: number | undefined;
  fill: FimTokens | undefined;
  /** Tokens that end an answer: end of text, fill-in-the-middle, file separators and all others that aren't text. */
  ends: ReadonlySet<number>;
  /** The text of `tokens` when preceded by `before`. */
  decode(tokens: readonly number[], before: readonly number[]): string;
  /** A single token for display: its text, its name, or `bytes:\\x..` if its bytes are not whole characters. */
  piece(token: number): string;
  /** The bytes that a token stands for, each as one character. */
  bytes(token: number): string;
  /** Tokens that are a prefix of `text` (bytes), or start with all of it; undefined if there are more than `most`. */
  spelling(text: string, most: number): readonly number[] | undefined;
  /** Tokens that begin a repository and each of its files. */
  repository: { name?: number | undefined; file?: number | undefined };
}

export function readVocabulary(model: LlamaModel): Vocabulary {
  const texts = readTexts(model);
  const ends = new Set<number>();
  let size = 0;
  for (const token of model.iterateAllTokens()) {
    size += 1;
    if (isEnd(model, token, texts)) ends.add(token);
  }
  let index: TokenIndex | undefined;
  return {
    size,
    bos: model.tokens.shouldPrependBosToken ? (model.tokens.bos ?? undefined) : undefined,
    fill: readFill(model),
    ends,
    ...texts,
    // Created on first use: not every host heals tokens.
    spelling: (text, most) => (index ??= new TokenIndex(size, texts.bytes, ends)).spelling(text, most),
    repository: {
      name: readNamed(model, '<|repo_name|>', '<reponame>', '<|reponame|>'),
      file: readNamed(model, '<|file_sep|>', '<file_sep>', '<filename>'),
    },
  };
}

function readTexts(model: LlamaModel): Pick<Vocabulary, 'decode' | 'piece' | 'bytes'> {
  const { ggml } = model.fileInfo.metadata.tokenizer;
  const pieces = readPieces({
    'tokenizer.ggml.model': ggml.model,
    'tokenizer.ggml.tokens': ggml.tokens,
    'tokenizer.ggml.token_type': ggml.token_type,
  });
  const piece = (token: number) => {
    const bytes = pieces.bytesOf(token, true);
    const text = bytes.toString('utf8');
    if (Buffer.from(text).equals(bytes)) return text;
    return `bytes:${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
  };
  const decode: Vocabulary['decode'] = pieces.exact
    ? (tokens) => textOfCharacters(tokens.map(pieces.charactersOf).join(''))
    : (tokens, before) => model.detokenize(tokens as Token[], false, before as Token[]);
  return { piece, bytes: pieces.charactersOf, decode };
}

/** The token of the first of these names that is a single token. */
function readNamed(model: LlamaModel, ...names: string[]): number | undefined {
  return names.map((name) => model.tokenize(name, true)).find((tokens) => tokens.length === 1)?.[0];
}

function isEnd(model: LlamaModel, token: Token, { piece }: Pick<Vocabulary, 'piece'>): boolean {
  const attributes = model.getTokenAttributes(token);
  if (attributes.control || model.isEogToken(token)) return true;
  // Most tokens are ordinary or bytes; only those that look like a marker are checked.
  if (!attributes.userDefined && !attributes.normal) return false;
  const word = model.fileInfo.metadata.tokenizer.ggml.tokens[token];
  return word?.startsWith('<') === true && markers.test(piece(token));
}

function readFill(model: LlamaModel): FimTokens | undefined {
  const { prefix, suffix, middle } = model.tokens.infill;
  if (prefix === null || suffix === null || middle === null) return undefined;
  return { prefix, suffix, middle };
}
