/** Scores one model on all items of a task; cached scores are not measured again. */
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { knownParts } from '../../base-models/known-measurements.ts';
import { parseLines } from '../../platform/files/lines.ts';
import { cacheDir } from '../../platform/files/paths.ts';
import { readText } from '../../platform/files/regular-file.ts';
import type { EvaluatedModel, Item, ItemScore, ScoreContext, Task } from '../task.ts';

/** Called for each score. `computed`: it was not in the cache. */
export interface OnScored {
  onScore(computed: boolean): void;
}

export async function scoreItems<I extends Item>(
  task: Task<I>,
  items: readonly I[],
  model: EvaluatedModel,
  context: ScoreContext & OnScored,
): Promise<ItemScore[]> {
  const cache = await openScoreCache(model, task);
  const scores = new Array<ItemScore>(items.length);
  const unknown = items.filter((item) => !cache.get(item));
  if (unknown.length) await task.prepare?.(unknown, model);
  await forEach(items.keys(), task.parallel ?? 1, async (index) => {
    context.signal?.throwIfAborted();
    const item = items[index]!;
    const known = cache.get(item);
    scores[index] = known ?? (await task.score(item, model, context));
    if (!known) await cache.put(item, scores[index]);
    context.onScore(!known);
  });
  return scores;
}

/** The scores of all these items, if none has to be computed. */
export async function knownScores<I extends Item>(
  task: Task<I>,
  items: readonly I[],
  model: EvaluatedModel,
): Promise<ItemScore[] | undefined> {
  const cache = await openScoreCache(model, task);
  const scores = items.flatMap((item) => cache.get(item) ?? []);
  return scores.length === items.length ? scores : undefined;
}

/**
 * Scores all models on items of a task, one item after the other. A score is only comparable with those measured
 * together with it, so the cache key includes the models.
 */
export async function scoreTogether<I extends Item>(
  task: Task<I>,
  items: readonly I[],
  models: readonly EvaluatedModel[],
  context: ScoreContext & OnScored,
): Promise<ItemScore[][]> {
  if (items.length === 0) return models.map(() => []);
  const caches = await Promise.all(models.map((model) => openScoreCache(model, task)));
  const modelsKey = models.map(({ digest }) => digest.slice(0, 32)).join(' ');
  const scores = models.map((): ItemScore[] => []);
  for (const item of items) {
    context.signal?.throwIfAborted();
    const key = { digest: `${item.digest} beside ${modelsKey}` };
    let found = caches.flatMap((cache) => cache.get(key) ?? []);
    const computed = found.length < models.length;
    if (computed) {
      found = await task.scoreTogether!(item, models, context);
      for (const [at, cache] of caches.entries()) await cache.put(key, found[at]!);
    }
    for (const [at, score] of found.entries()) {
      scores[at]!.push(score);
      context.onScore(computed);
    }
  }
  return scores;
}

/**
 * Processes `width` values at a time. After an error nothing new is started, and the error is thrown when all have
 * ended.
 */
async function forEach<T>(values: Iterable<T>, width: number, work: (value: T) => Promise<void>) {
  const queue = values[Symbol.iterator]();
  let failed = false;
  const worker = async () => {
    for (let next = queue.next(); !next.done && !failed; next = queue.next())
      await work(next.value).catch((error: unknown) => {
        failed = true;
        throw error;
      });
  };
  const ends = await Promise.allSettled(Array.from({ length: width }, worker));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

const lineSchema = z.object({
  item: z.string(),
  parts: z.record(z.string(), z.object({ sum: z.number(), weight: z.number() })),
  detail: z.unknown().optional(),
});

interface ScoreCache {
  get(item: Pick<Item, 'digest'>): ItemScore | undefined;
  put(item: Pick<Item, 'digest'>, score: ItemScore): Promise<void>;
}

/** The measured scores of a model in a task. A line that is broken because its writer was killed is skipped. */
async function openScoreCache(
  { digest, precision }: Pick<EvaluatedModel, 'digest' | 'precision'>,
  { name, version }: Pick<Task, 'name' | 'version'>,
): Promise<ScoreCache> {
  // Scores in different precisions are kept apart.
  const inPrecision = await precision();
  const kind = inPrecision === 'f32' ? '' : `.${inPrecision}`;
  const known = (item: string) => {
    const parts = knownParts({ digest, precision: inPrecision }, `${name}.v${version}`, item);
    return parts && { parts };
  };
  const folder = join(cacheDir(), 'evaluation', digest.slice(0, 32));
  const path = join(folder, `${name}.v${version}${kind}.jsonl`);
  await mkdir(folder, { recursive: true });
  const text = await readText(path).catch(() => '');
  // A partial line of a killed writer must not swallow the next one.
  if (text && !text.endsWith('\n')) await appendFile(path, '\n');
  const lines = parseLines(lineSchema, `${text}\n`).values;
  const scores = new Map<string, ItemScore>(lines.map(({ item, ...score }) => [item, score]));
  return {
    get: ({ digest: item }) => scores.get(item) ?? known(item),
    async put({ digest: item }, score) {
      scores.set(item, score);
      // In one write, because another process may write to the same file.
      await appendFile(path, `${JSON.stringify({ item, ...score })}\n`);
    },
  };
}
