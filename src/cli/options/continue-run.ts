/** `train --continue RUN`: which runs can be continued, and what the new run takes over from the earlier one. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { examine } from '../../base-models/checksums.ts';
import { AUTO_BASE } from '../../base-models/choose.ts';
import { openCorpus, renamedGlobs, type CorpusSummary, type EarlierCorpus } from '../../corpus/index.ts';
import { notBetter } from '../../evaluation/figures/offer.ts';
import { UserError } from '../../protocol/errors.ts';
import { survivingEvents } from '../../protocol/events.ts';
import { describeFolders, foldersOf, type Folders } from '../../protocol/folders.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { artefactName, settledSpec, type RunSpec } from '../../protocol/run.ts';
import { findRun, isAlive, readRun } from '../../runs/index.ts';
import { asEarlier } from '../../training/continued.ts';
import { defaultName, type DataOptions, type ReplayOptions } from './data-options.ts';
import { requireBase } from '../machine/run-base.ts';
import type { TrainOptions } from './train-options.ts';

export interface ContinueOptions {
  continue?: string;
}

export function addContinueOption(command: Command): Command {
  return command.option(
    '--continue <run>',
    'start from the adapter of an earlier run: learn what has changed since, and replay some of what it learned before; options that are not given are as in that run',
  );
}

/** A finished run that another run continues. */
export interface Continued {
  spec: RunSpec;
  /** The folders to read: those that were given, else the run's. */
  where: Folders;
  /** Checksum of its adapter, as it is served. */
  sha256: string;
  corpus: EarlierCorpus;
  /** The rate that it ended with, after its own trials and any reductions when it went back to a checkpoint. */
  learningRate: number;
}

/**
 * `given`: the folders to read, if these are not to be the run's. Errors: run-not-found, run-damaged,
 * run-not-finished, not-better, bad-argument if a run of its kind can't be continued, base-not-found, base-checksum.
 */
export async function findContinued(wanted: string, given: Folders = {}): Promise<Continued> {
  const dir = await findRun(wanted);
  const snapshot = await readRun(dir);
  const { spec } = snapshot;
  requireUsable(dir, snapshot);
  await requireBase(spec);
  const corpus = await openCorpus(join(dir, 'corpus'));
  if (corpus.summary.cut)
    throw unfit(
      spec,
      "trained on one part of each file and held out the rest, and after a change those parts can't be found again",
    );
  const events = survivingEvents(snapshot.events);
  const scale = events.findLast((event) => event.type === 'rollback')?.rateScale ?? 1;
  const { folder, folders } = spec;
  const where = given.folder === undefined && folder ? { folder, folders } : given;
  return {
    spec,
    where,
    sha256: (await examine(join(dir, artefactName(spec)))).sha256,
    corpus: await asEarlier(spec, corpus, where),
    learningRate: settledSpec(spec, snapshot.state).hyper.learningRate * scale,
  };
}

function requireUsable(dir: string, { spec, state, summary }: RunSnapshot): void {
  if (spec.imported)
    throw unfit(spec, 'was imported, so it is unknown which files it has learned and which are new');
  if (spec.hyper.method === 'full')
    throw unfit(spec, 'is a full fine-tuning, and only an adapter can be trained further');
  if (spec.corpus.mode === 'instruct') throw unfit(spec, 'learned answers to instructions, not text');
  const artefact = join(dir, artefactName(spec));
  if (state.status === 'done' && !existsSync(artefact))
    throw new UserError(
      'run-not-finished',
      `The result of run ${spec.id} is gone: there is no ${artefact}.`,
      `Put that file back, or make it again from the last checkpoint with {resume ${spec.id}}.`,
    );
  if (state.status !== 'done')
    throw new UserError(
      'run-not-finished',
      `Run ${spec.id} has no result yet that could be continued.`,
      isAlive(state) ? 'Wait until it is done.' : `Finish it with {resume ${spec.id}}.`,
    );
  const refused = summary && notBetter(spec.id, summary);
  if (refused)
    throw new UserError(refused.code, refused.message, 'Start a new training, without --continue.');
}

const unfit = ({ id }: RunSpec, why: string) =>
  new UserError(
    'bad-argument',
    `Run ${id} can't be continued: it ${why}.`,
    'Start a new training, without --continue.',
  );

