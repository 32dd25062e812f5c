/** The options of `train` that say what to learn from; `sweep` and `corpus` have most of them. */
import { corpusPlanSchema, pairKinds, type CorpusPlan } from '../../protocol/run.ts';
import type { OptionTable } from './option.ts';
import { between, InvalidValue, list } from './values.ts';

export interface GlobOptions {
  include?: string[];
  exclude?: string[];
}

export interface DataOptions extends GlobOptions {
  mode: CorpusPlan['mode'];
  data?: string;
  pairs?: CorpusPlan['pairs'];
  fimRate?: number;
  fimLoss?: CorpusPlan['fimLoss'];
  repositoryContext?: boolean;
  halfLife?: number;
}

export interface ReplayOptions {
  replay?: string;
  replayRate?: number;
}

/** What is learned, and what the base supports. */
export interface DataContext {
  hasFolder: boolean;
  /** The base has fill-in-the-middle tokens. */
  fillInTheMiddle: boolean;
  /** The base has separators for files and repositories. */
  repositories: boolean;
}

/** Default share of training sequences that are replay. */
const DEFAULT_REPLAY_RATE = 0.1;
/** Completion uses fill-in-the-middle. The rest stays plain text, for cursors with nothing after them. */
const DEFAULT_FIM_RATE = 0.9;
/** Days. */
const DEFAULT_HALF_LIFE = 180;

function pairs(text: string): CorpusPlan['pairs'] {
  const names = list(text);
  const isKind = (name: string): name is CorpusPlan['pairs'][number] =>
    (pairKinds as readonly string[]).includes(name);
  if (!names.every(isKind)) throw new InvalidValue(`It must be a list of ${pairKinds.join(', ')}.`);
  return names;
}

/** Collects the values of an option that may be repeated. */
function appendValue(glob: string, before: string[] = []): string[] {
  if (!glob.trim()) throw new InvalidValue('It must not be empty.');
  return [...before, glob];
}

/** Whether a folder's code is learned in the form that completion uses. */
const isCode = ({ mode }: DataOptions, { hasFolder, fillInTheMiddle }: DataContext) =>
  hasFolder && mode === 'pretrain' && fillInTheMiddle;

export const globOptions: OptionTable<GlobOptions> = {
  include: {
    flags: '--include <glob>',
    help: 'read only files that match this pattern, written as in .gitignore: src, *.py, "lib/**/*.{ts,tsx}"; *.foo also admits a file type that is not read by default; with several folders, api:src means src in the folder api only; may be repeated',
    parse: appendValue,
    spec: 'corpus.include',
    support: { sweep: true, continue: 'inherited', workspace: false, cluster: true, rayTrain: true },
  },
  exclude: {
    flags: '--exclude <glob>',
    help: 'leave out files that match this pattern; may be repeated',
    parse: appendValue,
    spec: 'corpus.exclude',
    support: { sweep: true, continue: 'inherited', workspace: false, cluster: true, rayTrain: true },
  },
};

export const dataOptions: OptionTable<DataOptions, DataContext> = {
  ...globOptions,
  mode: {
    flags: '--mode <mode>',
    help: 'pretrain: learn plain text; instruct: learn answers to instructions, in the chat template of the base',
    choices: ['pretrain', 'instruct'],
    default: 'pretrain',
    spec: 'corpus.mode',
    support: { sweep: true, continue: 'same', workspace: true, cluster: true, rayTrain: true },
  },
  data: {
    flags: '--data <set>',
    help: 'a data set: a .jsonl, .json or .parquet file, a folder of them, or owner/name[:path or split] on Hugging Face',
    spec: 'corpus.data',
    support: { sweep: true, continue: 'inherited', workspace: false, cluster: true, rayTrain: true },
  },
  pairs: {
    flags: '--pairs <list>',
    help: 'with --mode instruct, what to make instructions from: functions (documented ones), commits (a change from its message), or both (default: both)',
    parse: pairs,
    spec: 'corpus.pairs',
    support: { sweep: true, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  fimRate: {
    flags: '--fim-rate <share>',
    help: `share of the files in training windows that become fill-in-the-middle examples (default: ${DEFAULT_FIM_RATE} for a folder, if the base supports it)`,
    parse: between(0, 1),
    spec: 'corpus.fimRate',
    settle: (options, known) => options.fimRate ?? (isCode(options, known) ? DEFAULT_FIM_RATE : 0),
    support: { sweep: true, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
  fimLoss: {
    flags: '--fim-loss <what>',
    help: 'which part of a fill-in-the-middle example is learned: all of it, or the middle only',
    choices: corpusPlanSchema.shape.fimLoss.unwrap().options,
    spec: 'corpus.fimLoss',
    support: { sweep: true, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
  repositoryContext: {
    flags: '--repository-context',
    help: 'join the files of a repository into one text, so that the model sees other files as context (default: on for a folder, if the base has fill-in-the-middle and file separators)',
    off: { flags: '--no-repository-context', help: 'learn every file by itself' },
    spec: 'corpus.repositoryContext',
    settle: (options, known) => options.repositoryContext ?? (isCode(options, known) && known.repositories),
    support: { sweep: true, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
  halfLife: {
    flags: '--half-life <days>',
    help: `old files count less: a file's weight halves with each half-life since its last change (by git, else by its date), but never falls below a quarter; 0: all files count the same (default: ${DEFAULT_HALF_LIFE})`,
    parse: between(0, Infinity),
    spec: 'corpus.halfLifeDays',
    settle: ({ mode, halfLife = DEFAULT_HALF_LIFE }, { hasFolder }) =>
      hasFolder && mode === 'pretrain' ? halfLife : 0,
    support: { sweep: true, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
};

const replayOf = ({ replay, replayRate = DEFAULT_REPLAY_RATE }: ReplayOptions): CorpusPlan['replay'] =>
  replay !== undefined && replayRate > 0 ? { source: replay, rate: replayRate } : undefined;

export const replayOptions: OptionTable<ReplayOptions> = {
  replay: {
    flags: '--replay <source>',
    help: 'mix in text that the model must not forget: a data set as for --data, or base for text that the base itself writes',
    spec: 'corpus.replay',
    settle: replayOf,
    read: ({ source }: NonNullable<CorpusPlan['replay']>) => source,
    support: { sweep: false, continue: 'inherited', workspace: false, cluster: true, rayTrain: true },
  },
  replayRate: {
    flags: '--replay-rate <share>',
    help: `share of training sequences that are replay (default: ${DEFAULT_REPLAY_RATE})`,
    parse: between(0, 0.9),
    spec: 'corpus.replay',
    settle: replayOf,
    read: ({ rate }: NonNullable<CorpusPlan['replay']>) => rate,
    support: { sweep: false, continue: 'inherited', workspace: true, cluster: true, rayTrain: true },
  },
};
