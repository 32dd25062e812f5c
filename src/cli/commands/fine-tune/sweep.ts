import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { BaseShape } from '../../../base-models/registry.ts';
import { isRunning, readCluster } from '../../../cluster/store.ts';
import { chooseFolders } from '../../../corpus/index.ts';
import { UserError } from '../../../text/errors.ts';
import type { Folders } from '../../../protocol/folders.ts';
import { sweepsDir } from '../../../platform/files/paths.ts';
import type { Hyper } from '../../../protocol/run.ts';
import { withTraining } from '../../../runs/index.ts';
import { formatRate, methodName } from '../../../training/learning-rate/choose.ts';
import { concludeSweep, defaultGrid, type MethodResult } from '../../../training/sweep/choice.ts';
import {
  createSweep,
  findSweep,
  findUnfinished,
  readSweep,
  type NewSweep,
  type Sweep,
} from '../../../training/sweep/store.ts';
import { settledPart, sweepOptions, type AllOptions } from '../../../training/options/index.ts';
import { addOptions } from '../../options/add-options.ts';
import { checkData, toCorpusPlan } from '../../options/data-options.ts';
import { fetchBase } from '../../machine/fetch-base.ts';
import { thisMachine, worker } from '../../machine/place.ts';
import { chosenCluster, type ChosenCluster } from '../../options/cluster-options.ts';
import { isOnCluster, sendSweep, type PreparedSweep } from '../../processes/cluster-sweep.ts';
import { print, printJson } from '../../view/output.ts';
import { withCorpus, type Reading } from '../../read-corpus.ts';
import { followSweeper } from '../../processes/sweeper-child.ts';
import { rateRatio, sweepSentence, sweepTable, sweepView } from '../../view/sweep-view.ts';
import { whole } from '../../../training/options/values.ts';
import { checkSchedule, toHyper } from '../../options/train-options.ts';
import { version } from '../../version.ts';
import { checkBase } from './train.ts';

interface SweepOptions extends Omit<AllOptions, 'method' | 'lr' | 'steps'> {
  method: 'both' | Hyper['method'];
  grid?: number[];
  steps: number;
  resume?: string;
}

/** Full fine-tuning's rate divided by LoRA's. */
const TENTH = 0.1;

export function sweepCommand(): Command {
  const command = new Command('sweep')
    .description(
      'find the learning rate: short runs with different rates; of those that learn as much as the best, the one that forgets least is chosen',
    )
    .argument('[folders...]', 'the folders that hold the code')
    .addOption(
      new Option('--method <method>', 'lora: a small adapter; full: all weights')
        .choices(['both', 'lora', 'full'])
        .default('both'),
    )
    .option(
      '--grid <rates>',
      'the rates to try, separated by commas; with both methods, full fine-tuning tries a tenth of each (default: half-decades around the default rate, and higher ones until one diverges)',
      grid,
    )
    .option('--steps <n>', 'optimiser steps of each trial', whole(1), 40)
    .option('--held-out-windows <n>', 'windows of held-out text that trials are compared on', whole(1), 16);
  return addOptions(command, sweepOptions)
    .option('--resume <id>', 'resume a sweep that was stopped; one on a cluster is attached to again')
    .action(async (folders: string[], options: SweepOptions) => {
      const cluster = await chosenCluster(options);
      const begun = options.resume === undefined ? undefined : await findSweep(options.resume);
      const elsewhere = cluster !== undefined || (begun !== undefined && (await isOnCluster(begun.dir)));
      const run = () => sweep(folders, options, { begun, cluster, elsewhere });
      await (elsewhere ? run() : withTraining('A search for a learning rate', run));
    });
}

function grid(text: string): number[] {
  const rates = text.split(',').map(Number);
  if (!rates.every((rate) => Number.isFinite(rate) && rate > 0))
    throw new InvalidArgumentError('It must be a list of numbers above 0, such as 1e-4,3e-4,1e-3.');
  return [...new Set(rates)].sort((a, b) => a - b);
}

interface Start {
  /** The sweep to resume. */
  begun: Sweep | undefined;
  /** The cluster that was named. */
  cluster: ChosenCluster | undefined;
  /** Its trials run on a cluster. */
  elsewhere: boolean;
}

async function sweep(
  named: string[],
  options: SweepOptions,
  { begun, cluster, elsewhere }: Start,
): Promise<void> {
  const prepared: PreparedSweep = begun
    ? { sweep: begun, isNew: false, memoryBytes: 0 }
    : await prepare(chooseFolders(named), options, elsewhere);
  const { dir, spec } = prepared.sweep;
  if (elsewhere) await sendSweep(prepared, cluster, options);
  const view = sweepView({ json: options.json === true });
  try {
    await followSweeper(dir, view, elsewhere);
  } finally {
    view.end();
  }
  const { lines } = await readSweep(dir);
  const results = concludeSweep(spec, lines);
  const finished = results.every((result) => result.finished);
  if (!finished) {
    if (options.json) printJson({ sweep: spec.id, dir, status: 'cancelled', methods: results });
    else print(`${await howItStands(dir)} with: forget-me-not sweep --resume ${spec.id}`);
    return;
  }
  report({ dir, spec }, results, options);
}

