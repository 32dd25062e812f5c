/** The options for training data: checks them, and turns them into the corpus plan. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { localDataSet } from '../../corpus/datasets/files.ts';
import { findRepositoryMarks, type CorpusTokenizer } from '../../corpus/tokens/tokenizer.ts';
import { UserError } from '../../text/errors.ts';
import { foldersOf, type Folders } from '../../protocol/folders.ts';
import { corpusPlanSchema, type CorpusPlan } from '../../protocol/run.ts';
import type { DataOptions, ReplayOptions } from '../../training/options/data.ts';
import { specPart } from '../../training/options/index.ts';

/** Runs all checks that need no file to be read. Throws `bad-argument` or `corpus-unreadable`. */
export async function checkData(where: Folders, options: DataOptions & ReplayOptions): Promise<void> {
  const { folder } = where;
  const { mode, data, include, exclude, fimRate, repositoryContext, replay, replayRate } = options;
  if (folder === undefined && data === undefined)
    throw badArgument(
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
    throw badArgument(
      '--include and --exclude select files of a folder, but no folder is given.',
      'Give the folder, or leave them out.',
    );
  if (options.pairs && (mode !== 'instruct' || folder === undefined))
    throw badArgument('--pairs needs a folder and --mode instruct.', 'Give both, or leave --pairs out.');
  if (mode === 'instruct' && (fimRate || repositoryContext))
    throw badArgument(
      'Fill-in-the-middle and repository context work with --mode pretrain only.',
      'Leave them out, or train with --mode pretrain.',
    );
  if (replayRate !== undefined && replay === undefined)
    throw badArgument('--replay-rate is given without --replay.', 'Say what to replay: a data set, or base.');
}

/** With more folder names, a run's name would be too long for a table row. */
const MAX_NAMES = 3;

/** The default name of a run: "shop", "api + web", "a + b + c + 2 more". */
export function defaultName(where: Folders, { data }: Pick<DataOptions, 'data'>): string {
  const names = foldersOf(where).map(({ path, name }) => name || basename(path));
  if (names.length === 0) return basename(data ?? '');
  const more = names.length - MAX_NAMES;
  return [...names.slice(0, MAX_NAMES), ...(more > 0 ? [`${more} more`] : [])].join(' + ');
}

const badArgument = (message: string, next: string) => new UserError('bad-argument', message, next);

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
    repositories: findRepositoryMarks(tokenizer) !== undefined,
  };
  const located = {
    ...options,
    ...(data !== undefined && { data: dataSource(data) }),
    ...(replay !== undefined && { replay: replaySource(replay) }),
  };
  const settled = specPart('corpus', located, known);
  return corpusPlanSchema.parse({ ...settled, maxTokens });
}

/** A local data set by its absolute path: "team/rows" alone would look like one on the hub. */
const dataSource = (data: string) => localDataSet(data) ?? data;
const replaySource = (source: string) => (source === 'base' ? source : dataSource(source));
