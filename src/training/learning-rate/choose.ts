/** Chooses the learning rate of a run for which none was given, and says why in words. */
import type { BaseShape } from '../../base-models/registry.ts';
import { tokensPerStep, type CorpusPlan, type Hyper } from '../../protocol/run.ts';
import type { SweepSpec } from '../../protocol/sweep.ts';
import { defaultLearningRate, rateAfterReference, rateAtLength } from '../default-rate.ts';
import { concludeMethod, type MethodResult } from '../sweep/choice.ts';
import { listSweeps, type Sweep } from '../sweep/store.ts';
import { msg, type Text } from '../../text/message.ts';

/** The run that needs a rate. */
export interface RateQuestion {
  shape: BaseShape;
  baseSha256: string;
  hyper: Hyper;
  corpus: Pick<CorpusPlan, 'mode' | 'fimRate'>;
  /** The reference adapter that training begins with, if any. */
  reference?: object | undefined;
  steps: number;
}

export interface RateAnswer {
  rate: number;
  /** A clause: "from the sweep of 25 November, in which 1e-3 learned as much as the best rate and forgot least". */
  reason: Text;
  /** True if nothing was measured on this base. */
  assumed?: true;
}

/** LoRA's rate divided by that of full fine-tuning (paper, section 5.1: about 10x for code). */
const RATIO = 10;

/** "LoRA", "full fine-tuning". */
export const methodName = (method: Hyper['method']) => (method === 'lora' ? 'LoRA' : 'full fine-tuning');

/** A rate such as 3e-4, without rounding errors in the last digits. */
export const formatRate = (rate: number) => Number(rate.toPrecision(3)).toExponential().replace('+', '');

/** From the newest sweep of the same base and optimiser; else from one of the other method; else the default. */
export async function chooseLearningRate(question: RateQuestion): Promise<RateAnswer> {
  return chooseFrom(await listSweeps(), question);
}

/** `sweeps` newest first. Pure. */
export function chooseFrom(sweeps: readonly Sweep[], question: RateQuestion): RateAnswer {
  const { baseSha256 } = question;
  const { method, optimizer } = question.hyper;
  const fitting = sweeps.filter(
    ({ spec }) => spec.base.sha256 === baseSha256 && spec.hyper.optimizer === optimizer,
  );
  const sweep = newestFinished(fitting, method);
  if (sweep) {
    const { spec, result } = sweep;
    const reason = msg`from the sweep of ${day(spec.createdAt)}, in which ${formatRate(result.chosen!)} learned as much as the best rate and forgot least${differences(spec, question)}`;
    return forRun({ rate: result.chosen!, reason }, question, spec.hyper.steps);
  }
  const other = method === 'lora' ? 'full' : 'lora';
  const otherSweep = newestFinished(fitting, other);
  if (otherSweep) {
    const theirs = otherSweep.result.chosen!;
    const rate = Number((method === 'lora' ? theirs * RATIO : theirs / RATIO).toPrecision(3));
    const reason = msg`from ${formatRate(theirs)}, which the sweep of ${day(otherSweep.spec.createdAt)} found for ${methodName(other)}, by the rule that LoRA needs ${RATIO} times the rate of full fine-tuning`;
    return forRun({ rate, reason }, question, otherSweep.spec.hyper.steps);
  }
  return assumedRate(question);
}

/** The default, for a run on whose base nothing was measured. */
export function assumedRate({
  shape,
  hyper: { method, optimizer },
  reference,
  steps,
}: Pick<RateQuestion, 'shape' | 'hyper' | 'reference' | 'steps'>): RateAnswer {
  return {
    rate: defaultLearningRate(method, optimizer, shape, { steps, reference }),
    reason: msg`the default for ${methodName(method)} with ${optimizer === 'lionw' ? 'LionW' : 'AdamW'} on a base of this size, in a run of this length; {sweep} can find a better one`,
    assumed: true,
  };
}

/** A rate that a sweep found in trials of `from` steps, which begin with the base alone. */
function forRun(
  found: RateAnswer,
  { shape, hyper, reference, steps }: RateQuestion,
  from: number,
): RateAnswer {
  const answer = atLength(found, shape, { from, to: steps });
  const rate = reference ? rateAfterReference(answer.rate, hyper, shape) : answer.rate;
  if (rate === answer.rate) return answer;
  const { reason } = answer;
  return {
    rate,
    reason: msg`${reason}, lowered to ${formatRate(rate)} because the run begins with a reference adapter`,
  };
}

/** The rate found in a shorter run, lowered for a longer one as the default is. */
export function atLength(
  { rate, reason }: RateAnswer,
  shape: BaseShape,
  steps: { from: number; to: number },
): RateAnswer {
  const lowered = rateAtLength(rate, shape, steps);
  if (lowered === rate) return { rate, reason };
  return {
    rate: lowered,
    reason: msg`${reason}, lowered to ${formatRate(lowered)} for ${steps.to} steps instead of ${steps.from}`,
  };
}

/** Only finished methods count: half a grid does not show the best rate. */
function newestFinished(
  sweeps: readonly Sweep[],
  method: Hyper['method'],
): { spec: SweepSpec; result: MethodResult } | undefined {
  for (const { spec, lines } of sweeps) {
    const swept = spec.methods.find((sweptMethod) => sweptMethod.method === method);
    const result = swept && concludeMethod(spec, swept, lines);
    if (result?.finished && result.chosen !== undefined) return { spec, result };
  }
  return undefined;
}

/** Made on use: it takes 20 ms, which every start of a command would wait for. */
const listed = (parts: readonly string[]) => new Intl.ListFormat('en-GB').format(parts);

/** The user has run this sweep and chose to rely on it, but should know which settings differed. */
function differences({ hyper, corpus }: SweepSpec, question: RateQuestion): string {
  const { method, rank, targets } = question.hyper;
  const lora = method === 'lora';
  const other = [
    ...(!lora || hyper.rank === rank ? [] : [`rank ${hyper.rank}`]),
    ...(!lora || hyper.targets.toSorted().join() === targets.toSorted().join()
      ? []
      : ['other target modules']),
    ...(tokensPerStep(hyper) === tokensPerStep(question.hyper)
      ? []
      : [`${tokensPerStep(hyper)} tokens a step`]),
    ...(corpus.mode === question.corpus.mode ? [] : [`mode ${corpus.mode}`]),
    ...(corpus.fimRate === question.corpus.fimRate ? [] : [`a fill-in-the-middle rate of ${corpus.fimRate}`]),
  ];
  return other.length ? ` (measured with ${listed(other)})` : '';
}

const day = (time: string) => new Date(time).toLocaleDateString('en-GB', { day: 'numeric', month: 'long' });
