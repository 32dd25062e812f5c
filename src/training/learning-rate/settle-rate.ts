/**
 * The peak learning rate of a run, settled before its first step. With a budget in minutes, the default rate depends on
 * how many steps fit, which the plan only guessed: here it follows from the measured speed.
 */
import type { BaseShape } from '../../base-models/registry.ts';
import { tokensPerStep, type RunSpec } from '../../protocol/run.ts';
import { readRun } from '../../runs/index.ts';
import type { RunWriter } from '../../runs/writer.ts';
import { textOf, withTexts } from '../../text/message.ts';
import { expectedSteps } from '../run-length.ts';
import type { MachineRate } from '../session.ts';
import { assumedRate, type RateAnswer } from './choose.ts';

export interface RateSettling {
  dir: string;
  spec: RunSpec;
  writer: RunWriter;
  model: { config: BaseShape };
  rate: MachineRate;
}

/** The rate that the run settled on before if it is resumed, else the default for its minutes, else the given one. */
export async function settleRate(options: RateSettling): Promise<number> {
  const { dir, spec, writer } = options;
  const event = (await readRun(dir)).events.findLast((one) => one.type === 'rate');
  const settled = event
    ? { rate: event.learningRate, reason: textOf(event, 'why') }
    : rateForMinutes(options);
  if (!settled) return spec.hyper.learningRate;
  const { rate, reason } = settled;
  const why = withTexts({ why: reason });
  if (!event) await writer.event({ type: 'rate', learningRate: rate, ...why });
  await writer.state({ learningRate: { rate, ...why } });
  return rate;
}

/** Undefined if the rate does not follow from the measured speed. */
function rateForMinutes({ spec, model, rate }: RateSettling): RateAnswer | undefined {
  const { learningRateAssumed, minutes, hyper, reference } = spec;
  if (!learningRateAssumed || minutes === undefined) return undefined;
  const perStep = tokensPerStep(hyper) * rate.perToken;
  const steps = expectedSteps(60 * minutes, { perStep, perSecond: rate.perSecond });
  return assumedRate({ shape: model.config, hyper, reference, steps });
}
