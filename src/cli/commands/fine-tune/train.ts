import { join } from 'node:path';
import { Command } from 'commander';
import { chooseFolders, readManifest } from '../../../corpus/index.ts';
import { elementCount, readHeader } from '../../../gguf/index.ts';
import { readConfig } from '../../../model/config.ts';
import { checkRank, chooseTargets } from '../../../model/targets.ts';
import { UserError } from '../../../text/errors.ts';
import { english, msg, withTexts } from '../../../text/message.ts';
import type { Folders } from '../../../protocol/folders.ts';
import { networkDrive, networkDriveWarning } from '../../../platform/files/network-drive.ts';
import { forTerminal } from '../../../text/next-step.ts';
import { dataDir, runsDir } from '../../../platform/files/paths.ts';
import { renamePatiently } from '../../../platform/files/write-file.ts';
import {
  tokensPerStep,
  type BackendName,
  type EvaluationPlan,
  type Hyper,
  type RunSpec,
} from '../../../protocol/run.ts';
import { plannedTasks } from '../../../evaluation/tasks/index.ts';
import { describeTimes, expectedTimes } from '../../../evaluation/time.ts';
import { createRun, withTraining, type TrainingLock } from '../../../runs/index.ts';
import { gpuProductRate } from '../../../tensor/devices/plan.ts';
import { guessTokensPerSecond } from '../../../training/speed-guess.ts';
import { storedBytesOf } from '../../../training/memory/stored.ts';
import { requireRunSpace } from '../../../training/checkpoints/disk.ts';
import { checkpointPart, knownCosts, TRAINING, type KnownCosts } from '../../../training/measured-costs.ts';
import {
  atLength,
  chooseLearningRate,
  type RateAnswer,
  type RateQuestion,
} from '../../../training/learning-rate/choose.ts';
import { placeEarlierAdapter } from '../../../training/continued.ts';
import { measuredSpeeds } from '../../../training/measured-speed.ts';
import {
  trainOptions,
  specPart,
  type AllOptions,
  type TrainOptions,
} from '../../../training/options/index.ts';
import { addOptions } from '../../options/add-options.ts';
import {
  continuedOptions,
  findContinued,
  requireChange,
  type Continued,
} from '../../options/continue-run.ts';
import { engineTarget, withEngine } from '../../options/engine-options.ts';
import { fetchBase } from '../../machine/fetch-base.ts';
import type { CheckedBase } from '../../machine/fit-machine.ts';
import { startingReference } from '../../machine/reference-adapter.ts';
import { localTarget, workerTarget } from '../../machine/training-target.ts';
import { chosenCluster, type ChosenCluster } from '../../options/cluster-options.ts';
import { launchOnCluster } from '../../processes/cluster-job.ts';
import { finishRun } from '../../processes/finish-run.ts';
import { launchDetached } from '../../processes/launch.ts';
import { fewFilesWarning } from '../../options/few-files.ts';
import { checkData, defaultName, toCorpusPlan } from '../../options/data-options.ts';
import { formatDuration } from '../../view/format.ts';
import { noteJson, print, printJson } from '../../view/output.ts';
import { readReplay, withCorpus, type Reading } from '../../read-corpus.ts';
import {
  budgetInSteps,
  checkBudget,
  checkSchedule,
  toEvaluationPlan,
  tokenBudget,
  toHyper,
} from '../../options/train-options.ts';
import { version } from '../../version.ts';

export function trainCommand(): Command {
  const command = new Command('train')
    .description('fine-tune a base on one or more folders of code, a data set, or both')
    .argument('[folders...]', 'the folders that hold the code');
  return addOptions(command, trainOptions).action(async (named: string[], options: AllOptions) => {
    const given = chooseFolders(named);
    if (options.continue === undefined) return train(given, options);
    const continued = await findContinued(options.continue, given);
    const isGiven = (name: string) => command.getOptionValueSource(name) === 'cli';
    await train(continued.where, continuedOptions(continued, options, isGiven), continued);
  });
}

