/**
 * Cache of the seconds that measuring a checkpoint took on this machine, so that the first one of a run need not be
 * guessed.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { cacheDir } from '../../protocol/paths.ts';
import type { BackendName, EvaluationPlan, RunSpec } from '../../protocol/run.ts';
import { writeByRename } from '../../protocol/write-file.ts';
import { readText } from '../../protocol/regular-file.ts';

const costsSchema = z.record(z.string(), z.number().positive());
const place = () => join(cacheDir(), 'checkpoint-costs.json');

/** The properties that the time depends on, besides the load of the machine. */
export interface MeasuredThing {
  base: Pick<RunSpec['base'], 'sha256'>;
  method: RunSpec['hyper']['method'];
  backend: BackendName;
  evaluation: EvaluationPlan;
}

function keyOf({ base, method, backend, evaluation }: MeasuredThing): string {
  const { checkpointTasks, humanevalProblems, retentionTexts, heldOutWindows } = evaluation;
  const counts = [humanevalProblems, retentionTexts, heldOutWindows].join(' ');
  return [base.sha256.slice(0, 16), method, backend, checkpointTasks.toSorted().join(','), counts].join(' ');
}

const readCosts = (): Promise<z.infer<typeof costsSchema>> =>
  readText(place())
    .then((text) => costsSchema.parse(JSON.parse(text)))
    .catch(() => ({}));

export const knownCost = async (thing: MeasuredThing): Promise<number | undefined> =>
  (await readCosts())[keyOf(thing)];

/** The cache is only a convenience, so a failure to write it is ignored. */
export async function rememberCost(thing: MeasuredThing, seconds: number): Promise<void> {
  const costs = { ...(await readCosts()), [keyOf(thing)]: seconds };
  await mkdir(cacheDir(), { recursive: true })
    .then(() => writeByRename(place(), JSON.stringify(costs)))
    .catch(() => undefined);
}
