/** What is made of the options that say what to learn from: checks, and the corpus plan. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { localDataSet } from '../../corpus/datasets/files.ts';
import { hasRepositoryMarks, type CorpusTokenizer } from '../../corpus/tokens/tokenizer.ts';
import { UserError } from '../../text/errors.ts';
import { foldersOf, type Folders } from '../../protocol/folders.ts';
import { corpusPlanSchema, type CorpusPlan } from '../../protocol/run.ts';
import type { DataOptions, ReplayOptions } from '../../training/options/data.ts';
import { specPart } from '../../training/options/index.ts';

/** Checks all that can be checked before anything is opened. Throws `bad-argument` or `corpus-unreadable`. */
export async function checkData(where: Folders, options: DataOptions & ReplayOptions): Promise<void> {
  const { folder } = where;
  const { mode, data, include, exclude, fimRate, repositoryContext, replay, replayRate } = options;
  if (folder === undefined && data === undefined)
    throw wrong(
      'There is neither a folder nor a data set to learn from.',
      'Give the folder that holds the code, or --data, or both.',
    );
  for (const { path } of foldersOf(where))
    if (!(await stat(path).catch(() => undefined))?.isDirectory())
      throw new UserError(
        'corpus-unreadable',
        `${path} is not a folder that can be read.`,
        'Give the folder that holds the code; a data set goes with --data.',
      );
  if (folder === undefined && (include || exclude))
    throw wrong(
      '--include and --exclude select files of a folder, but no folder is given.',
      'Give the folder, or leave them out.',
    );
  if (options.pairs && (mode !== 'instruct' || folder === undefined))
    throw wrong('--pairs needs a folder and --mode instruct.', 'Give both, or leave --pairs out.');
  if (mode === 'instruct' && (fimRate || repositoryContext))
    throw wrong(
      'Fill-in-the-middle and repository context work with --mode pretrain only.',
      'Leave them out, or train with --mode pretrain.',
    );
  if (replayRate !== undefined && replay === undefined)
    throw wrong('--replay-rate is given without --replay.', 'Say what to replay: a data set, or base.');
}

/** Names of more folders would make the name of a run too long to be shown in a row. */
const MOST_NAMES = 3;

/** How a run is called unless it is given a name: "shop", "api + web", "a + b + c + 2 more". */
export function defaultName(where: Folders, { data }: Pick<DataOptions, 'data'>): string {
  const names = foldersOf(where).map(({ path, name }) => name || basename(path));
  if (names.length === 0) return basename(data ?? '');
  const more = names.length - MOST_NAMES;
  return [...names.slice(0, MOST_NAMES), ...(more > 0 ? [`${more} more`] : [])].join(' + ');
}

const wrong = (message: string, next: string) => new UserError('bad-argument', message, next);

/**
 * The corpus plan, with the defaults that depend on the base. `maxTokens`: training tokens that the run's budget
 * allows.
 */
export function toCorpusPlan(
  folder: string | undefined,
  options: DataOptions & ReplayOptions,
  tokenizer: CorpusTokenizer,
  maxTokens?: number,
): CorpusPlan {
  const { data, replay } = options;
  const known = {
    hasFolder: folder !== undefined,
    fillInTheMiddle: tokenizer.fim !== undefined,
    repositories: hasRepositoryMarks(tokenizer),
  };
  const placed = {
    ...options,
    ...(data !== undefined && { data: placeOfData(data) }),
    ...(replay !== undefined && { replay: placeOfReplay(replay) }),
  };
  const settled = specPart('corpus', placed, known);
  return corpusPlanSchema.parse({ ...settled, maxTokens });
}

/** A set on this disk by its whole path: by "team/rows" alone, nobody knows later that it was not the hub's. */
const placeOfData = (data: string) => localDataSet(data) ?? data;
const placeOfReplay = (source: string) => (source === 'base' ? source : placeOfData(source));
