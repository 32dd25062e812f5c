/**
 * Whether a result is offered for completion, by all that was measured of it: never where it is a worse model. Pure; the
 * editor and the panel ask it too.
 */
import { UserError } from '../protocol/errors.ts';
import type { Comparison, Summary } from '../protocol/evaluation.ts';

/** What must not get worse by more than noise: what a person sees of completions, and what the model could do before. */
const guarded: readonly (readonly [task: string, metric: string, what: string])[] = [
  ['workspace', 'line exact match', 'lines are completed exactly less often'],
  ['workspace', 'line edit similarity', 'completed lines are further from what stands there'],
  ['workspace', 'characters saved', 'completions save fewer characters'],
  ['workspace', 'bits per byte', 'held-out code became less likely'],
  ['humaneval', 'pass@1', "fewer of HumanEval's problems are solved"],
  ['humaneval', 'loss of solutions', "HumanEval's solutions became less likely"],
];

/** Nats per token by which solutions may become less likely: what nobody would notice. */
const SOLUTIONS_SLACK = 0.02;

/** Why the result is not offered, as a clause; undefined where it is. Results whose strength was given are the person's own. */
export function whyNotOffered({
  choice,
  comparisons,
}: Pick<Summary, 'choice' | 'comparisons'>): string | undefined {
  if (!choice) return undefined;
  if (choice.strength === 0) return choice.why;
  for (const [task, metric, what] of guarded) {
    const found = comparisons.find((one) => one.task === task && one.metric === metric);
    if (found && isWorse(found))
      return `${what} (${found.before.value.toFixed(3)} -> ${found.after.value.toFixed(3)})`;
  }
  return undefined;
}

/** What to try then. */
export const nextAfterNoOffer = ({ choice }: Pick<Summary, 'choice'>): string =>
  choice?.next ?? 'A lower learning rate or replay forgets less.';

/** The error of a result that is not offered; undefined where it is. */
export function notBetter(name: string, summary: Summary): UserError | undefined {
  const why = whyNotOffered(summary);
  if (why === undefined) return undefined;
  const message = `${name} is no better than the model that it began with, so it is not offered: ${why}.`;
  return new UserError('not-better', message, nextAfterNoOffer(summary));
}

function isWorse({ better, difference, significant, metric }: Comparison): boolean {
  const loss = better === 'lower' ? difference.value : -difference.value;
  return significant && loss > (metric === 'loss of solutions' ? SOLUTIONS_SLACK : 0);
}
