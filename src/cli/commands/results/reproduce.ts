import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { lowRankOperations } from '../../../evaluation/spectrum/low-rank.ts';
import { chooseTasks } from '../../../evaluation/tasks/index.ts';
import { averagedTasks } from '../../../findings/forgetting-metric.ts';
import { linearNames, linearShape, type ModelConfig } from '../../../model/index.ts';
import { UserError } from '../../../text/errors.ts';
import { reproductionsDir } from '../../../platform/files/paths.ts';
import { claimIds, type ClaimId } from '../../../protocol/reproduction.ts';
import { corpusPlanSchema, type Hyper, type RunSpec } from '../../../protocol/run.ts';
import { openCorpus } from '../../../corpus/index.ts';
import type { MachineGuess } from '../../../reproduce/costs.ts';
import { defaultFolder } from '../../../reproduce/default-folder.ts';
import type { ReproductionContext } from '../../../reproduce/ledger.ts';
import { reproduceOnCluster } from '../../../reproduce/on-cluster.ts';
import { reproduce } from '../../../reproduce/reproduce.ts';
import {
  corpusDir,
  createReproduction,
  findReproduction,
  findUnfinished,
  requireCurrentFormat,
  type Reproduction,
} from '../../../reproduce/store.ts';
import { PART_RANKS } from '../../../reproduce/variants.ts';
import { withTraining, type TrainingLock } from '../../../runs/index.ts';
import { globOptions, type GlobOptions } from '../../../training/options/data.ts';
import { trainOptions, type TrainOptions } from '../../../training/options/index.ts';
import { clusterOptions, machineOptions, type ClusterOptions } from '../../../training/options/place.ts';
import { addOptions } from '../../options/add-options.ts';
import { checkData } from '../../options/data-options.ts';
import { fetchBase } from '../../machine/fetch-base.ts';
import { localTarget, workerTarget } from '../../machine/training-target.ts';
import { onInterrupt } from '../../processes/child.ts';
import { clusterLauncher, deleteUnsent, isOnCluster } from '../../processes/cluster-reproduction.ts';
import { printClaims, reproductionView } from '../../view/reproduction-view.ts';
import { chosenCluster, type ChosenCluster } from '../../options/cluster-options.ts';
import { checkResumed } from '../../options/resumed.ts';
import { withCorpus, type Reading } from '../../read-corpus.ts';
import { localLauncher } from '../../processes/reproduce-launcher.ts';
import { isRefused } from '../../processes/send-work.ts';
import { between, integer } from '../../../training/options/values.ts';
import { toHyper } from '../../options/train-options.ts';
import { version } from '../../version.ts';
import { checkBase, expectedSpeed } from '../fine-tune/train.ts';
import { note, print } from '../../view/output.ts';

interface Options extends ClusterOptions, GlobOptions {
  budget: number;
  base: string;
  claims?: ClaimId[];
  seeds?: number;
  data: Record<string, string>;
  seq: number;
  backend: RunSpec['backend'];
  resume?: string;
  yes?: boolean;
  json?: boolean;
  verbose?: boolean;
}

export function reproduceCommand(): Command {
  const command = new Command('reproduce')
    .description(
      'test the claims of the paper "LoRA Learns Less and Forgets Less" within a time budget, on this machine or a cluster',
    )
    .argument(
      '[folder]',
      "folder of text to learn (default: Python's standard library, else this package's own dependencies)",
    );
  addOptions(command, globOptions)
    .option(
      '--budget <minutes>',
      'time budget in minutes; it ends within this time. With --on: as much work as one machine would do in this time',
      between(0.5, 1e5),
      60,
    )
    .option(
      '--base <ref>',
      'a known base, a .gguf file, or owner/name[:file] on Hugging Face',
      'smollm2-135m',
    )
    .option(
      '--claims <list>',
      `claims to test, separated by commas: ${claimIds.join(', ')} (default: all)`,
      claimList,
    )
    .option(
      '--seeds <n>',
      'seeds of each run; a difference between runs is decided from 3 (default: 3 for each claim that there is time for, else 1)',
      integer(1),
    )
    .option(
      '--data <task=file>',
      `also measure the main runs on a benchmark, for the average of forgetting: ${averagedTasks.join(', ')}`,
      dataFile,
      {},
    )
    .option('--seq <tokens>', 'sequence length in tokens', integer(8), 256);
  return addOptions(command, { backend: machineOptions.backend, ...clusterOptions })
    .option(
      '--resume <id>',
      'resume a reproduction that was stopped or ran out of budget, or reattach to one on a cluster',
    )
    .option('--yes', 'download what is missing, and send to a cluster, without asking')
    .option('--json', 'print the claims as JSON, progress as JSON lines on stderr')
    .action(async (folder: string | undefined, options: Options) => {
      checkResumed(command, 'reproduction');
      const cluster = await chosenCluster(options);
      const found = options.resume === undefined ? undefined : await findReproduction(options.resume);
      if (found) requireCurrentFormat(found);
      if (cluster && found && !found.spec.elsewhere) throw isLocal(found);
      if (cluster || found?.spec.elsewhere) {
        const isGiven = command.getOptionValueSource('budget') === 'cli';
        const budget = found && !isGiven ? found.spec.budgetMinutes : options.budget;
        return run({ folder, found, cluster }, { ...options, budget });
      }
      await withTraining('A reproduction', (lock) => run({ folder, found }, options, lock));
    });
}

