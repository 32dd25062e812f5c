/** The options of `train`, and how they become hyper-parameters. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { UserError } from '../../protocol/errors.ts';
import { MEASURE_SHARE } from '../../evaluation/time.ts';
import { chooseTasks } from '../../evaluation/tasks/index.ts';
import {
  backendNames,
  evaluationPlanSchema,
  type BackendName,
  type EvaluationPlan,
  hyperSchema,
  moduleNames,
  type Hyper,
  type ModuleName,
} from '../../protocol/run.ts';
import { forgettingFigure, forgettingTasks } from '../../training/checkpoints/forgetting-figure.ts';
import { DEFAULT_COOLDOWN } from '../../training/default-rate.ts';
import { between, positive, whole } from './numbers.ts';

export interface TrainOptions {
  base: string;
  method: 'lora' | 'full';
  rank: number;
  alpha?: number;
  dropout: number;
  targets: string[];
  rankStabilised?: boolean;
  attentionDropout: number;
  lr?: number;
  rateTrials: boolean;
  optimizer: 'lionw' | 'adamw';
  schedule: Hyper['schedule'];
  warmup: number;
  cooldown?: number;
  weightDecay: number;
  clip: number;
  steps?: number;
  epochs?: number;
  tokens?: number;
  minutes?: number;
  seq: number;
  batch: number;
  accumulate: number;
  recompute?: boolean;
  precision: 'auto' | Hyper['precision'];
  evalEvery?: number;
  seed: number;
  backend: 'auto' | BackendName;
  device?: string;
  heldOutWindows: number;
  humaneval: number;
  retention: number;
  evalTasks?: string[];
  evalTasksEvery?: number;
  evalShare: number;
  forgettingLimit?: number;
  patience?: number;
  keep?: 'best' | 'last';
  strength: EvaluationPlan['strength'];
  measureShare: number;
  name?: string;
}

/** The GPU to train on. */
export const deviceOption = () =>
  new Option(
    '--device <name|number>',
    'GPU that trains, as doctor lists them; without it, the largest',
  ).argParser((text: string) => {
    if (text.trim()) return text.trim();
    throw new InvalidArgumentError('It must be the name of a GPU, or its number.');
  });
const strength = (text: string): EvaluationPlan['strength'] =>
  text === 'measured' ? text : between(0.01, 1)(text);

const groups: Record<string, ModuleName[]> = {
  all: [...moduleNames],
  mlp: ['gate', 'up', 'down'],
  attention: ['q', 'k', 'v', 'o'],
};
const taskList = (text: string): string[] =>
  text === 'none'
    ? []
    : text
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean);
/** Names are checked later, against the base. */
const targets = (text: string): string[] =>
  groups[text] ??
  text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);

