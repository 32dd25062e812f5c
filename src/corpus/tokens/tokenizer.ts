import { UserError } from '../../text/errors.ts';
import type { FimTokens } from './fim.ts';

/** The parts of a tokenizer that the corpus needs. */
export interface CorpusTokenizer {
  /** Text that looks like a special token stays text, unless `special`. */
  encode(text: string, options?: { special?: boolean }): Int32Array;
  readonly eos: number;
  /** The token that begins every document, if the vocabulary requires one. */
  readonly start?: number;
  readonly fim?: FimTokens;
}

/** Names of the end-of-document token in pretraining, in the known model families. */
const documentEnds = ['<|endoftext|>', '<|end_of_text|>'];

/**
 * The token after every document. An instruction-tuned model's `eos` ends a turn of a conversation and never a file: it
 * would have a high loss, which training would then reduce, as if something had been learned.
 */
export function documentEnd(tokenizer: CorpusTokenizer): number {
  return (
    documentEnds.map((name) => findToken(tokenizer, name)).find((token) => token !== undefined) ??
    tokenizer.eos
  );
}

/** Markers between the files of a repository. */
export interface RepositoryMarks {
  /** Tokens at the beginning of a repository. */
  opening(name: string): number[];
  /** Tokens before each file. */
  heading(path: string): number[];
}

/**
 * The base's format for repositories: `<|repo_name|>NAME\n<|file_sep|>PATH\nTEXT...` as in Qwen2.5-Coder's training,
 * or `<repo_name>NAME<file_sep>PATH\nTEXT...` as in that of StarCoder 2 and SmolLM2. Errors: bad-argument if it has
 * neither.
 */
export function repositoryMarks(tokenizer: CorpusTokenizer): RepositoryMarks {
  const marks = findRepositoryMarks(tokenizer);
  if (marks) return marks;
  throw new UserError(
    'bad-argument',
    'The base has no tokens that separate the files of a repository.',
    'Train without whole repository context, or choose a base that has them, such as qwen2.5-coder-0.5b.',
  );
}

/** The same; undefined if the base has no format for repositories. */
export function findRepositoryMarks(tokenizer: CorpusTokenizer): RepositoryMarks | undefined {
  for (const [repository, file, gap] of [
    ['<|repo_name|>', '<|file_sep|>', '\n'],
    ['<repo_name>', '<file_sep>', ''],
  ] as const) {
    const open = findToken(tokenizer, repository);
    const separator = findToken(tokenizer, file);
    if (open !== undefined && separator !== undefined)
      return {
        opening: (name) => [open, ...tokenizer.encode(name + gap)],
        heading: (path) => [separator, ...tokenizer.encode(`${path}\n`)],
      };
  }
  return undefined;
}

/** The base's fill-in-the-middle tokens. Errors: bad-argument if it has none. */
export function fimMarks({ fim }: Pick<CorpusTokenizer, 'fim'>): FimTokens {
  if (fim) return fim;
  throw new UserError(
    'bad-argument',
    'The base has no fill-in-the-middle tokens.',
    'Train with --fim-rate 0, or choose a base that has them, such as qwen2.5-coder-0.5b.',
  );
}

function findToken(tokenizer: CorpusTokenizer, name: string): number | undefined {
  const tokens = tokenizer.encode(name, { special: true });
  return tokens.length === 1 ? tokens[0] : undefined;
}
