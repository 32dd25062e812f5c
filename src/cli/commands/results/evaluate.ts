import { Command, InvalidArgumentError, Option } from 'commander';
import { parseHubReference } from '../../../base-models/hub.ts';
import { findKnownBase } from '../../../base-models/registry.ts';
import type { ResolvedBase } from '../../../base-models/resolve.ts';
import { settingNames, type SettingName } from '../../../evaluation/task.ts';
import { chooseTasks, taskNames } from '../../../evaluation/tasks/index.ts';
import { commitsSentence } from '../../../findings/commits-sentence.ts';
import { UserError } from '../../../text/errors.ts';
import type { Metric, Summary } from '../../../protocol/evaluation.ts';
import { evaluatorMessageSchema, type EvaluatorMessage } from '../../../protocol/evaluator.ts';
import { lowerPriority } from '../../../platform/processes/low-priority.ts';
import { forTerminal } from '../../../text/next-step.ts';
import { findRun, readSpec, trainingNow } from '../../../runs/index.ts';
import { followChild } from '../../processes/follow-child.ts';
import { clusterOptions, type ClusterOptions } from '../../../training/options/place.ts';
import { addOptions } from '../../options/add-options.ts';
import { chosenCluster } from '../../options/cluster-options.ts';
import { sendEvaluation } from '../../processes/cluster-job.ts';
import { fetchBase } from '../../machine/fetch-base.ts';
import { LiveLine, note, noteJson, print, printJson, printProgress } from '../../view/output.ts';
import { checkServed, describeServed } from '../../processes/served-check.ts';
import { comparisonTable, metricTable } from '../../view/tables.ts';
import { integer } from '../../../training/options/values.ts';
import { english } from '../../../text/message.ts';

interface Options extends ClusterOptions {
  tasks?: string;
  data: string[];
  limit?: number;
  setting?: SettingName;
  checkpoint?: number;
  check?: boolean;
  background?: boolean;
  yes?: boolean;
  json?: boolean;
  verbose?: boolean;
}

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('measure a finished run and its base, or a model without a run')
    .argument(
      '<run|model>',
      'id of a run, the start of one, or latest; or a known base, a .gguf file, owner/name[:file] on Hugging Face',
    )
    .option(
      '--tasks <list>',
      `tasks to measure, separated by commas: ${taskNames.join(', ')} (default: those that the run planned; for a model, all that need no run)`,
    )
    .option(
      '--data <task=file>',
      "read a task's data from a .jsonl, .json or .parquet file, or from another data set on Hugging Face",
      dataFile,
      [],
    )
    .option('--limit <n>', 'maximum number of items to measure per task', integer(1))
    .addOption(
      new Option('--setting <name>', 'quick (takes minutes) or paper (measures as the paper did)').choices(
        settingNames,
      ),
    )
    .option(
      '--checkpoint <step>',
      'measure this checkpoint of the run instead of its result, even while it trains; 0: what it began with',
      integer(0),
    )
    .option('--check', 'measure nothing, only check that the served model matches the trained one')
    .option('--background', 'let all other programs on this machine go first');
  return addOptions(command, clusterOptions)
    .option('--yes', 'download a model, and send a run to a cluster, without asking')
    .option('--json', 'print the metrics as a JSON array')
    .action(evaluate);
}

function dataFile(text: string, all: string[]): string[] {
  if (!/^[^=]+=/.test(text)) throw new InvalidArgumentError('It must be TASK=FILE.');
  return [...all, text];
}

/** step 0 is the base, or a model measured without a run. */
type StepMetric = Metric & { step: number };

export function proofCommand(): Command {
  return new Command('proof')
    .description('measure a run on what was committed after it: would it have helped to write that?')
    .argument('[run]', 'id of a run, the start of one, or latest', 'latest')
    .addOption(
      new Option('--setting <name>', 'quick (the newest 30 commits) or paper (200)').choices(settingNames),
    )
    .option('--background', 'let all other programs on this machine go first')
    .option('--json', 'print the metrics as a JSON array')
    .action(async (run: string, options: Options) =>
      evaluate(await findRun(run), { ...options, data: [], tasks: 'commits' }),
    );
}