export function addTrainOptions(command: Command): Command {
  const defaults = hyperSchema.parse({ learningRate: 1, steps: 1 });
  const evaluation = evaluationPlanSchema.parse({});
  return command
    .option(
      '--base <ref>',
      'the model to start from: a known base, a .gguf file, owner/name[:file] on Hugging Face, or auto: chosen for this machine',
      'auto',
    )
    .addOption(
      new Option('--method <method>', 'lora: train a small adapter; full: train all weights')
        .choices(['lora', 'full'])
        .default(defaults.method),
    )
    .option('--rank <r>', 'rank of the LoRA adapter', whole(1), defaults.rank)
    .option('--alpha <alpha>', 'LoRA alpha (default: twice the rank)', positive)
    .option('--dropout <p>', 'dropout on the input of LoRA modules', between(0, 0.9), defaults.dropout)
    .option(
      '--targets <list>',
      'target modules of LoRA: all, mlp, attention, or a list of q,k,v,o,gate,up,down or patterns such as "blk.*.ffn_*"',
      targets,
      defaults.targets,
    )
    .option('--rank-stabilised', 'scale LoRA by alpha / sqrt(rank) instead of alpha / rank, for high ranks')
    .option(
      '--attention-dropout <p>',
      'dropout on attention probabilities',
      between(0, 0.9),
      defaults.attentionDropout,
    )
    .option(
      '--lr <rate>',
      'peak learning rate (default: found by an earlier sweep, else by short trials before the first step or those of an earlier run)',
      positive,
    )
    .option(
      '--no-rate-trials',
      'run no short trials for the learning rate (they take 15% of the budget): use the default rate if no better one is known',
    )
    .addOption(
      new Option('--optimizer <name>', 'optimiser').choices(['lionw', 'adamw']).default(defaults.optimizer),
    )
    .addOption(
      new Option('--schedule <name>', 'how the learning rate changes over the run')
        .choices(['cosine', 'inverse-sqrt', 'constant'])
        .default(defaults.schedule),
    )
    .option(
      '--warmup <share>',
      'share of the run, at its start, in which the learning rate rises to its peak',
      between(0, 1),
      defaults.warmup,
    )
    .option(
      '--cooldown <share>',
      `share of the run, at its end, in which the learning rate falls to zero; not with cosine (default: ${DEFAULT_COOLDOWN} with inverse-sqrt)`,
      between(0, 1),
    )
    .option(
      '--weight-decay <rate>',
      'weight decay: the share of a weight that a step takes off is learning rate x this (AdamW), or this at the peak rate (LionW)',
      between(0, Infinity),
      defaults.weightDecay,
    )
    .option('--clip <norm>', 'largest gradient norm; 0: no clipping', between(0, Infinity), defaults.clip)
    .option('--steps <n>', 'budget in optimiser steps', whole(1))
    .option('--epochs <n>', 'budget in passes over the corpus (default: 4)', positive)
    .option('--tokens <n>', 'budget in tokens', whole(1))
    .option('--minutes <n>', 'budget in minutes of training; the number of steps is fitted to it', positive)
    .option('--seq <tokens>', 'sequence length in tokens', whole(8), defaults.sequenceLength)
    .option('--batch <n>', 'sequences per forward pass', whole(1), defaults.batch)
    .option('--accumulate <n>', 'forward passes per optimiser step', whole(1), defaults.accumulate)
    .option(
      '--recompute',
      'recompute activations in the backward pass: less memory, a third more work (on by itself when memory is short)',
    )
    .addOption(
      new Option(
        '--precision <p>',
        'precision of frozen weights and large matrix products (f16: of products only, on a GPU); auto: the fastest on this machine',
      )
        .choices(['auto', 'f32', 'bf16', 'f16'])
        .default('auto'),
    )
    .option(
      '--eval-every <steps>',
      'steps between measurements of the held-out loss, each with a checkpoint (default: a third of the run, at most 50)',
      whole(1),
    )
    .option(
      '--eval-tasks <list>',
      'tasks to measure at checkpoints as well, first on the base; or none (default: retention)',
      taskList,
    )
    .option(
      '--eval-tasks-every <steps>',
      'steps between measurements of --eval-tasks, rounded up to a multiple of --eval-every (default: --eval-every)',
      whole(1),
    )
    .option(
      '--eval-share <share>',
      'the most time that --eval-tasks may add, as a share of the training time; fewer checkpoints are measured if need be',
      between(0, Infinity),
      evaluation.checkpointShare,
    )
    .option(
      '--forgetting-limit <figure>',
      'keep the checkpoint that learned most among those that forgot no more than this: KL from the base in nats/token, or in the unit of the figure that --eval-tasks measure (default: no limit)',
      between(0, Infinity),
    )
    .option(
      '--patience <n>',
      'end training after this many measurements of the held-out loss in a row without improvement (default: never)',
      whole(1),
    )
    .addOption(
      new Option(
        '--keep <which>',
        'which checkpoint becomes the result (default: last; best with --forgetting-limit or --patience)',
      ).choices(['last', 'best']),
    )
    .addOption(
      new Option(
        '--measure-share <share>',
        'the most time that measuring the result may take, as a share of the training time (at least a minute, or what gives a figure); the rest can be measured later',
      )
        .argParser(positive)
        .default(MEASURE_SHARE, 'a third'),
    )
    .option(
      '--strength <share>',
      'factor for the trained change: measured (several are tried, and the one that learned most within the forgetting limit is used; the base itself if none is better), or a number up to 1, which is used whatever it learned or forgot',
      strength,
      'measured',
    )
    .option('--seed <n>', 'random seed', whole(0), defaults.seed)
    .addOption(
      new Option('--backend <name>', 'library that trains')
        .choices(['auto', ...backendNames])
        .default('auto'),
    )
    .addOption(deviceOption())
    .option('--held-out-windows <n>', 'windows of held-out text in the final evaluation', whole(1), 16)
    .option(
      '--humaneval <problems>',
      'HumanEval problems in the final evaluation; 0: none',
      whole(0, 164),
      20,
    )
    .option(
      '--retention <texts>',
      'texts sampled from the base, on which forgetting (KL from the base) is measured; 0: none',
      whole(0),
      8,
    )
    .option('--name <name>', "name of the run (default: the folder's name)");
}

type Budget = Pick<TrainOptions, 'steps' | 'epochs' | 'tokens' | 'minutes'>;

/** Throws `bad-argument` when more than one option sets the budget. */
export function checkBudget(options: Budget): void {
  const given = (['steps', 'epochs', 'tokens', 'minutes'] as const).filter(
    (name) => options[name] !== undefined,
  );
  if (given.length < 2) return;
  throw new UserError(
    'bad-argument',
    `The budget is set more than once: by --${given.join(' and --')}.`,
    'Give one of --steps, --epochs, --tokens and --minutes.',
  );
}

/** The most tokens that the run reads; undefined unless its budget is in steps or tokens. */
export function tokenBudget(
  options: Budget & Pick<TrainOptions, 'seq' | 'batch' | 'accumulate'>,
): number | undefined {
  if (options.tokens !== undefined) return options.tokens;
  return options.steps && options.steps * options.seq * options.batch * options.accumulate;
}

