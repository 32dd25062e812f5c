/** What the host needs to know of a model's vocabulary, worked out once per model. */
import type { LlamaModel, Token } from 'node-llama-cpp';
import { readPieces } from '../../base-models/pieces.ts';
import type { FimTokens } from '../../corpus/tokens/fim.ts';

/** Written as plain text, not marked as special, in some models: never part of an answer. */
const markers =
  /^<[|｜]?(?:end[▁_]?of[▁_]?(?:text|sentence)|begin[▁_]?of[▁_]?sentence|im[_▁](?:start|end)|fim[_▁](?:prefix|suffix|middle|pad|begin|hole|end|sep)|file[_▁]?(?:sep|name)|repo[_▁]?name|reponame|gh_stars|eot_id|s|\/s|pad)[|｜]?>$/i;

export interface Vocabulary {
  /** The model's own; rows of a distribution have this size. */
  size: number;
  bos: number | undefined;
  fill: FimTokens | undefined;
  /** Tokens that end an answer: end of text, fill-in-the-middle, file separators and everything else that is no text. */
  ends: ReadonlySet<number>;
  /** The text of `tokens` where `before` precede them. */
  decode(tokens: readonly number[], before: readonly number[]): string;
  /** A token by itself, for showing: its text, its name, or its bytes as `bytes:\\x..` where they are no whole character. */
  piece(token: number): string;
  /** The bytes that a token stands for, each as one character. */
  bytes(token: number): string;
  /** Tokens that begin a repository and each of its files. */
  repository: { name?: number | undefined; file?: number | undefined };
}

export function readVocabulary(model: LlamaModel): Vocabulary {
  const ends = new Set<number>();
  let size = 0;
  for (const token of model.iterateAllTokens()) {
    size += 1;
    if (isEnd(model, token)) ends.add(token);
  }
  return {
    size,
    bos: model.tokens.shouldPrependBosToken ? (model.tokens.bos ?? undefined) : undefined,
    fill: readFill(model),
    ends,
    ...readTexts(model),
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
  // Asked for again and again, over the whole vocabulary.
  const known: string[] = [];
  const bytes = (token: number) => (known[token] ??= pieces.bytesOf(token).toString('latin1'));
  const decode: Vocabulary['decode'] = pieces.exact
    ? (tokens) => Buffer.concat(tokens.map((token) => pieces.bytesOf(token))).toString('utf8')
    : (tokens, before) => model.detokenize(tokens as Token[], false, before as Token[]);
  return { piece, bytes, decode };
}

/** The first of these names that is one token. */
function readNamed(model: LlamaModel, ...names: string[]): number | undefined {
  return names.map((name) => model.tokenize(name, true)).find((tokens) => tokens.length === 1)?.[0];
}

function isEnd(model: LlamaModel, token: Token): boolean {
  const attributes = model.getTokenAttributes(token);
  if (attributes.control || model.isEogToken(token)) return true;
  // Byte and ordinary tokens are by far the most; only what looks like a marker is looked at.
  if (!attributes.userDefined && !attributes.normal) return false;
  const text = model.detokenize([token], true);
  return text.startsWith('<') && markers.test(text);
}

function readFill(model: LlamaModel): FimTokens | undefined {
  const { prefix, suffix, middle } = model.tokens.infill;
  if (prefix === null || suffix === null || middle === null) return undefined;
  return { prefix, suffix, middle };
}
