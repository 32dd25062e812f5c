/**
 * Parts of a run's change, measured as models of their own: RUN/parts/NAME/evaluation/TASK.STEP.jsonl has the rows
 * (metrics/item-rows.ts) of each.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readItemRows, type ItemRow } from '../metrics/item-rows.ts';

/**
 * The change multiplied by a strength; or in each linear layer its best approximation of a rank, and nothing elsewhere
 * (Infinity: all of the change in the linear layers).
 */
export type Part = { strength: number } | { rank: number };

/** The part of rank Infinity. */
export const LINEARS = 'linears';

export const partName = (part: Part): string =>
  'strength' in part ? `strength-${part.strength}` : part.rank === Infinity ? LINEARS : `rank-${part.rank}`;

/** Forgetting is measured only where only the strength differs. */
export const partTasks = (part: Part): string[] =>
  'strength' in part ? ['workspace', 'retention'] : ['workspace'];

export const partsDir = (dir: string) => join(dir, 'parts');
export const partDir = (dir: string, name: string) => join(partsDir(dir), name);

/** Rows by part and task; a part is left out until all its tasks are measured. */
export async function readParts(
  dir: string,
  step: number,
): Promise<Map<string, Map<string, Map<string, ItemRow>>>> {
  const parts = new Map<string, Map<string, Map<string, ItemRow>>>();
  const names = await readdir(partsDir(dir)).catch(() => []);
  for (const name of names.sort()) {
    const tasks = partTasks(name.startsWith('strength-') ? { strength: 1 } : { rank: 1 });
    const rows = new Map<string, Map<string, ItemRow>>();
    for (const task of tasks) rows.set(task, await readItemRows(partDir(dir, name), task, step));
    if ([...rows.values()].every(({ size }) => size > 0)) parts.set(name, rows);
  }
  return parts;
}