/** The budget in steps, from the one option that sets it. Default: 4 epochs, as the paper advises. */
export function budgetInSteps(
  options: Budget & Pick<TrainOptions, 'seq' | 'batch' | 'accumulate'>,
  known: { trainTokens: number; tokensPerSecond: number },
): number {
  if (options.steps) return options.steps;
  const tokens =
    options.tokens ??
    (options.minutes
      ? options.minutes * 60 * known.tokensPerSecond
      : (options.epochs ?? 4) * known.trainTokens);
  return Math.max(1, Math.round(tokens / (options.seq * options.batch * options.accumulate)));
}

/** What is measured at the end and at checkpoints, and how the result is chosen by it. Throws `bad-argument`. */
export function toEvaluationPlan(options: TrainOptions): EvaluationPlan {
  const { evalTasks, evalTasksEvery, evalShare, forgettingLimit, patience, keep, strength } = options;
  const tasks = evalTasks ?? (options.retention > 0 && evalShare > 0 ? ['retention'] : []);
  chooseTasks(tasks);
  if (evalShare === 0 && evalTasks?.length)
    throw new UserError(
      'bad-argument',
      '--eval-tasks asks for measurements, but --eval-share 0 leaves no time for them.',
      'Give a larger --eval-share, or --eval-tasks none.',
    );
  if (forgettingLimit !== undefined && !forgettingFigure(tasks))
    throw new UserError(
      'bad-argument',
      '--forgetting-limit needs a task that measures forgetting at checkpoints.',
      `Add to --eval-tasks: ${forgettingTasks}.`,
    );
  if (forgettingLimit !== undefined && keep === 'last')
    throw new UserError(
      'bad-argument',
      '--keep last takes the last checkpoint, however much it forgot, so it does not go with --forgetting-limit.',
      'Leave one of them out.',
    );
  if (options.method === 'full' && typeof strength === 'number' && strength < 1)
    throw new UserError(
      'bad-argument',
      '--strength needs a LoRA adapter: --method full changes the weights themselves.',
      'Leave --strength out, or train with --method lora.',
    );
  return evaluationPlanSchema.parse({
    heldOutWindows: options.heldOutWindows,
    humanevalProblems: options.humaneval,
    retentionTexts: options.retention,
    checkpointTasks: tasks,
    checkpointEvery: evalTasksEvery,
    checkpointShare: evalShare,
    forgettingLimit,
    patience,
    strength,
    share: options.measureShare,
    ...(isKl(tasks) && { strengthLimit: forgettingLimit }),
    keep: keep ?? (forgettingLimit === undefined && patience === undefined ? 'last' : 'best'),
  });
}

const isKl = (tasks: readonly string[]) => forgettingFigure(tasks)?.task === 'retention';

/** Shorter than the default when a long warm-up leaves less of the run. */
const defaultCooldown = ({ warmup }: TrainOptions) => Math.min(DEFAULT_COOLDOWN, 1 - warmup);

/** Throws `bad-argument` when the parts of the schedule don't fit together. */
export function checkSchedule({ schedule, warmup, cooldown = 0 }: TrainOptions): void {
  if (schedule === 'cosine' && cooldown > 0)
    throw new UserError(
      'bad-argument',
      '--cooldown does not go with a cosine schedule, which already falls until the end.',
      'Leave --cooldown out, or use --schedule inverse-sqrt or constant.',
    );
  if (warmup + cooldown > 1)
    throw new UserError(
      'bad-argument',
      `A warm-up of ${warmup} and a cool-down of ${cooldown} are more than the whole run.`,
      'Give --warmup and --cooldown that add up to 1 at most.',
    );
}

export function toHyper(
  options: TrainOptions,
  steps: number,
  precision: Hyper['precision'],
  learningRate: number,
): Hyper {
  const parsed = hyperSchema.safeParse({
    method: options.method,
    rank: options.rank,
    alpha: options.alpha ?? 2 * options.rank,
    dropout: options.dropout,
    targets: options.targets,
    scaling: options.rankStabilised ? 'rank-stabilised' : 'standard',
    attentionDropout: options.attentionDropout,
    learningRate,
    optimizer: options.optimizer,
    schedule: options.schedule,
    warmup: options.warmup,
    cooldown: options.cooldown ?? (options.schedule === 'inverse-sqrt' ? defaultCooldown(options) : 0),
    weightDecay: options.weightDecay,
    clip: options.clip,
    steps,
    sequenceLength: options.seq,
    batch: options.batch,
    accumulate: options.accumulate,
    precision,
    recompute: options.recompute ?? false,
    evalEvery: options.evalEvery ?? Math.max(1, Math.min(50, Math.ceil(steps / 3))),
    seed: options.seed,
  });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new UserError('bad-argument', `--${issue.path.join('.')}: ${issue.message}.`, 'See {options train}.');
}