async function train(where: Folders, asked: AllOptions, continued?: Continued): Promise<void> {
  const { engine, options } = withEngine(asked);
  await checkData(where, options);
  checkBudget(options);
  checkSchedule(options);
  const drive = networkDrive(dataDir());
  if (drive && !options.json) print(networkDriveWarning(dataDir(), drive));
  const evaluation = toEvaluationPlan(options);
  const name = options.name ?? defaultName(where, options);
  const cluster = await chosenCluster(options);
  const named = { ...options, name };
  if (cluster) return prepareAndStart({ where, evaluation, start: cluster, continued, engine }, named);
  await withTraining(msg`The training of ${name}`, (lock) =>
    prepareAndStart({ where, evaluation, start: lock, continued, engine }, named),
  );
}

interface Preparation {
  where: Folders;
  evaluation: EvaluationPlan;
  /** The cluster that trains, or the training lock of this machine. */
  start: ChosenCluster | TrainingLock;
  /** The run that this one continues. */
  continued: Continued | undefined;
  /** The external trainer, if any. */
  engine: RunSpec['engine'];
}

/** Prepares everything the run needs, creates it, and starts its trainer. */
async function prepareAndStart(
  { where, evaluation, start, continued, engine }: Preparation,
  options: AllOptions & { name: string },
): Promise<void> {
  const base = continued?.spec.base ?? (await fetchBase(options.base, options));
  const checked = await checkBase(base.path, { ...options, base: base.id });
  const { config } = checked;
  const there = 'client' in start ? workerTarget(options) : undefined;
  const place = engine ? engineTarget(engine, there?.backend) : (there ?? (await localTarget(options)));
  const { backend } = place;
  const precision = options.precision === 'auto' ? place.precision(options.method) : options.precision;
  const atCheckpoints = evaluation.checkpointTasks.length > 0;
  // Memory does not depend on the learning rate.
  const asked = toHyper(options, 1, precision, 1);
  const { settings, memoryBytes } = await place.fit(checked, asked, atCheckpoints);

  // Read before the run is created, so that an empty folder leaves no run behind.
  const { folder, folders } = where;
  const reading: Reading = {
    folder,
    folders,
    basePath: base.path,
    plan: (tokenizer) => toCorpusPlan(folder, options, tokenizer, tokenBudget(options)),
    seed: options.seed,
    earlier: continued?.corpus,
    followed: !options.detach,
    yes: options.yes,
    json: options.json,
  };
  return withCorpus(runsDir(), reading, async (corpus, { plan, summary }) => {
    if (continued) requireChange(continued.spec, summary);
    const { method, device } = options;
    const known = await knownCosts({ base, method, backend });
    const tokensPerSecond = await expectedSpeed(base, { method, precision, backend, device }, known);
    const trainTokens = summary.changed?.passTokens ?? summary.trainTokens;
    const steps = budgetInSteps(options, { trainTokens, tokensPerSecond });
    const unrated = { ...toHyper(options, steps, precision, 1), ...settings };
    const isAlone = continued || !options.reference;
    const reference = isAlone ? undefined : await startingReference(base, { config, hyper: unrated, plan });
    const kind = { shape: config, baseSha256: base.sha256, hyper: unrated, corpus: plan, reference };
    const learningRate = await learningRateFor({ ...kind, steps }, options, continued);
    const hyper = { ...unrated, learningRate: learningRate.rate };
    await requireRunSpace(runsDir(), { config, hyper, evaluation, minutes: options.minutes });
    const material = {
      ...specPart('run', options),
      folder: folder ?? '',
      ...(folders && { folders: [...folders] }),
      corpus: plan,
      base: { id: base.id, path: base.path, sha256: base.sha256 },
      hyper,
      ...(continued && { continues: { run: continued.spec.id, sha256: continued.sha256 } }),
      ...(reference && { reference: { sha256: reference.sha256 } }),
    };
    const few = fewFilesWarning({ ...material, evaluation }, readManifest(corpus).kept);
    if (few && options.json) noteJson({ type: 'warning', ...withTexts({ message: few }) });
    else if (few) print(`  ${english(few)}`);
    await readReplay(corpus, material, options);
    const training =
      options.minutes === undefined ? (steps * tokensPerStep(hyper)) / tokensPerSecond : 60 * options.minutes;
    // Nothing is known about other machines.
    const expected =
      'client' in start || engine
        ? undefined
        : expectedTimes({ evaluation, hyper }, plannedTasks({ evaluation }), training, {
            known,
            speed: tokensPerSecond,
          });
    if (!options.json) {
      printCheckpointCost(evaluation, known);
      if (expected)
        print(
          options.detach || known(TRAINING)
            ? describeTimes(expected)
            : 'How long it takes is said after the first steps, which show how fast this machine is',
        );
    }
    const { dir, id, spec } = await createRun({
      ...material,
      ...withTexts({ learningRateReason: learningRate.reason }),
      ...(learningRate.assumed && { learningRateAssumed: true }),
      ...('client' in start && { backend }),
      planned: backend,
      ...(engine && { engine }),
      ...(expected && { expected }),
      evaluation,
      versions: { 'forget-me-not': version, node: process.version },
    });
    await placeEarlierAdapter(dir, spec, reference?.path);
    await renamePatiently(corpus, join(dir, 'corpus'));
    const trainer =
      'client' in start
        ? await launchOnCluster(dir, spec, start, { ...options, memoryBytes })
        : await launchDetached(dir, start);
    if (options.detach)
      return options.json
        ? printJson({ run: id, dir })
        : print(`Run ${id} is training; follow it with: forget-me-not show ${id}`);
    await finishRun(dir, trainer, options);
  });
}

