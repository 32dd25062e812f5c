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
import { specPart, sweepOptions, type AllOptions } from '../../../training/options/index.ts';
import { addOptions } from '../../options/add-options.ts';
import { checkData, toCorpusPlan } from '../../options/data-options.ts';
import { fetchBase } from '../../machine/fetch-base.ts';
import { localTarget, workerTarget } from '../../machine/training-target.ts';
import { chosenCluster, type ChosenCluster } from '../../options/cluster-options.ts';
import { checkResumed } from '../../options/resumed.ts';
import { sendSweep, type PreparedSweep } from '../../processes/cluster-job.ts';
import { print, printJson, note } from '../../view/output.ts';
import { withCorpus, type Reading } from '../../read-corpus.ts';
import { rateRatio, sweepSentence, sweepTable, sweepView, type SweepView } from '../../view/sweep-view.ts';
import { integer } from '../../../training/options/values.ts';
import { checkSchedule, toHyper, tokenBudget } from '../../options/train-options.ts';
import { version } from '../../version.ts';
import { checkBase } from './train.ts';
import { sweeperMessageSchema } from '../../../protocol/sweep.ts';
import { followChild } from '../../processes/follow-child.ts';

interface SweepOptions extends Omit<AllOptions, 'method' | 'lr' | 'steps'> {
  method: 'both' | Hyper['method'];
  grid?: number[];
  steps: number;
  resume?: string;
}

