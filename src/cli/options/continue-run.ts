/** `train --continue RUN`: which runs can be continued, and what the new run inherits from the earlier run. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { examine } from '../../base-models/checksums.ts';
import { AUTO_BASE } from '../../base-models/choose.ts';
import { openCorpus, renameGlobs, type CorpusSummary, type EarlierCorpus } from '../../corpus/index.ts';
import { isContinuable, notBetter } from '../../findings/offer.ts';
import { UserError } from '../../text/errors.ts';
import { msg, type Text } from '../../text/message.ts';
import { survivingEvents } from '../../protocol/events.ts';
import { describeFolders, foldersOf, type Folders } from '../../protocol/folders.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';
import { artefactName, settledSpec, type RunSpec } from '../../protocol/run.ts';
import { findRun, isAlive, readRun } from '../../runs/index.ts';
import { servedMismatch } from '../../runs/verify.ts';
import { toEarlierCorpus } from '../../training/continued.ts';
import { trainOptions, type AllOptions } from '../../training/options/index.ts';
import { flagName, optionValue, type AnyOption } from '../../training/options/option.ts';
import { requireBase } from '../machine/run-base.ts';
import { defaultName } from './data-options.ts';

/** What a finished run has learned. */
export interface Learned {
  spec: RunSpec;
  /** The folders to read: those specified, else the run's. */
  where: Folders;
  corpus: EarlierCorpus;
}

/** A finished run that another run continues. */
export interface Continued extends Learned {
  /** Checksum of its adapter as served. */
  sha256: string;
  /** Its final learning rate, after any reductions on rolling back to a checkpoint. */
  learningRate: number;
  /** The number of steps that this rate was for: with a budget in minutes, run.json only has an estimate. */
  steps: number;
}

/** `given`: folders to read instead of the run's. Errors: those of findLearned, not-better, adapter-mismatch. */
export async function findContinued(wanted: string, given: Folders = {}): Promise<Continued> {
  const dir = await findRun(wanted);
  const snapshot = await readRun(dir);
  requireContinuable(dir, snapshot);
  requireOffered(snapshot);
  const learned = await learnedBy(dir, snapshot, given);
  const { sha256 } = await examine(join(dir, artefactName(snapshot.spec)));
  return { ...learned, sha256, ...finalRate(snapshot) };
}

/**
 * Finds what a run has learned, even if its result is not offered. Errors: run-not-found, run-damaged, run-not-finished,
 * bad-argument if a run of its kind can't be continued, base-not-found, base-checksum.
 */
export async function findLearned(wanted: string): Promise<Learned & { isOffered: boolean }> {
  const dir = await findRun(wanted);
  const snapshot = await readRun(dir);
  requireContinuable(dir, snapshot);
  return { ...(await learnedBy(dir, snapshot)), isOffered: isContinuable(snapshot) };
}

async function learnedBy(dir: string, { spec }: RunSnapshot, given: Folders = {}): Promise<Learned> {
  await requireBase(spec);
  const corpus = await openCorpus(join(dir, 'corpus'));
  if (corpus.summary.cut)
    throw cannotContinue(
      spec,
      "trained on one part of each file and held out the rest, and after a change those parts can't be found again",
    );
  const { folder, folders } = spec;
  const where = given.folder === undefined && folder ? { folder, folders } : given;
  return { spec, where, corpus: await toEarlierCorpus(spec, corpus, where) };
}

/** The rate that a run ended with, and the number of steps that it was for. */
export function finalRate({
  spec,
  state,
  events,
}: Pick<RunSnapshot, 'spec' | 'state' | 'events'>): Pick<Continued, 'learningRate' | 'steps'> {
  const rollback = survivingEvents(events).findLast((event) => event.type === 'rollback');
  const scale = rollback?.rateScale ?? 1;
  return { learningRate: settledSpec(spec, state).hyper.learningRate * scale, steps: state.steps };
}

