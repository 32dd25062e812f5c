/**
 * Cache of the seconds that measuring a checkpoint took on this machine, so that the first one of a run need not be
 * guessed.
 */
import { z } from 'zod';
import { JsonCache } from '../../protocol/json-cache.ts';
import type { BackendName, EvaluationPlan, RunSpec } from '../../protocol/run.ts';

const costs = new JsonCache('checkpoint-costs.json', z.number().positive());

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

export const knownCost = (thing: MeasuredThing): Promise<number | undefined> => costs.get(keyOf(thing));

export const rememberCost = (thing: MeasuredThing, seconds: number): Promise<void> =>
  costs.set(keyOf(thing), seconds);
