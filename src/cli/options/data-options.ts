/** What to learn from: options of `train`, `sweep` and `corpus`, and the plan that they make. */
import { stat } from 'node:fs/promises';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { hasRepositoryMarks, type CorpusTokenizer } from '../../corpus/tokens/tokenizer.ts';
import { UserError } from '../../protocol/errors.ts';
import { corpusPlanSchema, type CorpusPlan } from '../../protocol/run.ts';
import { between } from './train-options.ts';

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

/** Share of training sequences that are replay, unless given. */
const DEFAULT_REPLAY_RATE = 0.1;
/** What completion asks for; a little stays as it is, for cursors with nothing after them. */
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

/** One more of an option that may be given several times. */
function oneMore(glob: string, before: string[] = []): string[] {
  if (!glob.trim()) throw new InvalidArgumentError('It must not be empty.');
  return [...before, glob];
}

export function addGlobOptions(command: Command): Command {
  return command
    .option(
      '--include <glob>',
      'read only such files of the folder, as in .gitignore: src, *.py, "lib/**/*.{ts,tsx}"; *.foo also takes a language that is not known here; may be given several times',
      oneMore,
    )
    .option('--exclude <glob>', 'leave such files out; may be given several times', oneMore);
}

export function addDataOptions(command: Command): Command {
  return addGlobOptions(command)
    .addOption(
      new Option('--mode <mode>', 'learn texts, or answers to instructions in the chat template of the base')
        .choices(['pretrain', 'instruct'])
        .default('pretrain'),
    )
    .option(
      '--data <set>',
      'a data set: a .jsonl, .json or .parquet file, a folder of them, or owner/name[:path or split] on the hub',
    )
    .option(
      '--pairs <list>',
      'with --mode instruct, what to take from the folder: functions (documented ones), commits or both (default: both)',
      pairs,
    )
    .option(
      '--fim-rate <share>',
      `share of files in training windows turned into fill-in-the-middle (default: ${DEFAULT_FIM_RATE} for a folder, where the base knows it)`,
      between(0, 1),
    )
    .addOption(
      new Option(
        '--fim-loss <what>',
        'what of those is learned: all of the text, or the middle only',
      ).choices(corpusPlanSchema.shape.fimLoss.unwrap().options),
    )
    .option(
      '--repository-context',
      'join files to whole repositories (default: for a folder, where the base knows fill-in-the-middle and file separators)',
    )
    .option('--no-repository-context', 'keep every file by itself')
    .option(
      '--half-life <days>',
      `a file counts half as much in training for each so many days since its last change, by git or else its own date, down to a quarter; 0: all alike (default: ${DEFAULT_HALF_LIFE})`,
      between(0, Infinity),
    );
}

export function addReplayOptions(command: Command): Command {
  return command
    .option(
      '--replay <source>',
      'mix in text of what shall not be forgotten: a data set as for --data, or base for text that the base itself writes',
    )
    .option(
      '--replay-rate <share>',
      `share of training sequences that are replay (default: ${DEFAULT_REPLAY_RATE})`,
      between(0, 0.9),
    );
}

/** Throws `bad-argument` or `corpus-unreadable` for what can be told before anything is opened. */
export async function checkData(
  folder: string | undefined,
  options: DataOptions & ReplayOptions,
): Promise<void> {
  const { mode, data, include, exclude, fimRate, repositoryContext, replay, replayRate } = options;
  if (folder === undefined && data === undefined)
    throw wrong(
      'There is neither a folder nor a data set to learn from.',
      'Give the folder that holds the code, or --data, or both.',
    );
  if (folder !== undefined && !(await stat(folder).catch(() => undefined))?.isDirectory())
    throw new UserError(
      'corpus-unreadable',
      `${folder} is not a folder that can be read.`,
      'Give the folder that holds the code; a data set goes with --data.',
    );
  if (folder === undefined && (include || exclude))
    throw wrong(
      '--include and --exclude say which files of a folder to read, and none is given.',
      'Give the folder, or leave them out.',
    );
  if (options.pairs && (mode !== 'instruct' || folder === undefined))
    throw wrong(
      '--pairs says what to take from a folder with --mode instruct.',
      'Give both, or leave it out.',
    );
  if (mode === 'instruct' && (fimRate || repositoryContext))
    throw wrong(
      'Fill-in-the-middle and whole repository context are for --mode pretrain.',
      'Leave them out, or train with --mode pretrain.',
    );
  if (replayRate !== undefined && replay === undefined)
    throw wrong('--replay-rate is given without --replay.', 'Say what to replay: a data set, or base.');
}

const wrong = (message: string, next: string) => new UserError('bad-argument', message, next);

/** The plan, with what depends on the base. `maxTokens`: as many training tokens as the run's budget has. */
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
    data,
    pairs: options.pairs,
    include: options.include,
    exclude: options.exclude,
    halfLifeDays: folder !== undefined && mode === 'pretrain' ? (options.halfLife ?? DEFAULT_HALF_LIFE) : 0,
    fimRate: options.fimRate ?? (code ? DEFAULT_FIM_RATE : 0),
    fimLoss: options.fimLoss,
    repositoryContext: options.repositoryContext ?? (code && hasRepositoryMarks(tokenizer)),
    maxTokens,
    replay: replay !== undefined && replayRate > 0 ? { source: replay, rate: replayRate } : undefined,
  });
}