const howItStands = async (dir: string) =>
  isRunning(await readCluster(dir)) ? 'Its trials go on on the cluster. Attach again' : 'Stopped. Resume';

/** Reads the corpus and creates the sweep, or finds a stopped sweep with the same settings. */
async function prepare(where: Folders, options: SweepOptions, elsewhere: boolean): Promise<PreparedSweep> {
  const { folder, folders } = where;
  await checkData(where, options);
  // The method that needs more memory comes last.
  const methods: Hyper['method'][] = options.method === 'both' ? ['lora', 'full'] : [options.method];
  const heaviest = { ...options, method: methods.at(-1)! };
  checkSchedule(heaviest);
  const base = await fetchBase(options.base, heaviest);
  const [checked] = await Promise.all(
    methods.map((method) => checkBase(base.path, { ...options, method, base: base.id })),
  );
  const place = elsewhere ? worker(options) : await thisMachine(options);
  const { backend } = place;
  const precision = (method: Hyper['method']) =>
    options.precision === 'auto' ? place.precision(method) : options.precision;
  const hyper = toHyper(heaviest, options.steps, precision(heaviest.method), 1);
  const { fitted, memoryBytes } = await place.fit(checked!, hyper);
  const reading: Reading = {
    folder,
    folders,
    basePath: base.path,
    plan: (tokenizer) => toCorpusPlan(folder, options, tokenizer),
    seed: options.seed,
    yes: options.yes,
    json: options.json,
  };
  return withCorpus(sweepsDir(), reading, async (corpus, { plan, summary }) => {
    const asked: NewSweep = {
      folder: folder ?? '',
      ...(folders && { folders: [...folders] }),
      corpus: plan,
      corpusDigest: summary.digest,
      base: { id: base.id, path: base.path, sha256: base.sha256 },
      methods: methods.map((method) => ({
        method,
        precision: precision(method),
        rates: ratesFor(method, checked!.config, options),
      })),
      extend: options.grid === undefined,
      hyper: { ...hyper, ...fitted },
      ...settledPart('run', heaviest),
      ...(elsewhere && { backend }),
      planned: backend,
      heldOutWindows: options.heldOutWindows,
      versions: { 'forget-me-not': version, node: process.version },
    };
    const begun = await goingOn(asked, options);
    return { sweep: begun ?? (await createSweep(asked, corpus)), isNew: !begun, memoryBytes };
  });
}

async function goingOn(asked: NewSweep, { json }: SweepOptions): Promise<Sweep | undefined> {
  const begun = await findUnfinished(asked);
  if (!begun) return undefined;
  const done = begun.lines.filter(({ type }) => type === 'trial').length;
  if (!json)
    print(`Resuming sweep ${begun.spec.id}: ${done} ${done === 1 ? 'trial is' : 'trials are'} done.`);
  return begun;
}

function ratesFor(method: Hyper['method'], base: BaseShape, options: SweepOptions): number[] {
  if (!options.grid) return defaultGrid(method, options.optimizer, base);
  const scale = options.method === 'both' && method === 'full' ? TENTH : 1;
  return options.grid.map((rate) => Number((rate * scale).toPrecision(6)));
}

/** Throws `diverged` when a method has no stable rate; its curve is shown and kept all the same. */
function report(
  { dir, spec }: Pick<Sweep, 'dir' | 'spec'>,
  results: MethodResult[],
  { json }: SweepOptions,
): void {
  const ratio = rateRatio(results);
  if (json)
    printJson({
      sweep: spec.id,
      dir,
      status: 'done',
      methods: results,
      ...(ratio && { ratio }),
      sentences: results.map(sweepSentence),
    });
  else {
    print('', sweepTable(results), '', results.map(sweepSentence));
    if (ratio) print(`LoRA's rate is ${ratio} times that of full fine-tuning.`);
    print('', `Sweep:  ${spec.id}`, `Curves: ${join(dir, 'trials.jsonl')}`);
  }
  const without = results.find(({ chosen }) => chosen === undefined);
  if (!without) return;
  const lowest = without.rates[0]!;
  throw new UserError(
    'diverged',
    `Every rate of the grid diverges for ${methodName(without.method)}, even ${formatRate(lowest.learningRate)} (at step ${lowest.diverged?.step}: ${lowest.diverged?.why}).`,
    `Give a grid of lower rates, such as --grid ${[0.001, 0.003, 0.01].map((by) => formatRate(lowest.learningRate * by)).join(',')}. The curves are kept in ${dir}.`,
  );
}
