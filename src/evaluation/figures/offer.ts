/**
 * Whether a result is offered for completion, by all its figures: never if it is a worse model than its base. Pure; the
 * editor and the panel use it too.
 */
import { UserError } from '../../protocol/errors.ts';
import {
  findComparison,
  type Comparison,
  type StrengthChoice,
  type Summary,
} from '../../protocol/evaluation.ts';
import type { RunSnapshot } from '../../protocol/panel.ts';

/** Figures that must not get significantly worse: the quality of completions, and what the model could do before. */
const guarded: readonly (readonly [task: string, metric: string, what: string])[] = [
  ['workspace', 'line exact match', 'fewer lines are completed exactly'],
  ['workspace', 'line edit similarity', 'completed lines are less similar to the actual ones'],
  ['workspace', 'characters saved', 'completions save fewer characters'],
  ['workspace', 'bits per byte', 'held-out code became less likely'],
  ['humaneval', 'pass@1', "fewer of HumanEval's problems are solved"],
  ['humaneval', 'loss of solutions', "HumanEval's solutions became less likely"],
];

/** Nats per token by which the loss of solutions may rise, which nobody would notice. */
const SOLUTIONS_SLACK = 0.02;

/**
 * Whether a result can be used while it is still being measured: its strength was chosen, and the served model was
 * checked to match the trained one.
 */
export function isReady({ spec, state, summary }: Pick<RunSnapshot, 'spec' | 'state' | 'summary'>): boolean {
  if (state.status !== 'evaluating' || !summary?.choice || !summary.served) return false;
  // Otherwise the summary is of an earlier end of this training.
  return spec.evaluation.keep === 'best' || summary.step === state.step;
}

/** The data that the decision is based on. */
type Known = Pick<Summary, 'choice' | 'comparisons' | 'givenStrength'>;

/**
 * Why the result is not offered, as a clause; undefined if it is. A strength set by hand is refused only if it was
 * measured to be worse; a run whose strength was given at its start is always offered.
 */
export function whyNotOffered({ choice, comparisons, givenStrength }: Known): string | undefined {
  if (!choice) return undefined;
  if (givenStrength === undefined && choice.strength === 0) return choice.why;
  for (const [task, metric, what] of guarded) {
    const found = findComparison(comparisons, task, metric);
    if (found && isWorse(found))
      return `${what} (${found.before.value.toFixed(3)} -> ${found.after.value.toFixed(3)})`;
  }
  return givenStrength === undefined ? undefined : worseOnPath(choice, givenStrength);
}

/** Why a strength was worse when the choice was measured; undefined if it was not, or was not among those measured. */
function worseOnPath({ path }: StrengthChoice, strength: number): string | undefined {
  const point = path.find((one) => one.strength === strength);
  const learned = point?.learned;
  if (learned && learned.low > 0)
    return `held-out code became less likely (+${learned.value.toFixed(3)} bits per byte)`;
  const solutions = point?.solutions;
  if (solutions && solutions.low > 0 && solutions.value > SOLUTIONS_SLACK)
    return `HumanEval's solutions became less likely (+${solutions.value.toFixed(3)} nats per token)`;
  return undefined;
}

/** What to try if it is not offered. */
export const nextAfterNoOffer = ({
  choice,
  givenStrength,
}: Pick<Summary, 'choice' | 'givenStrength'>): string =>
  givenStrength === undefined
    ? (choice?.next ?? 'A lower learning rate or replay forgets less.')
    : 'A lower strength changes less of what the model could do.';

/** The error for a result that is not offered; undefined if it is. */
export function notBetter(name: string, summary: Summary): UserError | undefined {
  const why = whyNotOffered(summary);
  if (why === undefined) return undefined;
  const { givenStrength } = summary;
  const which = givenStrength === undefined ? name : `${name} at strength ${givenStrength}`;
  const message = `${which} is no better than its base model, so it is not offered for completion: ${why}.`;
  return new UserError('not-better', message, nextAfterNoOffer(summary));
}

function isWorse({ better, difference, significant, metric }: Comparison): boolean {
  const loss = better === 'lower' ? difference.value : -difference.value;
  return significant && loss > (metric === 'loss of solutions' ? SOLUTIONS_SLACK : 0);
}
