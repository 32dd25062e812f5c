/** Cache of measured scores, by model and task. A line that is broken because its writer was killed is skipped. */
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseLines } from '../../platform/files/lines.ts';
import { cacheDir } from '../../platform/files/paths.ts';
import { readText } from '../../platform/files/regular-file.ts';
import type { EvaluatedModel, Item, ItemScore, Task } from '../task.ts';

const lineSchema = z.object({
  item: z.string(),
  parts: z.record(z.string(), z.object({ sum: z.number(), weight: z.number() })),
  detail: z.unknown().optional(),
});

export interface ScoreCache {
  get(item: Pick<Item, 'digest'>): ItemScore | undefined;
  put(item: Pick<Item, 'digest'>, score: ItemScore): Promise<void>;
}

export async function openScoreCache(
  { digest, precision }: Pick<EvaluatedModel, 'digest' | 'precision'>,
  { name, version }: Pick<Task, 'name' | 'version'>,
): Promise<ScoreCache> {
  // Scores in different precisions are kept apart.
  const kind = (await precision()) === 'f32' ? '' : `.${await precision()}`;
  const folder = join(cacheDir(), 'evaluation', digest.slice(0, 32));
  const path = join(folder, `${name}.v${version}${kind}.jsonl`);
  await mkdir(folder, { recursive: true });
  const text = await readText(path).catch(() => '');
  // A partial line of a killed writer must not swallow the next one.
  if (text && !text.endsWith('\n')) await appendFile(path, '\n');
  const lines = parseLines(lineSchema, `${text}\n`).values;
  const scores = new Map<string, ItemScore>(lines.map(({ item, ...score }) => [item, score]));
  return {
    get: ({ digest: item }) => scores.get(item),
    async put({ digest: item }, score) {
      scores.set(item, score);
      // In one write, because another process may write to the same file.
      await appendFile(path, `${JSON.stringify({ item, ...score })}\n`);
    },
  };
}
