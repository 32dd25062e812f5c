/** The options of `train`, `sweep` and `corpus` that say what to learn from, and the corpus plan made of them. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { localDataSet } from '../../corpus/datasets/files.ts';
import { hasRepositoryMarks, type CorpusTokenizer } from '../../corpus/tokens/tokenizer.ts';
import { UserError } from '../../protocol/errors.ts';
import { foldersOf, type Folders } from '../../protocol/folders.ts';
import { corpusPlanSchema, type CorpusPlan } from '../../protocol/run.ts';
import { between } from './numbers.ts';

export interface DataOptions {
  mode: CorpusPlan['mode'];
  data?: string;
  pairs?: CorpusPlan['pairs'];
  include?: string[];
  exclude?: string[];
  halfLife?: number;
  fimRate?: number;
  fimLoss?: CorpusPlan['fimLoss'];
  repositoryContext?: boolean;
}

export interface ReplayOptions {
  replay?: string;
  replayRate?: number;
}

/** Share of training sequences that are replay, by default. */
const DEFAULT_REPLAY_RATE = 0.1;
/** Completion asks for fill-in-the-middle. The rest stays plain text, for cursors with nothing after them. */
const DEFAULT_FIM_RATE = 0.9;
/** Days. */
const DEFAULT_HALF_LIFE = 180;

const pairNames = corpusPlanSchema.shape.pairs.unwrap().element.options;
function pairs(text: string): CorpusPlan['pairs'] {
  const names = text.split(',').map((name) => name.trim());
  const isKind = (name: string): name is CorpusPlan['pairs'][number] =>
    (pairNames as readonly string[]).includes(name);
  if (!names.every(isKind)) throw new InvalidArgumentError(`It must be a list of ${pairNames.join(', ')}.`);
  return names;
}

/** Collects the values of an option that may be repeated. */
function oneMore(glob: string, before: string[] = []): string[] {
  if (!glob.trim()) throw new InvalidArgumentError('It must not be empty.');
  return [...before, glob];
}

export function addGlobOptions(command: Command): Command {
  return command
    .option(
      '--include <glob>',
      'read only files that match this pattern, written as in .gitignore: src, *.py, "lib/**/*.{ts,tsx}"; *.foo also admits a file type that is not read by default; with several folders, api:src means src in the folder api only; may be repeated',
      oneMore,
    )
    .option('--exclude <glob>', 'leave out files that match this pattern; may be repeated', oneMore);
}

export function addDataOptions(command: Command): Command {
  return addGlobOptions(command)
    .addOption(
      new Option(
        '--mode <mode>',
        'pretrain: learn plain text; instruct: learn answers to instructions, in the chat template of the base',
      )
        .choices(['pretrain', 'instruct'])
        .default('pretrain'),
    )
    .option(
      '--data <set>',
      'a data set: a .jsonl, .json or .parquet file, a folder of them, or owner/name[:path or split] on Hugging Face',
    )
    .option(
      '--pairs <list>',
      'with --mode instruct, what to make instructions from: a list of functions (documented ones), commits (a change from its message) and edits (a line that wants the same edit as another one; for next edit) (default: all)',
      pairs,
    )
    .option(
      '--fim-rate <share>',
      `share of the files in training windows that become fill-in-the-middle examples (default: ${DEFAULT_FIM_RATE} for a folder, if the base supports it)`,
      between(0, 1),
    )
    .addOption(
      new Option(
        '--fim-loss <what>',
        'which part of a fill-in-the-middle example is learned: all of it, or the middle only',
      ).choices(corpusPlanSchema.shape.fimLoss.unwrap().options),
    )
    .option(
      '--repository-context',
      'join the files of a repository into one text, so that the model sees other files as context (default: on for a folder, if the base has fill-in-the-middle and file separators)',
    )
    .option('--no-repository-context', 'learn every file by itself')
    .option(
      '--half-life <days>',
      `old files count less: a file's weight halves with each half-life since its last change (by git, else by its date), but never falls below a quarter; 0: all files count the same (default: ${DEFAULT_HALF_LIFE})`,
      between(0, Infinity),
    );
}

export function addReplayOptions(command: Command): Command {
  return command
    .option(
      '--replay <source>',
      'mix in text that the model must not forget: a data set as for --data, or base for text that the base itself writes',
    )
    .option(
      '--replay-rate <share>',
      `share of training sequences that are replay (default: ${DEFAULT_REPLAY_RATE})`,
      between(0, 0.9),
    );
}

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
  const { mode, data, replay, replayRate = DEFAULT_REPLAY_RATE } = options;
  const code = folder !== undefined && mode === 'pretrain' && tokenizer.fim !== undefined;
  return corpusPlanSchema.parse({
    mode,
    data: data === undefined ? undefined : placeOfData(data),
    pairs: options.pairs,
    include: options.include,
    exclude: options.exclude,
    halfLifeDays: folder !== undefined && mode === 'pretrain' ? (options.halfLife ?? DEFAULT_HALF_LIFE) : 0,
    fimRate: options.fimRate ?? (code ? DEFAULT_FIM_RATE : 0),
    fimLoss: options.fimLoss,
    repositoryContext: options.repositoryContext ?? (code && hasRepositoryMarks(tokenizer)),
    maxTokens,
    replay:
      replay !== undefined && replayRate > 0
        ? { source: placeOfReplay(replay), rate: replayRate }
        : undefined,
  });
}

/** A set on this disk by its whole path: by "team/rows" alone, nobody knows later that it was not the hub's. */
const placeOfData = (data: string) => localDataSet(data) ?? data;
const placeOfReplay = (source: string) => (source === 'base' ? source : placeOfData(source));