const isLocal = ({ spec }: Reproduction) =>
  new UserError(
    'bad-argument',
    `Reproduction ${spec.id} was begun on this machine, and its runs are here.`,
    'Resume it without --on, or start a new one.',
  );

function claimList(text: string): ClaimId[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !(claimIds as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`There is no claim "${unknown}". The claims are: ${claimIds.join(', ')}.`);
  return claimIds.filter((id) => names.includes(id));
}

function dataFile(text: string, all: Record<string, string>): Record<string, string> {
  const [task, file] = text.split(/=(.*)/s);
  if (!file) throw new InvalidArgumentError('It must be TASK=FILE.');
  if (!averagedTasks.includes(task!))
    throw new InvalidArgumentError(`Benchmarks are ${averagedTasks.join(', ')}.`);
  chooseTasks([task!]);
  return { ...all, [task!]: resolve(file) };
}

/** Seconds of the budget that are reserved for stopping a child process and for judging. */
const reservedSeconds = (minutes: number) => Math.min(25, 0.1 * 60 * minutes);
/** Maximum tokens of training text: more than are read with a budget of an hour. */
const MAX_TOKENS = 300_000;
/** Below this budget in minutes, fewer items are measured. */
const SHORT = 20;

interface Start {
  /** The folder named by the user. */
  folder: string | undefined;
  /** The reproduction to resume. */
  found: Reproduction | undefined;
  /** The cluster named by --on. */
  cluster?: ChosenCluster | undefined;
}

/** `lock`: here, with its trainers under this lock; without one, on a cluster. */
async function run(start: Start, options: Options, lock?: TrainingLock): Promise<void> {
  const began = performance.now();
  const { json = false, verbose = false } = options;
  if (!lock) checkNoLocalData(options);
  const { repro, memoryBytes, isNew, environment } = await prepare(start, options, !lock);
  const { cluster } = start;
  const there = lock ? undefined : await clusterLauncher(repro, { ...options, cluster, memoryBytes });
  const { signal: stop, release } = stopOnInterrupt(
    there ? 'Leaving it; the work goes on on the cluster.' : 'Stopping; finished work is kept.',
  );
  const trainTokens = (await openCorpus(corpusDir(repro.dir))).train.length;
  const reporter = reproductionView(json);
  const settings = { reporter, stop, ...environment, trainTokens };
  const reserved = reservedSeconds(options.budget);
  const budgetSeconds = 60 * options.budget;
  try {
    const results = there
      ? await reproduceOnCluster(repro, { ...settings, launcher: there, budgetSeconds })
      : await reproduce(repro, {
          ...settings,
          launcher: localLauncher(repro, { verbose, lock: lock!, grace: 400 * reserved }),
          deadline: began + 1000 * (budgetSeconds - reserved),
        });
    reporter.end();
    const onCluster = there && (await isOnCluster(repro));
    printClaims(repro, results, { json, seconds: (performance.now() - began) / 1000, onCluster });
  } catch (error) {
    reporter.end();
    if (there && isNew && isRefused(error)) await deleteUnsent(repro);
    throw error;
  } finally {
    release();
  }
}

/** Benchmark files on this machine can't be used on a cluster. */
function checkNoLocalData({ data }: Options): void {
  const [task] = Object.keys(data);
  if (task === undefined) return;
  throw new UserError(
    'bad-argument',
    `--data ${task}=... is a file of this machine, and what is measured on a cluster reads no files from here.`,
    'Leave it out, or leave --on out.',
  );
}

/** Installed late, because the earlier steps handle Ctrl+C themselves. */
function stopOnInterrupt(message: string): { signal: AbortSignal; release(): void } {
  const stop = new AbortController();
  const release = onInterrupt(() => {
    if (!stop.signal.aborted) note('', message);
    stop.abort();
  });
  return { signal: stop.signal, release };
}

interface Prepared {
  repro: Reproduction;
  environment: Omit<ReproductionContext, 'trainTokens'>;
  /** On a cluster: the memory that a run of each method needs there. */
  memoryBytes: Record<Hyper['method'], number>;
  /** It was created just now. */
  isNew: boolean;
}

