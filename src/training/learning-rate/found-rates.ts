/** Cache of the learning rates that trials of earlier runs have found, so that the next similar run needs no trials. */
import { z } from 'zod';
import { JsonCache } from '../../protocol/json-cache.ts';
import type { Hyper } from '../../protocol/run.ts';

const foundSchema = z.object({
  rate: z.number().positive(),
  /** ISO time. */
  at: z.string(),
});
export type FoundRate = z.infer<typeof foundSchema>;
const rates = new JsonCache('learning-rates.json', foundSchema);

/** The properties of a run that its rate depends on most. */
export interface RateKind extends Pick<Hyper, 'method' | 'optimizer'> {
  baseSha256: string;
  /** Tokens to train on, compared as the nearest power of 4. */
  trainTokens: number;
  /** Steps of the run, compared as the nearest power of 4. */
  steps: number;
}

function keyOf({ baseSha256, method, optimizer, trainTokens, steps }: RateKind): string {
  const power = (count: number) => Math.round(Math.log2(Math.max(1, count)) / 2);
  const sizes = `4^${power(trainTokens)} tokens 4^${power(steps)} steps`;
  return [baseSha256.slice(0, 16), method, optimizer, sizes].join(' ');
}

export const rememberedRate = (kind: RateKind): Promise<FoundRate | undefined> => rates.get(keyOf(kind));

export const rememberRate = (kind: RateKind, found: FoundRate): Promise<void> =>
  rates.set(keyOf(kind), found);
