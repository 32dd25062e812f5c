/** Cache of the learning rates that trials of earlier runs have found, so that the next similar run needs no trials. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { cacheDir } from '../../protocol/paths.ts';
import { readText } from '../../protocol/regular-file.ts';
import type { Hyper } from '../../protocol/run.ts';
import { writeByRename } from '../../protocol/write-file.ts';

const foundSchema = z.object({
  rate: z.number().positive(),
  /** ISO time. */
  at: z.string(),
});
export type FoundRate = z.infer<typeof foundSchema>;
const memorySchema = z.record(z.string(), foundSchema);
const place = () => join(cacheDir(), 'learning-rates.json');

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

const readMemory = (): Promise<z.infer<typeof memorySchema>> =>
  readText(place())
    .then((text) => memorySchema.parse(JSON.parse(text)))
    .catch(() => ({}));

export const rememberedRate = async (kind: RateKind): Promise<FoundRate | undefined> =>
  (await readMemory())[keyOf(kind)];

/** The cache is only a convenience, so a failure to write it is ignored. */
export async function rememberRate(kind: RateKind, found: FoundRate): Promise<void> {
  const all = { ...(await readMemory()), [keyOf(kind)]: found };
  await mkdir(cacheDir(), { recursive: true })
    .then(() => writeByRename(place(), JSON.stringify(all)))
    .catch(() => undefined);
}
