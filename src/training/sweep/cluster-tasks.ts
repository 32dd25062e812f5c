/** A sweep as tasks that run in parallel, each a process `node dist/ARGV`. Pure. */
import { trialName, type SweptTask, type Trial } from '../../protocol/sweep.ts';
import { nextRate, listTrials } from './choice.ts';
import type { Sweep } from './store.ts';

export interface SweepTasks {
  tasks: SweptTask[];
  /** Prints further tasks once these have ended; absent if the grid does not grow. */
  next?: SweptTask;
}

type Known = Pick<Sweep, 'spec' | 'lines'>;

/**
 * What is left of a sweep: for each method its base and the rates of its grid. Rates above one that diverges are tried
 * too, which does not change the conclusion. `checkpointSeconds`: minimum seconds between two checkpoints of a trial.
 */
export function sweepTasks(known: Known, checkpointSeconds?: number): SweepTasks {
  const extraArguments = checkpointArguments(checkpointSeconds);
  const tasks = known.spec.methods.flatMap((swept) => {
    const { method } = swept;
    const trials = listTrials(known.lines, method);
    const following = nextRate(swept, known.spec.extend, trials);
    // A method without remaining trials needs no base either.
    if (following === undefined) return [];
    const tried = new Set(trials.map(({ learningRate }) => learningRate));
    const untried = swept.rates.filter((rate) => !tried.has(rate));
    const rates = untried.length ? untried : [following];
    const measured = known.lines.some((line) => line.type === 'base' && line.method === method);
    const base = { id: `${method}-base`, argv: ['sweeper.mjs', '{folder}', '--base', method] };
    const after = measured ? {} : { after: [base.id] };
    return [
      ...(measured ? [] : [base]),
      ...rates.map((rate) => ({ ...trialTask(method, rate, extraArguments), ...after })),
    ];
  });
  if (!known.spec.extend) return { tasks };
  return {
    tasks,
    next: { id: 'next', argv: ['sweeper.mjs', '{folder}', '--next', ...KNOWN, ...extraArguments] },
  };
}

/** The trials that a growing grid still needs after all others have ended: at most one for each method. */
export function nextTasks(known: Known, checkpointSeconds?: number): SweptTask[] {
  return known.spec.methods.flatMap((swept) => {
    const rate = nextRate(swept, known.spec.extend, listTrials(known.lines, swept.method));
    return rate === undefined ? [] : [trialTask(swept.method, rate, checkpointArguments(checkpointSeconds))];
  });
}

const KNOWN = ['--known', '{after}'];

const checkpointArguments = (seconds?: number) =>
  seconds === undefined ? [] : ['--checkpoint-seconds', String(seconds)];

const trialTask = (method: Trial['method'], learningRate: number, extraArguments: string[]): SweptTask => ({
  id: trialName({ method, learningRate }),
  argv: ['sweeper.mjs', '{folder}', '--trial', `${method}:${learningRate}`, ...KNOWN, ...extraArguments],
});
