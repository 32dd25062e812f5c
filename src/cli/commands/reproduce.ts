import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { chooseTasks } from '../../evaluation/tasks/index.ts';
import { averagedTasks } from '../../training/checkpoints/forgetting-figure.ts';
import { linearNames, linearShape, type ModelConfig } from '../../model/index.ts';
import type { BaseShape } from '../../base-models/registry.ts';
import { UserError } from '../../protocol/errors.ts';
import { reproductionsDir } from '../../protocol/paths.ts';
import { claimIds, type ClaimId, type ClaimResult } from '../../protocol/reproduction.ts';
import { backendNames, corpusPlanSchema, type RunSpec } from '../../protocol/run.ts';
import { openCorpus } from '../../corpus/index.ts';
import type { MachineGuess } from '../../reproduce/costs.ts';
import { defaultFolder } from '../../reproduce/default-folder.ts';
import { claimsText } from '../../reproduce/report.ts';
import { reproduce, type Reporter } from '../../reproduce/reproduce.ts';
import {
  corpusDir,
  createReproduction,
  findReproduction,
  findUnfinished,
  reportPath,
  type Reproduction,
} from '../../reproduce/store.ts';
import { withTraining, type TrainingLock } from '../../runs/index.ts';
import { addGlobOptions, checkData } from '../options/data-options.ts';
import { fetchBase } from '../machine/fetch-base.ts';
import { fitToMachine } from '../machine/fit-machine.ts';
import { onInterrupt } from '../processes/child.ts';
import { formatDuration } from '../view/format.ts';
import { printJson, printProgress } from '../view/output.ts';
import { withCorpus, type Reading } from '../read-corpus.ts';
import { reproduceEngine } from '../processes/reproduce-engine.ts';
import { between, toHyper, whole, addTrainOptions, type TrainOptions } from '../options/train-options.ts';
import { version } from '../version.ts';
import { checkBase, expectedSpeed } from './train.ts';
import { plannedBackend, plannedPrecision } from '../machine/planned-backend.ts';

interface Options {
  budget: number;
  base: string;
  claims?: ClaimId[];
  data: Record<string, string>;
  include?: string[];
  exclude?: string[];
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
      'test the claims of the paper "LoRA Learns Less and Forgets Less" on this machine within a time budget',
    )
    .argument(
      '[folder]',
      "folder of text to learn (default: Python's standard library, else this package's own dependencies)",
    );
  return addGlobOptions(command)
    .option('--budget <minutes>', 'time budget in minutes; it ends within this time', between(0.5, 1e5), 60)
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
      '--data <task=file>',
      `also measure the main runs on a benchmark, for the average of forgetting: ${averagedTasks.join(', ')}`,
      dataFile,
      {},
    )
    .option('--seq <tokens>', 'sequence length in tokens', whole(8), 256)
    .addOption(
      new Option('--backend <name>', 'library that trains')
        .choices(['auto', ...backendNames])
        .default('auto'),
    )
    .option('--resume <id>', 'resume a reproduction that was stopped or ran out of budget')
    .option('--yes', 'download what is missing without asking')
    .option('--json', 'print the claims as JSON, progress as JSON lines on stderr')
    .action((folder: string | undefined, options: Options) =>
      withTraining('A reproduction', (lock) => run(folder, options, lock)),
    );
}

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
const reserve = (minutes: number) => Math.min(25, 0.1 * 60 * minutes);
/** The most tokens of training text: more than a budget of an hour reads. */
const MOST_TOKENS = 300_000;
/** Below this budget in minutes, fewer items are measured. */
const SHORT = 20;

async function run(folder: string | undefined, options: Options, lock: TrainingLock): Promise<void> {
  const began = performance.now();
  const { json = false, verbose = false } = options;
  const stop = new AbortController();
  const { repro, ...base } = await prepare(folder, options);
  // Only from here on: the steps before handle Ctrl+C themselves.
  const onStop = () => {
    if (!stop.signal.aborted) process.stderr.write('\nStopping; finished work is kept.\n');
    stop.abort();
  };
  const release = onInterrupt(onStop);
  const corpus = await openCorpus(corpusDir(repro.dir));
  const trainTokens = corpus.train.length;
  const reporter = json ? jsonReporter : new TextReporter();
  const results = await reproduce(repro, {
    engine: reproduceEngine(repro, { verbose, lock, grace: 400 * reserve(options.budget) }),
    reporter,
    deadline: began + 1000 * (60 * options.budget - reserve(options.budget)),
    stop: stop.signal,
    ...base,
    trainTokens,
  });
  release();
  if (reporter instanceof TextReporter) reporter.end();
  print(repro, results, { json, seconds: (performance.now() - began) / 1000 });
}

function print(
  { dir, spec }: Reproduction,
  results: readonly ClaimResult[],
  { json, seconds }: { json: boolean; seconds: number },
): void {
  if (json) return printJson({ reproduction: spec.id, dir, seconds, claims: results });
  console.log(`\n${claimsText(results)}\n`);
  const left = results.filter(({ verdict }) => verdict === 'not run').length;
  if (left)
    console.log(
      `${left} of ${results.length} claims were not tested. Resume with: forget-me-not reproduce --resume ${spec.id} --budget MINUTES`,
    );
  console.log(
    `Took ${formatDuration(seconds)}. Intervals cover the choice of items, not of random seeds.\nReport: ${reportPath(dir)}`,
  );
}

