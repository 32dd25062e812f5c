/** evaluation/<task>.<step>.jsonl: what base and result made of each item, with the counts that figures are made of. */
import { join } from 'node:path';
import { z } from 'zod';
import { parseLines } from '../../protocol/lines.ts';
import { readText } from '../../protocol/regular-file.ts';

const partsSchema = z.record(z.string(), z.object({ sum: z.number(), weight: z.number() }));

/** Early runs have neither `digest` nor `parts`: such a row can't be paired with another run's. */
const rowSchema = z.object({
  item: z.string(),
  /** Of all that a score depends on besides the model: the same in two runs where they answered the same. */
  digest: z.string(),
  /** What it is of, where others may be of the same; missing in early runs: each item is one of its own. */
  document: z.string().optional(),
  parts: z.object({ before: partsSchema, after: partsSchema }),
});
export type ItemRow = z.infer<typeof rowSchema>;

export const itemsPath = (dir: string, task: string, step: number) =>
  join(dir, 'evaluation', `${task}.${step}.jsonl`);

/** By digest. A line that is broken or of an early run is left aside; no file, no rows. */
export async function readItemRows(dir: string, task: string, step: number): Promise<Map<string, ItemRow>> {
  const text = await readText(itemsPath(dir, task, step)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return new Map(parseLines(rowSchema, text).values.map((row) => [row.digest, row]));
}
