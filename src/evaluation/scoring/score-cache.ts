/** Cache of measured scores, by model and task. */
import { z } from 'zod';
import type { EvaluatedModel, Item, ItemScore, Task } from '../task.ts';
import { openLineCache } from './line-cache.ts';

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
  const { lines, append } = await openLineCache(digest, `${name}.v${version}${kind}`, lineSchema);
  const scores = new Map<string, ItemScore>(lines.map(({ item, ...score }) => [item, score]));
  return {
    get: ({ digest: item }) => scores.get(item),
    async put({ digest: item }, score) {
      scores.set(item, score);
      await append({ item, ...score });
    },
  };
}