/** Full fine-tuning's rate divided by LoRA's. */
const EXPECTED_RATIO = 0.1;

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
    .option('--steps <n>', 'optimiser steps of each trial', integer(1), 40)
    .option('--held-out-windows <n>', 'windows of held-out text that trials are compared on', integer(1), 16);
  return addOptions(command, sweepOptions)
    .option('--resume <id>', 'resume a sweep that was stopped, or reattach to one on a cluster')
    .action(async (folders: string[], options: SweepOptions) => {
      checkResumed(command, 'sweep');
      const cluster = await chosenCluster(options);
      const resumed = options.resume === undefined ? undefined : await findSweep(options.resume);
      const onCluster =
        cluster !== undefined ||
        (resumed !== undefined && (await readCluster(resumed.dir))?.kind === 'sweep');
      const run = () => sweep(folders, options, { resumed, cluster, onCluster });
      await (onCluster ? run() : withTraining('A search for a learning rate', run));
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
  resumed: Sweep | undefined;
  /** The cluster named by --on. */
  cluster: ChosenCluster | undefined;
  /** Its trials run on a cluster. */
  onCluster: boolean;
}

async function sweep(
  named: string[],
  options: SweepOptions,
  { resumed, cluster, onCluster }: Start,
): Promise<void> {
  const prepared: PreparedSweep = resumed
    ? { sweep: resumed, isNew: false, memoryBytes: 0 }
    : await prepare(chooseFolders(named), options, onCluster);
  const { dir, spec } = prepared.sweep;
  if (onCluster) await sendSweep(prepared, cluster, options);
  const view = sweepView({ json: options.json === true });
  try {
    await followSweeper(dir, view, onCluster);
  } finally {
    view.end();
  }
  const { lines } = await readSweep(dir);
  const results = concludeSweep(spec, lines);
  const finished = results.every((result) => result.finished);
  if (!finished) {
    if (options.json) printJson({ sweep: spec.id, dir, status: 'cancelled', methods: results });
    else print(`${await sweepProgress(dir)} with: forget-me-not sweep --resume ${spec.id}`);
    return;
  }
  report({ dir, spec }, results, options);
}

const sweepProgress = async (dir: string) =>
  isRunning(await readCluster(dir)) ? 'Its trials go on on the cluster. Attach again' : 'Stopped. Resume';

/** Reads the corpus and creates the sweep, or finds a stopped sweep with the same settings. */
async function prepare(where: Folders, options: SweepOptions, onCluster: boolean): Promise<PreparedSweep> {
  const { folder, folders } = where;
  await checkData(where, options);
  // The method that needs most memory comes last.
  const methods: Hyper['method'][] = options.method === 'both' ? ['lora', 'full'] : [options.method];
  const largest = { ...options, method: methods.at(-1)! };
  checkSchedule(largest);
  const base = await fetchBase(options.base, largest);
  const [checked] = await Promise.all(
    methods.map((method) => checkBase(base.path, { ...options, method, base: base.id })),
  );
  const place = onCluster ? workerTarget(options) : await localTarget(options);
  const { backend } = place;
  const precision = (method: Hyper['method']) =>
    options.precision === 'auto' ? place.precision(method) : options.precision;
  const hyper = toHyper(largest, options.steps, precision(largest.method), 1);
  const { settings, memoryBytes } = await place.fit(checked!, hyper);
  const reading: Reading = {
    folder,
    folders,
    basePath: base.path,
    plan: (tokenizer) => toCorpusPlan(folder, options, tokenizer, tokenBudget(options)),
    seed: options.seed,
    yes: options.yes,
    json: options.json,
  };
  return withCorpus(sweepsDir(), reading, async (corpus, { plan, summary }) => {
    const requested: NewSweep = {
      folder: folder ?? '',
      ...(folders && { folders: [...folders] }),
      corpus: plan,
      corpusDigest: summary.digest,
      base: { id: base.id, path: base.path, sha256: base.sha256 },
      methods: methods.map((method) => ({
        method,
        precision: precision(method),
        rates: chooseRates(method, checked!.config, options),
      })),
      extend: options.grid === undefined,
      hyper: { ...hyper, ...settings },
      ...specPart('run', largest),
      ...(onCluster && { backend }),
      planned: backend,
      heldOutWindows: options.heldOutWindows,
      versions: { 'forget-me-not': version, node: process.version },
    };
    const resumed = await findStarted(requested, options);
    return { sweep: resumed ?? (await createSweep(requested, corpus)), isNew: !resumed, memoryBytes };
  });
}

async function findStarted(requested: NewSweep, { json }: SweepOptions): Promise<Sweep | undefined> {
  const resumed = await findUnfinished(requested);
  if (!resumed) return undefined;
  const done = resumed.lines.filter(({ type }) => type === 'trial').length;
  if (!json)
    print(`Resuming sweep ${resumed.spec.id}: ${done} ${done === 1 ? 'trial is' : 'trials are'} done.`);
  return resumed;
}

function chooseRates(method: Hyper['method'], base: BaseShape, options: SweepOptions): number[] {
  if (!options.grid) return defaultGrid(method, options.optimizer, base);
  const scale = options.method === 'both' && method === 'full' ? EXPECTED_RATIO : 1;
  return options.grid.map((rate) => Number((rate * scale).toPrecision(6)));
}

/** Throws `diverged` when a method has no stable rate; its curve is still shown and kept. */
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

/**
 * Resolves when the sweeper is done or was stopped. Throws the error that it ended with. `onCluster`: the trials run on
 * a cluster, and continue there when the child that follows them is stopped.
 */
async function followSweeper(dir: string, view: SweepView, onCluster = false): Promise<void> {
  let stopped = false;
  await followChild(onCluster ? 'cluster-follower' : 'sweeper', [dir], {
    schema: sweeperMessageSchema,
    log: join(dir, 'sweeper.log'),
    onStop() {
      if (!stopped && !onCluster) note('', 'Stopping after this step; finished trials are kept.');
      stopped = true;
    },
    async onMessage(message) {
      if (message.type === 'progress') view.progress(message);
      else if (message.type === 'trial') await showNewest(dir, view);
      else if (message.type === 'note') note(message.message);
    },
  });
}

async function showNewest(dir: string, view: SweepView): Promise<void> {
  const { spec, lines } = await readSweep(dir);
  const newest = lines.findLast((line) => line.type === 'trial');
  const result = concludeSweep(spec, lines).find(({ method }) => method === newest?.method);
  const rate = result?.rates.find(({ learningRate }) => learningRate === newest?.learningRate);
  if (result && rate) view.trial(result.method, rate);
}
