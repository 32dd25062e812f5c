import { UserError } from '../../protocol/errors.ts';
import type { FimTokens } from './fim.ts';

/** What the corpus needs of a tokenizer. */
export interface CorpusTokenizer {
  /** Text that looks like a special token stays text, unless `special`. */
  encode(text: string, options?: { special?: boolean }): Int32Array;
  readonly eos: number;
  /** Begins every document, where the vocabulary says so. */
  readonly start?: number;
  readonly fim?: FimTokens;
}

/** What base models were trained to see after a document, in the names of the families there are. */
const documentEnds = ['<|endoftext|>', '<|end_of_text|>'];

/**
 * The token put after every document. An instruction-tuned model's `eos` ends a turn of a conversation, which no
 * file ever ends in: it would be a surprise to the base and look like something learned.
 */
export function documentEnd(tokenizer: CorpusTokenizer): number {
  return (
    documentEnds.map((name) => tokenNamed(tokenizer, name)).find((token) => token !== undefined) ??
    tokenizer.eos
  );
}

/** Marks between the files of a repository. */
export interface RepositoryMarks {
  /** What a repository of that name begins with. */
  opening(name: string): number[];
  /** What stands before each file. */
  heading(path: string): number[];
}

/**
 * As Qwen2.5-Coder was trained, `<|repo_name|>NAME\n<|file_sep|>PATH\nTEXT...`, or StarCoder 2 and SmolLM2,
 * `<repo_name>NAME<file_sep>PATH\nTEXT...`. Errors: bad-argument when the base knows neither.
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

/** Whether the base knows how files make a repository. */
export const hasRepositoryMarks = (tokenizer: CorpusTokenizer): boolean =>
  findRepositoryMarks(tokenizer) !== undefined;

function findRepositoryMarks(tokenizer: CorpusTokenizer): RepositoryMarks | undefined {
  for (const [repository, file, gap] of [
    ['<|repo_name|>', '<|file_sep|>', '\n'],
    ['<repo_name>', '<file_sep>', ''],
  ] as const) {
    const open = tokenNamed(tokenizer, repository);
    const separator = tokenNamed(tokenizer, file);
    if (open !== undefined && separator !== undefined)
      return {
        opening: (name) => [open, ...tokenizer.encode(name + gap)],
        heading: (path) => [separator, ...tokenizer.encode(`${path}\n`)],
      };
  }
  return undefined;
}

/** The base's marks of fill-in-the-middle. Errors: bad-argument when it has none. */
export function fimMarks({ fim }: Pick<CorpusTokenizer, 'fim'>): FimTokens {
  if (fim) return fim;
  throw new UserError(
    'bad-argument',
    'The base has no fill-in-the-middle tokens.',
    'Train with --fim-rate 0, or choose a base that has them, such as qwen2.5-coder-0.5b.',
  );
}

function tokenNamed(tokenizer: CorpusTokenizer, name: string): number | undefined {
  const tokens = tokenizer.encode(name, { special: true });
  return tokens.length === 1 ? tokens[0] : undefined;
}
