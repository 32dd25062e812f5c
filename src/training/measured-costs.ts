/**
 * Cache of how long the parts of a run took on this machine: preparing, training, measuring at a checkpoint, and each
 * part of measuring the result, so that times need not be guessed. All in seconds.
 */
import { basename } from 'node:path';
import { z } from 'zod';
import { JsonCache } from '../platform/files/json-cache.ts';
import type { RunEvent } from '../protocol/events.ts';
import { backendNames, type BackendName, type EvaluationPlan, type RunSpec } from '../protocol/run.ts';

const costSchema = z.object({
  /** Seconds for one item. */
  seconds: z.number().positive(),
  /** Items of the whole part as planned, over all models. */
  items: z.int().positive(),
});
export type Cost = z.infer<typeof costSchema>;

const costs = new JsonCache('part-costs.json', costSchema);

/** What the times depend on, besides the machine's load. */
export interface CostPlace {
  /** Its file's name. */
  base: Pick<RunSpec['base'], 'path'>;
  method: RunSpec['hyper']['method'];
  backend: BackendName;
}

/** Where a run's times were measured. */
export function costPlace({ base, planned, hyper }: RunSpec, events: readonly RunEvent[]): CostPlace {
  const start = events.findLast((event) => event.type === 'start');
  const backend = backendNames.find((name) => name === start?.backend) ?? planned ?? 'tensorflow';
  return { base, method: hyper.method, backend };
}

/** `preparing`: everything before the first step. `training`: an item is a token. */
export const PREPARING = 'preparing';
export const TRAINING = 'training';

/** Measuring a checkpoint, which depends on what is measured. */
export const checkpointPart = ({
  checkpointTasks,
  humanevalProblems,
  retentionTexts,
  heldOutWindows,
}: EvaluationPlan): string =>
  [
    'checkpoint',
    checkpointTasks.toSorted().join(','),
    humanevalProblems,
    retentionTexts,
    heldOutWindows,
  ].join(' ');

const keyOf = ({ base, method, backend }: CostPlace, part: string): string =>
  [basename(base.path), method, backend, part].join(' ');

/** By part; undefined for parts not measured here yet. */
export type KnownCosts = (part: string) => Cost | undefined;

export type MachineCosts = (place: CostPlace) => KnownCosts;

/** Everything that was measured on this machine. */
export async function machineCosts(): Promise<MachineCosts> {
  const all = await costs.all();
  return (place) => (part) => all[keyOf(place, part)];
}

export const knownCosts = async (place: CostPlace): Promise<KnownCosts> => (await machineCosts())(place);

export const rememberCost = (place: CostPlace, part: string, cost: Cost): Promise<void> =>
  costs.set(keyOf(place, part), cost);
