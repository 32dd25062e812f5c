/**
 * evaluation/<task>.<step>.jsonl: the answers of base and result to each item, with the counts that metrics are
 * computed from.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { parseLines } from '../../platform/files/lines.ts';
import { readText } from '../../platform/files/regular-file.ts';
import { ignoreMissing } from '../../runs/file-mark.ts';

const partsSchema = z.record(z.string(), z.object({ sum: z.number(), weight: z.number() }));

/** Rows of early versions have neither `digest` nor `parts` and can't be paired with another run's. */
const rowSchema = z.object({
  item: z.string(),
  /** Digest of everything that a score depends on besides the model: the same item has the same digest in every run. */
  digest: z.string(),
  /** The document it comes from, such as a file. Missing in early runs: each item then counts as its own document. */
  document: z.string().optional(),
  parts: z.object({ before: partsSchema, after: partsSchema }),
});
export type ItemRow = z.infer<typeof rowSchema>;

export const itemsPath = (dir: string, task: string, step: number) =>
  join(dir, 'evaluation', `${task}.${step}.jsonl`);

/** Rows by digest. Skips lines that are broken or of an early version; empty if there is no file. */
export async function readItemRows(dir: string, task: string, step: number): Promise<Map<string, ItemRow>> {
  const text = (await readText(itemsPath(dir, task, step)).catch(ignoreMissing)) ?? '';
  return new Map(parseLines(rowSchema, text).values.map((row) => [row.digest, row]));
}