type AllOptions = TrainOptions & DataOptions & ReplayOptions;
type IsGiven = (option: keyof AllOptions) => boolean;

/**
 * The options of a run that continues `spec` in the folders `where`; those not given are taken from it. Pure. Errors:
 * bad-argument if an option asks for a different adapter (names both values).
 */
export function continuedOptions<O extends AllOptions>(
  { spec, where }: Pick<Continued, 'spec' | 'where'>,
  options: O,
  isGiven: IsGiven,
): O {
  requireSameAdapter(spec, options, isGiven);
  const inherited = Object.entries(inheritedOptions(spec, where)).filter(
    ([key]) => !isGiven(key as keyof AllOptions),
  );
  return { ...options, ...adapterOptions(spec), ...Object.fromEntries(inherited) };
}

const adapterOptions = ({ base, hyper, corpus }: RunSpec) => ({
  base: base.id,
  method: hyper.method,
  rank: hyper.rank,
  alpha: hyper.alpha,
  targets: hyper.targets,
  rankStabilised: hyper.scaling === 'rank-stabilised',
  mode: corpus.mode,
});

function requireSameAdapter(spec: RunSpec, options: AllOptions, isGiven: IsGiven): void {
  const names = [spec.base.id, spec.base.path, AUTO_BASE];
  for (const [name, value] of Object.entries(adapterOptions(spec))) {
    const key = name as keyof ReturnType<typeof adapterOptions>;
    const [theirs, given] = [textOf(value), textOf(options[key])];
    if (!isGiven(key) || given === theirs || (key === 'base' && names.includes(given))) continue;
    throw new UserError(
      'bad-argument',
      `Run ${spec.id} has ${optionName(key)} ${theirs}, but ${given} was given.`,
      'Leave that option out: a run that continues another uses the same adapter and base.',
    );
  }
}

const inheritedOptions = (spec: RunSpec, where: Folders): Partial<AllOptions> => ({
  ...inheritedData(spec, where),
  ...inheritedHyper(spec),
});

const inheritedHyper = ({ hyper }: RunSpec): Partial<AllOptions> => ({
  dropout: hyper.dropout,
  attentionDropout: hyper.attentionDropout,
  optimizer: hyper.optimizer,
  weightDecay: hyper.weightDecay,
  clip: hyper.clip,
  seq: hyper.sequenceLength,
  batch: hyper.batch,
  accumulate: hyper.accumulate,
  seed: hyper.seed,
});

function inheritedData(spec: RunSpec, where: Folders): Partial<AllOptions> {
  const { name, corpus } = spec;
  const [include, exclude] = [corpus.include, corpus.exclude].map((globs) =>
    renamedGlobs(globs, spec, where),
  );
  // A name that only says which folders were learned would be wrong for others.
  const isOwnName = name !== defaultName(spec, corpus) || describeFolders(spec) === describeFolders(where);
  return {
    ...(isOwnName && { name }),
    ...(corpus.data !== undefined && { data: corpus.data }),
    ...(include!.length > 0 && { include }),
    ...(exclude!.length > 0 && { exclude }),
    halfLife: corpus.halfLifeDays,
    fimRate: corpus.fimRate,
    fimLoss: corpus.fimLoss,
    repositoryContext: corpus.repositoryContext,
    ...(corpus.replay && { replay: corpus.replay.source, replayRate: corpus.replay.rate }),
  };
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.toSorted().join();
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return String(value);
}
const optionName = (key: string) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Errors: bad-argument if none of the earlier run's files is here; corpus-empty if there is nothing new to learn. */
export function requireChange(spec: RunSpec, { changed }: CorpusSummary): void {
  const { id } = spec;
  const is = foldersOf(spec).length > 1 ? 'These are not the folders' : 'This is not the folder';
  if (changed!.kept === 0)
    throw new UserError(
      'bad-argument',
      `${is} of run ${id}: none of the files that it learned is here.`,
      `Give ${describeFolders(spec) || 'its data set'}, or start a new training, without --continue.`,
    );
  if (changed!.trainFiles === 0)
    throw new UserError(
      'corpus-empty',
      `Nothing that could be learned has changed since run ${id}.`,
      'Continue it when there are new or changed files, or train longer on the same ones, without --continue.',
    );
}