interface Prepared {
  repro: Reproduction;
  machine: MachineGuess;
  shape: BaseShape;
  largestRank: number;
}

/** Finds the base, the text and a reproduction to resume; creates a new one if there is none. */
async function prepare(named: string | undefined, options: Options): Promise<Prepared> {
  const found = options.resume ? await findReproduction(options.resume) : undefined;
  const reference = found ? found.spec.base.path : options.base;
  const base = await fetchBase(reference, { ...options, method: 'full' });
  if (found && base.sha256 !== found.spec.base.sha256)
    throw new UserError(
      'base-checksum',
      `${base.path} is not the file that this reproduction began with.`,
      'Put that file back, or start a new reproduction.',
    );
  const train = trainDefaults({ ...options, base: base.id, seq: found?.spec.sequenceLength ?? options.seq });
  const checked = await checkBase(base.path, { ...train, targets: [], method: 'full' });
  const { config } = checked;
  const backend = await plannedBackend(train);
  const fastest = await plannedPrecision(backend, train.device);
  const precision = {
    lora: fastest('lora'),
    full: fastest('full'),
  };
  const speed = (method: 'lora' | 'full') =>
    expectedSpeed(base, { method, precision: precision[method], backend });
  const tokensPerSecond = { lora: await speed('lora'), full: await speed('full') };
  const rest = {
    machine: machineGuess(config, tokensPerSecond),
    shape: config,
    largestRank: Math.min(...shapesOf(config).flat()),
  };
  if (found) return { repro: found, ...rest };

  const { include, exclude } = options;
  const { folder, what } = named
    ? { folder: resolve(named), what: '' }
    : await defaultFolder(fileURLToPath(new URL('../node_modules', import.meta.url)));
  if (!options.json && what) console.log(`Text: ${what}, ${folder}`);
  await checkData({ folder }, { mode: 'pretrain' });
  const { recompute } = await fitToMachine(
    checked,
    toHyper({ ...train, method: 'full' }, 1, precision.full, 1),
    backend,
    options,
  );
  const reading: Reading = {
    folder,
    basePath: base.path,
    plan: () => corpusPlanSchema.parse({ include, exclude, maxTokens: MOST_TOKENS }),
    seed: 0,
    yes: options.yes,
    json: options.json,
  };
  return withCorpus(reproductionsDir(), reading, async (corpus, { plan, summary }) => {
    const short = options.budget < SHORT;
    const asked = {
      folder,
      corpus: plan,
      corpusDigest: summary.digest,
      base: { id: base.id, path: base.path, sha256: base.sha256 },
      budgetMinutes: options.budget,
      claims: options.claims ?? [...claimIds],
      data: options.data,
      sequenceLength: options.seq,
      heldOutWindows: short ? 16 : 32,
      retentionTexts: short ? 8 : 16,
      recompute,
      precision,
      backend: options.backend,
      versions: { 'forget-me-not': version, node: process.version },
    };
    const begun = await findUnfinished(asked);
    if (begun && !options.json) console.log(`Resuming ${begun.spec.id}.`);
    return { repro: begun ?? (await createReproduction(asked, corpus)), ...rest };
  });
}

/** The defaults of `train`. */
function trainDefaults(given: Pick<TrainOptions, 'base' | 'seq' | 'backend'>): TrainOptions {
  const command = addTrainOptions(new Command()).exitOverride();
  return { ...command.parse([], { from: 'user' }).opts<TrainOptions>(), ...given };
}

const shapesOf = (config: ModelConfig) => linearNames(config).map((name) => linearShape(config, name));

/** A guess from the base's size; the sweep measures it later. */
function machineGuess(config: ModelConfig, tokensPerSecond: MachineGuess['tokensPerSecond']): MachineGuess {
  const shapes = shapesOf(config);
  const weights = shapes.reduce((sum, [rows, columns]) => sum + rows * columns, 0);
  return {
    tokensPerSecond,
    start: 1.5 + (5 * weights) / 1e8,
    forward: 0.55,
    // Base and change.
    spectrumOperations:
      2 * shapes.reduce((sum, [rows, columns]) => sum + rows * columns * Math.min(rows, columns), 0),
  };
}

/** A line for each stage; on a terminal, also one line below that rewrites itself. */
class TextReporter implements Reporter {
  private readonly live = process.stdout.isTTY === true;

  stage(title: string, number: number, of: number, eta: { stage: number; all: number }): void {
    this.end();
    console.log(
      `[${number}/${of}] ${title}: about ${formatDuration(eta.stage)}, ${formatDuration(eta.all)} for all that is planned`,
    );
  }
  phase(text: string): void {
    if (this.live) process.stdout.write(`\r\x1b[2K      ${text.slice(0, process.stdout.columns - 8)}`);
  }
  note(text: string): void {
    this.end();
    console.log(`      ${text}`);
  }
  end(): void {
    if (this.live) process.stdout.write('\r\x1b[2K');
  }
}

const jsonReporter: Reporter = {
  stage: (phase, done, total, { all }) =>
    printProgress({ phase, done: done - 1, total, unit: 'stages', etaSeconds: Math.round(all) }),
  phase() {},
  note: (text) => void process.stderr.write(`${JSON.stringify({ note: text })}\n`),
};
