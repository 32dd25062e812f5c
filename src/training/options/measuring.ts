/** The options of `train` that say what is measured, and which result is kept. */
import { evaluationPlanSchema, type EvaluationPlan } from '../../protocol/run.ts';
import type { OptionTable } from './option.ts';
import { between, list, positive, integer } from './values.ts';

export interface MeasuringOptions {
  evalEvery?: number;
  evalTasks?: string[];
  evalTasksEvery?: number;
  evalShare: number;
  heldOutWindows: number;
  humaneval: number;
  retention: number;
  measureShare: number;
  forgettingLimit?: number;
  patience?: number;
  keep?: EvaluationPlan['keep'];
  strength: EvaluationPlan['strength'];
}

/** Default limit of the time for measuring the result, as a share of the training time. */
export const MEASURE_SHARE = 1 / 3;
const defaults = evaluationPlanSchema.parse({});

const tasks = (text: string): string[] => (text === 'none' ? [] : list(text).filter(Boolean));
const strength = (text: string): EvaluationPlan['strength'] =>
  text === 'measured' ? text : between(0.01, 1)(text);

export const measuringOptions: OptionTable<MeasuringOptions> = {
  evalEvery: {
    flags: '--eval-every <steps>',
    help: 'steps between measurements of the held-out loss, each with a checkpoint (default: a third of the run, at most 50)',
    parse: integer(1),
    spec: 'hyper.evalEvery',
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  evalTasks: {
    flags: '--eval-tasks <list>',
    help: 'tasks to measure at checkpoints as well, first on the base; or none (default: retention)',
    parse: tasks,
    spec: 'evaluation.checkpointTasks',
    settle: ({ evalTasks, retention, evalShare }) =>
      evalTasks ?? (retention > 0 && evalShare > 0 ? ['retention'] : []),
    support: { sweep: false, continue: 'own', workspace: false, cluster: true, rayTrain: false },
  },
  evalTasksEvery: {
    flags: '--eval-tasks-every <steps>',
    help: 'steps between measurements of --eval-tasks, rounded up to a multiple of --eval-every (default: --eval-every)',
    parse: integer(1),
    spec: 'evaluation.checkpointEvery',
    support: { sweep: false, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
  evalShare: {
    flags: '--eval-share <share>',
    help: 'the most time that --eval-tasks may add, as a share of the training time; fewer checkpoints are measured if need be',
    parse: between(0, Infinity),
    default: defaults.checkpointShare,
    spec: 'evaluation.checkpointShare',
    support: { sweep: false, continue: 'own', workspace: false, cluster: true, rayTrain: true },
  },
  heldOutWindows: {
    flags: '--held-out-windows <n>',
    help: 'windows of held-out text in the final evaluation',
    parse: integer(1),
    default: defaults.heldOutWindows,
    spec: 'evaluation.heldOutWindows',
    // A sweep has one for its trials.
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  humaneval: {
    flags: '--humaneval <problems>',
    help: 'HumanEval problems in the final evaluation; 0: none',
    parse: integer(0, 164),
    default: defaults.humanevalProblems,
    spec: 'evaluation.humanevalProblems',
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  retention: {
    flags: '--retention <texts>',
    help: 'texts sampled from the base, on which forgetting (KL from the base) is measured; 0: none',
    parse: integer(0),
    default: defaults.retentionTexts,
    spec: 'evaluation.retentionTexts',
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  measureShare: {
    flags: '--measure-share <share>',
    help: 'the most time that measuring the result may take, as a share of the training time (at least a minute, or what one measurement needs); the rest can be measured later',
    parse: positive,
    default: MEASURE_SHARE,
    defaultText: 'a third',
    spec: 'evaluation.share',
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
  forgettingLimit: {
    flags: '--forgetting-limit <limit>',
    help: 'keep the checkpoint that learned most among those that forgot no more than this: KL from the base in nats/token, or in the unit of the metric that --eval-tasks measure (default: no limit)',
    parse: between(0, Infinity),
    spec: 'evaluation.forgettingLimit',
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: false },
  },
  patience: {
    flags: '--patience <n>',
    help: 'end training after this many measurements of the held-out loss in a row without improvement (default: never)',
    parse: integer(1),
    spec: 'evaluation.patience',
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: false },
  },
  keep: {
    flags: '--keep <which>',
    help: 'which checkpoint becomes the result (default: last; best with --forgetting-limit or --patience)',
    choices: ['last', 'best'],
    spec: 'evaluation.keep',
    settle: ({ keep, forgettingLimit, patience }) =>
      keep ?? (forgettingLimit === undefined && patience === undefined ? 'last' : 'best'),
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: { not: 'best' } },
  },
  strength: {
    flags: '--strength <share>',
    help: 'how much of the trained change applies: measured (several shares are tried, and the one that learned most within the forgetting limit is used; if none beats what training began with, the result is not offered), or a number up to 1, which is used whatever it learned or forgot',
    parse: strength,
    default: 'measured',
    spec: 'evaluation.strength',
    support: { sweep: false, continue: 'own', workspace: true, cluster: true, rayTrain: true },
  },
};