/** Finds the base, the text and a reproduction to resume; creates a new one if there is none. */
async function prepare(
  { folder: named, found }: Start,
  options: Options,
  onCluster: boolean,
): Promise<Prepared> {
  const reference = found ? found.spec.base.path : options.base;
  const base = await fetchBase(reference, { ...options, method: 'full' });
  if (found && base.sha256 !== found.spec.base.sha256)
    throw new UserError(
      'base-checksum',
      `${base.path} is not the file that this reproduction began with.`,
      'Put that file back, or start a new reproduction.',
    );
  const { sequenceLength: seq = options.seq, backend: requested = options.backend } = found?.spec ?? {};
  const train = trainDefaults({ ...options, base: base.id, seq, backend: requested });
  const checked = await checkBase(base.path, { ...train, targets: [], method: 'full' });
  const { config } = checked;
  const wanted = { ...train, json: options.json === true };
  const place = onCluster ? workerTarget(wanted) : await localTarget(wanted);
  const { backend } = place;
  const precision = { lora: place.precision('lora'), full: place.precision('full') };
  const speed = (method: 'lora' | 'full') =>
    expectedSpeed(base, { method, precision: precision[method], backend });
  const tokensPerSecond = { lora: await speed('lora'), full: await speed('full') };
  const environment = {
    machine: machineGuess(config, tokensPerSecond),
    shape: config,
    largestRank: Math.min(...listShapes(config).flat()),
  };
  const createHyper = (method: Hyper['method']) => toHyper({ ...train, method }, 1, precision[method], 1);
  const fit = async () => {
    const { settings: fitted, memoryBytes: full } = await place.fit(checked, createHyper('full'));
    const silent = onCluster && workerTarget({ ...wanted, json: true });
    const lora = silent ? (await silent.fit(checked, createHyper('lora'))).memoryBytes : 0;
    return { recompute: fitted.recompute, memoryBytes: { lora, full } };
  };
  if (found) {
    const memoryBytes = onCluster ? (await fit()).memoryBytes : { lora: 0, full: 0 };
    return { repro: found, memoryBytes, isNew: false, environment };
  }

  const { include, exclude } = options;
  const { folder, what } = named
    ? { folder: resolve(named), what: '' }
    : await defaultFolder(fileURLToPath(new URL('../node_modules', import.meta.url)));
  if (!options.json && what) print(`Text: ${what}, ${folder}`);
  await checkData({ folder }, { mode: 'pretrain' });
  const { recompute, memoryBytes } = await fit();
  const reading: Reading = {
    folder,
    basePath: base.path,
    plan: () => corpusPlanSchema.parse({ include, exclude, maxTokens: MAX_TOKENS }),
    seed: 0,
    yes: options.yes,
    json: options.json,
  };
  return withCorpus(reproductionsDir(), reading, async (corpus, { plan, summary }) => {
    const short = options.budget < SHORT;
    const requested = {
      folder,
      corpus: plan,
      corpusDigest: summary.digest,
      base: { id: base.id, path: base.path, sha256: base.sha256 },
      budgetMinutes: options.budget,
      claims: options.claims ?? [...claimIds],
      seeds: options.seeds,
      data: options.data,
      sequenceLength: options.seq,
      heldOutWindows: short ? 16 : 32,
      retentionTexts: short ? 8 : 16,
      recompute,
      precision,
      backend: onCluster ? backend : options.backend,
      ...(onCluster && { elsewhere: onCluster }),
      versions: { 'forget-me-not': version, node: process.version },
    };
    const unfinished = await findUnfinished(requested);
    if (unfinished && !options.json) print(`Resuming ${unfinished.spec.id}.`);
    const repro = unfinished ?? (await createReproduction(requested, corpus));
    return { repro, memoryBytes, isNew: !unfinished, environment };
  });
}

/** The defaults of `train`. */
function trainDefaults(given: Pick<TrainOptions, 'base' | 'seq' | 'backend'>): TrainOptions {
  const command = addOptions(new Command(), trainOptions).exitOverride();
  return { ...command.parse([], { from: 'user' }).opts<TrainOptions>(), ...given };
}

const listShapes = (config: ModelConfig) => linearNames(config).map((name) => linearShape(config, name));

/** An estimate from the base's size; the sweep measures it later. */
function machineGuess(config: ModelConfig, tokensPerSecond: MachineGuess['tokensPerSecond']): MachineGuess {
  const shapes = listShapes(config);
  const weights = shapes.reduce((sum, [rows, columns]) => sum + rows * columns, 0);
  return {
    tokensPerSecond,
    start: 1.5 + (5 * weights) / 1e8,
    forward: 0.55,
    spectrumOperations: shapes.reduce(
      (sum, shape) => sum + PART_RANKS.reduce((own, rank) => own + lowRankOperations(shape, rank), 0),
      0,
    ),
  };
}
