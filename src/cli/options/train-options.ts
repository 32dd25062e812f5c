/** Turns the options of `train` into its budget, hyperparameters, and evaluation plan. */
import { UserError } from '../../text/errors.ts';
import { chooseTasks } from '../../evaluation/tasks/index.ts';
import { evaluationPlanSchema, type EvaluationPlan, hyperSchema, type Hyper } from '../../protocol/run.ts';
import { forgettingMetric, forgettingTasks } from '../../findings/forgetting-metric.ts';
import type { BudgetOptions } from '../../training/options/hyper.ts';
import { specPart, type TrainOptions } from '../../training/options/index.ts';

/** Throws `bad-argument` when more than one option sets the budget. */
export function checkBudget(options: BudgetOptions): void {
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

/** Maximum tokens that the run reads; undefined unless its budget is in steps or tokens. */
export function tokenBudget(options: BudgetOptions): number | undefined {
  if (options.tokens !== undefined) return options.tokens;
  return options.steps && options.steps * options.seq * options.batch * options.accumulate;
}

/** The budget in steps, from the one option that sets it. Default: 4 epochs, as the paper advises. */
export function budgetInSteps(
  options: BudgetOptions,
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

/**
 * The tasks measured at the end and at checkpoints, and the criterion for choosing the result. Throws `bad-argument`.
 */
export function toEvaluationPlan(options: TrainOptions): EvaluationPlan {
  const { evalTasks, evalShare, forgettingLimit, keep, strength } = options;
  const settled = specPart('evaluation', options);
  const tasks = settled['checkpointTasks'] as string[];
  chooseTasks(tasks);
  if (evalShare === 0 && evalTasks?.length)
    throw new UserError(
      'bad-argument',
      '--eval-tasks asks for measurements, but --eval-share 0 leaves no time for them.',
      'Give a larger --eval-share, or --eval-tasks none.',
    );
  if (forgettingLimit !== undefined && !forgettingMetric(tasks))
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
    ...settled,
    ...(isKl(tasks) && { strengthLimit: forgettingLimit }),
  });
}

const isKl = (tasks: readonly string[]) => forgettingMetric(tasks)?.task === 'retention';

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

/** Completed with the steps, precision and learning rate determined for the run. Throws `bad-argument`. */
export function toHyper(
  options: TrainOptions,
  steps: number,
  precision: Hyper['precision'],
  learningRate: number,
): Hyper {
  const evalEvery = options.evalEvery ?? Math.max(1, Math.min(50, Math.ceil(steps / 3)));
  const parsed = hyperSchema.safeParse({
    ...specPart('hyper', options),
    steps,
    precision,
    learningRate,
    evalEvery,
  });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new UserError('bad-argument', `--${issue.path.join('.')}: ${issue.message}.`, 'See {options train}.');
}
