/** Turns verdicts into sequences whose end is learned or unlearned: the prompt as it is served, then the text. */
import type { Tokenizer } from '../../base-models/tokenizer.ts';
import { buildPrompt } from '../../completion/index.ts';
import { isTwin, type Corpus } from '../../corpus/index.ts';
import { layOutContinuation } from '../../cursors/continuations.ts';
import { locate } from '../../protocol/folders.ts';
import type { RunSpec } from '../../protocol/run.ts';
import { mix, mixText } from '../../statistics/random.ts';
import type { Verdict } from '../../preferences/verdict.ts';

export interface Example {
  desirable: boolean;
  /** The file that it is from. */
  document: string;
  tokens: Int32Array;
  /** Number of tokens at the end that belong to the text. */
  counted: number;
}

/** Characters of a prompt: it has to fit into a training sequence with its text. */
export const SHORT_BUDGET = { before: 480, after: 160, others: 0 };
/** The longest text, as a share of a sequence, so that there is room for its context. */
const LONGEST_TEXT = 0.5;

/** In the given order; verdicts whose text is too long for `sequenceLength` are left out. */
export function examplesOf(
  verdicts: readonly Verdict[],
  tokenizer: Tokenizer,
  how: { sequenceLength: number; wholeRepositories: boolean },
): Example[] {
  return verdicts.flatMap(({ preference, text, desirable }) => {
    const { repository, path, languageId, prefix, suffix } = preference;
    const ask = buildPrompt(
      { path, languageId, before: prefix, after: suffix, place: { repository, path } },
      {
        model: '',
        fillInTheMiddle: tokenizer.fim !== undefined,
        maxTokens: 1,
        reach: 'block',
        budget: SHORT_BUDGET,
        wholeRepositories: how.wholeRepositories,
      },
    );
    const room = how.sequenceLength - tokenizer.encode((ask.heal ?? '') + text).length;
    if (room < (1 - LONGEST_TEXT) * how.sequenceLength) return [];
    const { tokens, counted } = layOutContinuation(ask, text, tokenizer, how.sequenceLength);
    return [{ desirable, document: path, tokens: Int32Array.from(tokens), counted }];
  });
}

/**
 * Whether the corpus holds out a file, or one that is nearly the same. Paths of preferences may begin at the workspace
 * around the folder.
 */
export function heldOutOf(
  { documents, leftOut }: Pick<Corpus, 'documents' | 'leftOut'>,
  { folders = [] }: Pick<RunSpec, 'folders'>,
): (document: string) => boolean {
  const learned = new Set(documents.filter(({ split }) => split === 'train').map(({ path }) => path));
  const heldOut = new Set(
    documents.flatMap(({ split, path }) => (split === 'held-out' && !learned.has(path) ? [path] : [])),
  );
  const twins = leftOut.filter(({ reason, detail }) => isTwin(reason) && heldOut.has(detail!));
  const out = [...heldOut, ...twins.map(({ path }) => path)].map(
    (path) => locate(folders, path)?.path ?? path,
  );
  return (document) => out.some((path) => document === path || document.endsWith(`/${path}`));
}

/** Share of the texts that are held out. */
const HELD_OUT = 0.1;

/**
 * Splits by file: holds out all files that the run holds out, since their text is measured, and others until the share
 * is reached.
 * @param isHeldOut whether the run holds out a file
 */
export function parted<T extends { document: string }>(
  examples: readonly T[],
  isHeldOut: (document: string) => boolean,
  seed: number,
): { training: T[]; heldOut: T[] } {
  const documents = [...new Set(examples.map(({ document }) => document))];
  const order = new Map(documents.map((one) => [one, isHeldOut(one) ? -1 : mix(seed, mixText(one))]));
  documents.sort((a, b) => order.get(a)! - order.get(b)!);
  const out = new Set<string>();
  let count = 0;
  for (const one of documents) {
    if (order.get(one)! >= 0 && count >= HELD_OUT * examples.length) break;
    out.add(one);
    count += examples.filter(({ document }) => document === one).length;
  }
  return {
    training: examples.filter(({ document }) => !out.has(document)),
    heldOut: examples.filter(({ document }) => out.has(document)),
  };
}
