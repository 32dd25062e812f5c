/** Cache of the learning rates that trials of earlier runs have found, so that the next similar run needs no trials. */
import { z } from 'zod';
import { JsonCache } from '../../platform/files/json-cache.ts';
import type { CorpusPlan, EvaluationPlan, Hyper } from '../../protocol/run.ts';

const foundSchema = z.object({
  rate: z.number().positive(),
  /** ISO time. */
  at: z.string(),
});
export type FoundRate = z.infer<typeof foundSchema>;
const rates = new JsonCache('learning-rates.json', foundSchema);

/** The properties of a run that its rate depends on: a rate is reused only if all of them match. */
export interface RateKind {
  baseSha256: string;
  hyper: Hyper;
  corpus: Pick<CorpusPlan, 'mode' | 'fimRate' | 'fimLoss'>;
  /** The reference adapter that training begins with, if any. */
  reference?: object | undefined;
  /** How much a rate may make the base forget. */
  evaluation: Pick<EvaluationPlan, 'strength' | 'strengthLimit'>;
  /** Tokens to train on, compared as the nearest power of 4. */
  trainTokens: number;
  /** Steps of the run, compared as the nearest power of 4. */
  steps: number;
}

/** What a good rate does not depend on, or what is in the key as something else. Every other setting counts. */
const irrelevant: (keyof Hyper)[] = ['learningRate', 'steps', 'precision', 'recompute', 'evalEvery', 'seed'];
const ofLora: (keyof Hyper)[] = ['rank', 'alpha', 'dropout', 'targets', 'scaling'];

function keyOf({ baseSha256, hyper, corpus, reference, evaluation, trainTokens, steps }: RateKind): string {
  const power = (count: number) => Math.round(Math.log2(Math.max(1, count)) / 2);
  const { mode, fimRate, fimLoss } = corpus;
  const { strength, strengthLimit } = evaluation;
  const ignored: readonly string[] = hyper.method === 'lora' ? irrelevant : [...irrelevant, ...ofLora];
  const settings = {
    ...Object.fromEntries(Object.entries(hyper).filter(([name]) => !ignored.includes(name))),
    mode,
    fimRate,
    fimLoss,
    reference: Boolean(reference),
    limit: strength === 'measured' ? strengthLimit : 'none',
  };
  return [
    baseSha256.slice(0, 16),
    JSON.stringify(Object.entries(settings).sort()),
    `4^${power(trainTokens)} tokens 4^${power(steps)} steps`,
  ].join(' ');
}

export const rememberedRate = (kind: RateKind): Promise<FoundRate | undefined> => rates.get(keyOf(kind));

export const rememberRate = (kind: RateKind, found: FoundRate): Promise<void> =>
  rates.set(keyOf(kind), found);