async function evaluate(reference: string, options: Options): Promise<void> {
  if (options.tasks) chooseTasks(options.tasks.split(','));
  // Child processes inherit it.
  if (options.background) lowerPriority();
  const cluster = await chosenCluster(options);
  const target = await findTarget(reference, options);
  if (cluster) requireRun(target, reference, options);
  if (options.checkpoint !== undefined && !('dir' in target))
    throw new UserError(
      'bad-argument',
      `${reference} is a model, and only runs have checkpoints.`,
      'Name a run, or leave --checkpoint out.',
    );
  if (options.check) return check(target, reference, options);
  const what = 'dir' in target ? [target.dir] : ['--model', target.path, '--name', target.id];
  const args = [
    ...(options.checkpoint === undefined ? [] : ['--checkpoint', String(options.checkpoint)]),
    ...(options.tasks ? ['--tasks', options.tasks] : []),
    ...options.data.flatMap((value) => ['--data', value]),
    ...(options.limit ? ['--limit', String(options.limit)] : []),
    ...(options.setting ? ['--setting', options.setting] : []),
    ...(options.verbose ? ['--verbose'] : []),
  ];
  if (cluster && 'dir' in target) await sendEvaluation(target.dir, args, cluster, options);
  const training = await trainingNow();
  if (training && !cluster)
    note(`${english(training)} is in progress on this machine; both take longer side by side.`);
  const metrics: StepMetric[] = [];
  const child = cluster ? 'cluster-follower' : 'evaluator';
  const summary = await runEvaluator(child, cluster ? what : [...what, ...args], (message) => {
    if (message.type === 'result') metrics.push({ step: message.step, ...message.result });
    else if (message.type === 'progress') showProgress(message, options.json === true);
    else if (message.type === 'warning' && options.json) noteJson(message);
    else if (message.type === 'warning') note(forTerminal(message.message));
  });
  if (cluster && !summary) return note('It goes on on the cluster; the same command attaches to it again.');
  if (options.json) return printJson(metrics);
  if (!('dir' in target) || options.checkpoint === 0) return print(metricTable(metrics));
  const measured = new Set(metrics.map(({ task }) => task));
  const comparisons = summary!.comparisons.filter(({ task }) => measured.has(task));
  const spec = await readSpec(target.dir);
  const sentence =
    options.tasks === 'commits' ? commitsSentence(spec.name, summary!.commits) : summary!.sentence;
  print(comparisonTable(comparisons, { spec }), sentence);
  if (options.checkpoint === undefined) print('', `Metrics: ${target.dir}/evaluation/summary.json`);
}

/** A cluster measures only runs; a model without a run has no directory for the results. */
function requireRun(target: object, reference: string, { check }: Options): void {
  if ('dir' in target && !check) return;
  throw new UserError(
    'bad-argument',
    check
      ? '--check compares what this machine serves, so it takes no cluster.'
      : `${reference} is a model, and only runs are measured on a cluster.`,
    check ? 'Leave --on out.' : 'Name a run, or leave --on out.',
  );
}

async function check(target: object, reference: string, { json, verbose }: Options): Promise<void> {
  if (!('dir' in target))
    throw new UserError('bad-argument', `${reference} is a model, but --check needs a run.`, 'Name a run.');
  const served = await checkServed(target.dir as string, {
    onProgress: (message) => showProgress(message, json === true),
    verbose,
  });
  if (json) printJson(served);
  else print(describeServed(served!));
}

/** The name of a known base means that base; otherwise a run, a model file, or a model's name on the hub. */
async function findTarget(reference: string, options: Options): Promise<{ dir: string } | ResolvedBase> {
  if (findKnownBase(reference)) return fetchBase(reference, options);
  try {
    return { dir: await findRun(reference) };
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'run-not-found') throw error;
    if (/\.gguf$/i.test(reference) || parseHubReference(reference)) return fetchBase(reference, options);
    throw new UserError(
      error.code,
      error.message,
      `${error.next} For a model, give a known base (see {models}), a .gguf file, or owner/name on Hugging Face.`,
    );
  }
}

const liveLine = new LiveLine(process.stderr);

function showProgress(
  { phase, done, total, etaSeconds }: EvaluatorMessage & { type: 'progress' },
  json: boolean,
): void {
  if (json)
    printProgress({ phase, done, total, unit: 'items', ...(etaSeconds === undefined ? {} : { etaSeconds }) });
  else {
    liveLine.show(`${phase} ${done} of ${total}`);
    if (done === total) liveLine.keep();
  }
}

/**
 * Runs the evaluator as a child process and returns its summary if it measured a run. Its error is thrown; Ctrl+C stops
 * it.
 */
async function runEvaluator(
  name: 'evaluator' | 'cluster-follower',
  args: string[],
  onMessage: (message: EvaluatorMessage) => void,
): Promise<Summary | undefined> {
  let summary: Summary | undefined;
  await followChild(name, args, {
    schema: evaluatorMessageSchema,
    onMessage: (message) => {
      if (message.type === 'summary') summary = message.summary;
      else onMessage(message);
    },
    verbose: true,
  });
  return summary;
}