/** Rejects what training would reject later, before any file is read. */
export async function checkBase(
  path: string,
  { base, seq, method, targets, rank }: TrainOptions,
): Promise<CheckedBase> {
  const gguf = await readHeader(path);
  const config = readConfig(gguf);
  if (seq > config.contextLength)
    throw new UserError(
      'bad-argument',
      `--seq ${seq} is longer than the context of ${base}, which is ${config.contextLength} tokens.`,
      `Give --seq ${config.contextLength} or less.`,
    );
  if (method === 'lora') checkRank(config, chooseTargets(config, targets), rank);
  return { config, baseBytes: gguf.size, storedBytes: storedBytesOf(gguf.tensors) };
}

/** Prints what measuring checkpoints will cost. */
function printCheckpointCost(evaluation: EvaluationPlan, known: KnownCosts): void {
  const { checkpointTasks, checkpointShare } = evaluation;
  if (checkpointTasks.length === 0) return;
  const cost = known(checkpointPart(evaluation));
  const each = cost === undefined ? '' : `, about ${formatDuration(cost.seconds)} each`;
  print(
    `At checkpoints: ${checkpointTasks.join(', ')}${each}; adds at most ${Math.round(100 * checkpointShare)}% to the training time`,
  );
}

/** The learning rate: as specified, from the continued run, or the best known for the base; prints which. */
async function learningRateFor(
  question: RateQuestion,
  options: Pick<AllOptions, 'lr' | 'optimizer' | 'json'>,
  continued: Continued | undefined,
): Promise<RateAnswer> {
  if (options.lr !== undefined) return { rate: options.lr, reason: msg`given` };
  // A rate for another optimiser would be meaningless.
  if (continued?.spec.hyper.optimizer === options.optimizer) {
    const same = { rate: continued.learningRate, reason: msg`the final rate of run ${continued.spec.id}` };
    const answer = atLength(same, question.shape, { from: continued.steps, to: question.steps });
    if (!options.json) print(`Learning rate ${answer.rate}, ${english(answer.reason)}`);
    return answer;
  }
  const answer = await chooseLearningRate(question);
  if (!options.json) print(forTerminal(`Learning rate ${answer.rate}, ${english(answer.reason)}`));
  return answer;
}

/**
 * Tokens per second to plan with: the speed of the last similar run on this machine, else an estimate from the model's
 * size and, on a GPU, from how fast that multiplies.
 */
export async function expectedSpeed(
  base: RunSpec['base'],
  how: Pick<Hyper, 'method' | 'precision'> & { backend: BackendName; device?: string | undefined },
  known?: KnownCosts,
): Promise<number> {
  const perToken = known?.(TRAINING)?.seconds;
  if (perToken) return 1 / perToken;
  const [newest] = (await measuredSpeeds(how)).get(base.sha256) ?? [];
  if (newest) return newest;
  const { tensors } = await readHeader(base.path);
  let parameters = 0;
  for (const { shape } of tensors.values()) parameters += elementCount(shape);
  const productRate = how.backend === 'webgpu' ? await gpuProductRate(how.precision, how.device) : undefined;
  return guessTokensPerSecond(parameters, { ...how, productRate });
}