function requireContinuable(dir: string, { spec, state }: RunSnapshot): void {
  if (spec.imported)
    throw cannotContinue(
      spec,
      msg`was imported, so it is unknown which files it has learned and which are new`,
    );
  if (spec.hyper.method === 'full')
    throw cannotContinue(spec, msg`is a full fine-tuning, and only an adapter can be trained further`);
  if (spec.corpus.mode === 'instruct')
    throw cannotContinue(spec, msg`learned answers to instructions, not text`);
  const artefact = join(dir, artefactName(spec));
  if (state.status === 'done' && !existsSync(artefact))
    throw new UserError(
      'run-not-finished',
      msg`The result of run ${spec.id} is gone: there is no ${artefact}.`,
      msg`Put that file back, or make it again from the last checkpoint with {resume ${spec.id}}.`,
    );
  if (state.status !== 'done')
    throw new UserError(
      'run-not-finished',
      msg`Run ${spec.id} has no result yet that could be continued.`,
      isAlive(state)
        ? msg`Wait until it is done.`
        : state.status === 'evaluating'
          ? msg`Finish it with {evaluate ${spec.id}}.`
          : msg`Finish it with {resume ${spec.id}}.`,
    );
}

function requireOffered({ spec, summary }: RunSnapshot): void {
  if (summary?.served?.ok === false)
    throw new UserError('adapter-mismatch', servedMismatch(summary.served)[0], startAnew);
  const refused = summary && notBetter(spec.id, summary);
  if (refused) throw new UserError(refused.code, refused.what, startAnew);
}

const startAnew = msg`Start a new training run, without --continue.`;
const cannotContinue = ({ id }: RunSpec, why: Text) =>
  new UserError('bad-argument', msg`Run ${id} can't be continued: it ${why}.`, startAnew);

type IsGiven = (option: string) => boolean;

/**
 * The options of a run that continues `spec` in the folders `where`; those not given are taken from it. Pure. Errors:
 * bad-argument if an option asks for a different adapter (names both values).
 */
export function continuedOptions<O extends Partial<AllOptions>>(
  { spec, where }: Pick<Continued, 'spec' | 'where'>,
  options: O,
  isGiven: IsGiven,
): O {
  const before = withFolders(where, spec);
  const inherited: Partial<Record<string, unknown>> = {};
  for (const [name, option] of Object.entries(trainOptions)) {
    const { continue: how } = option.support;
    if (how === 'own' || (how === 'inherited' && isGiven(name))) continue;
    const earlier = optionValue(before, option);
    const asked = options[name as keyof AllOptions];
    if (how === 'same' && isGiven(name)) requireSame(spec, { option, earlier, asked });
    // An empty list counts as not given.
    if (earlier !== undefined && !(Array.isArray(earlier) && earlier.length === 0)) inherited[name] = earlier;
  }
  return { ...options, ...inherited };
}

function requireSame(
  { id, base }: RunSpec,
  { option, earlier, asked }: { option: AnyOption; earlier: unknown; asked: unknown },
): void {
  const [theirs, given] = [formatValue(earlier), formatValue(asked)];
  const isBase = option === trainOptions.base && [base.path, AUTO_BASE].includes(given);
  if (given === theirs || isBase) return;
  const key = `--${flagName(option.flags)}`;
  throw new UserError(
    'bad-argument',
    msg`Run ${id} has ${key} ${theirs}, but ${given} was given.`,
    msg`Leave that option out: a run that continues another uses the same adapter and base.`,
  );
}

/** The spec as if the run had learned the folders `where`. */
function withFolders(where: Folders, spec: RunSpec): Omit<RunSpec, 'name'> & { name?: string } {
  const { name, corpus } = spec;
  // A default name, made of the folder names, would be wrong for other folders.
  const isCustomName = name !== defaultName(spec, corpus) || describeFolders(spec) === describeFolders(where);
  return {
    ...spec,
    name: isCustomName ? name : undefined,
    corpus: {
      ...corpus,
      include: renameGlobs(corpus.include, spec, where),
      exclude: renameGlobs(corpus.exclude, spec, where),
    },
  };
}

function formatValue(value: unknown): string {
  if (Array.isArray(value)) return value.toSorted().join();
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return String(value);
}

/**
 * Errors: bad-argument if none of the earlier run's files is in the folders; corpus-empty if there is nothing new to
 * learn.
 */
export function requireChange(spec: RunSpec, { changed }: CorpusSummary): void {
  const { id } = spec;
  const is = foldersOf(spec).length > 1 ? msg`These are not the folders` : msg`This is not the folder`;
  if (changed!.kept === 0)
    throw new UserError(
      'bad-argument',
      msg`${is} of run ${id}: none of the files that it learned is here.`,
      msg`Give ${describeFolders(spec) || 'its data set'}, or start a new training run, without --continue.`,
    );
  if (changed!.trainFiles === 0)
    throw new UserError(
      'corpus-empty',
      msg`Nothing that could be learned has changed since run ${id}.`,
      msg`Continue it when there are new or changed files, or train longer on the same ones, without --continue.`,
    );
}
