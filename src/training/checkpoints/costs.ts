/** What measuring a checkpoint took here before, in seconds, so that the first one of a run is no guess. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { cacheDir } from '../../protocol/paths.ts';
import type { BackendName, EvaluationPlan, RunSpec } from '../../protocol/run.ts';
import { writeByRename } from '../../protocol/write-file.ts';
import { readText } from '../../protocol/regular-file.ts';

const costsSchema = z.record(z.string(), z.number().positive());
const place = () => join(cacheDir(), 'checkpoint-costs.json');

/** What the time depends on, besides how busy the machine is. */
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

/** Only a convenience: a cache that can't be written is no reason to stop. */
export async function rememberCost(thing: MeasuredThing, seconds: number): Promise<void> {
  const costs = { ...(await readCosts()), [keyOf(thing)]: seconds };
  await mkdir(cacheDir(), { recursive: true })
    .then(() => writeByRename(place(), JSON.stringify(costs)))
    .catch(() => undefined);
}
