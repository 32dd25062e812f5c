/** The learning rate of a run for which none was given, and why it is that one, in words for the person. */
import type { BaseShape } from '../../base-models/registry.ts';
import type { Hyper } from '../../protocol/run.ts';
import type { SweepSpec } from '../../protocol/sweep.ts';
import { defaultLearningRate } from './defaults.ts';
import { rememberedRate, type FoundRate } from './found-rates.ts';
import { concludeMethod, type MethodResult } from '../sweep/choice.ts';
import { listSweeps, type Sweep } from '../sweep/store.ts';

export interface RateQuestion extends Pick<Hyper, 'method' | 'optimizer' | 'rank' | 'targets'> {
  baseSha256: string;
  shape: BaseShape;
  trainTokens: number;
  /** Of the run. */
  steps: number;
}

export interface RateAnswer {
  rate: number;
  /** A clause: "from the sweep of 25 November, in which 1e-3 learned as much as the best rate and forgot least". */
  reason: string;
  /** Whether nothing was measured on this base: a run may find a better one by trials. */
  assumed?: true;
}

/** LoRA's rate over that of full fine-tuning (paper, section 5.1: about 10x for code). */
const RATIO = 10;

/** "LoRA", "full fine-tuning". */
export const methodName = (method: Hyper['method']) => (method === 'lora' ? 'LoRA' : 'full fine-tuning');

/** 3e-4, whatever the arithmetic left in its last digits. */
export const formatRate = (rate: number) => Number(rate.toPrecision(3)).toExponential().replace('+', '');

/** "measured in short trials on 26 November". `at` is an ISO time. */
export const foundReason = ({ at }: Pick<FoundRate, 'at'>) => `measured in short trials on ${day(at)}`;

/**
 * From the newest sweep of the same base and optimiser; else what the trials of a like run found; else from a sweep of
 * the other method; else the default.
 */
export async function chooseLearningRate(question: RateQuestion): Promise<RateAnswer> {
  return chooseFrom(await listSweeps(), question, await rememberedRate(question));
}

/** `sweeps` newest first. Pure. */
export function chooseFrom(
  sweeps: readonly Sweep[],
  question: RateQuestion,
  remembered?: FoundRate,
): RateAnswer {
  const { method, optimizer, baseSha256, shape, steps } = question;
  const fitting = sweeps.filter(
    ({ spec }) => spec.base.sha256 === baseSha256 && spec.hyper.optimizer === optimizer,
  );
  const found = newest(fitting, method);
  if (found) {
    const { spec, result } = found;
    return {
      rate: result.chosen!,
      reason: `from the sweep of ${day(spec.createdAt)}, in which ${formatRate(result.chosen!)} learned as much as the best rate and forgot least${differences(spec, question)}`,
    };
  }
  if (remembered) return { rate: remembered.rate, reason: foundReason(remembered) };
  const other = method === 'lora' ? 'full' : 'lora';
  const turned = newest(fitting, other);
  if (turned) {
    const theirs = turned.result.chosen!;
    const rate = method === 'lora' ? theirs * RATIO : theirs / RATIO;
    return {
      rate: Number(rate.toPrecision(3)),
      reason: `by the ${RATIO}x rule from the sweep of ${day(turned.spec.createdAt)}, in which ${formatRate(theirs)} learned as much as the best rate of ${methodName(other)} and forgot least`,
    };
  }
  return {
    rate: defaultLearningRate(method, optimizer, shape, steps),
    reason: `the default for ${methodName(method)} with ${optimizer === 'lionw' ? 'LionW' : 'AdamW'} on a base of this size, in a run of this length; {sweep} finds this base's own`,
    assumed: true,
  };
}

/** Only finished methods: of half a grid, the best rate is not known. */
function newest(
  sweeps: readonly Sweep[],
  method: Hyper['method'],
): { spec: SweepSpec; result: MethodResult } | undefined {
  for (const { spec, lines } of sweeps) {
    const swept = spec.methods.find((one) => one.method === method);
    const result = swept && concludeMethod(spec, swept, lines);
    if (result?.finished && result.chosen !== undefined) return { spec, result };
  }
  return undefined;
}

/** Rank and targets matter little to the rate, but the person should know. */
function differences({ hyper }: SweepSpec, { method, rank, targets }: RateQuestion): string {
  if (method !== 'lora') return '';
  const other = [
    ...(hyper.rank === rank ? [] : [`rank ${hyper.rank}`]),
    ...(hyper.targets.toSorted().join() === targets.toSorted().join() ? [] : ['other target modules']),
  ];
  return other.length ? ` (measured with ${other.join(' and ')})` : '';
}

const day = (time: string) => new Date(time).toLocaleDateString('en-GB', { day: 'numeric', month: 'long' });
