/**
 * Cache of measured scores, by model and task: append-only JSON lines in the cache folder. A line that is broken
 * because its writer was killed is skipped; its item is measured again.
 */
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseLines } from '../../platform/files/lines.ts';
import { cacheDir } from '../../platform/files/paths.ts';
import type { EvaluatedModel, Item, ItemScore, Task } from '../task.ts';
import { readText } from '../../platform/files/regular-file.ts';

const lineSchema = z.object({
  item: z.string(),
  parts: z.record(z.string(), z.object({ sum: z.number(), weight: z.number() })),
  detail: z.unknown().optional(),
});

export interface ScoreCache {
  get(item: Pick<Item, 'digest'>): ItemScore | undefined;
  put(item: Pick<Item, 'digest'>, score: ItemScore): Promise<void>;
  close(): Promise<void>;
}

export async function openScoreCache(
  { digest, precision }: Pick<EvaluatedModel, 'digest' | 'precision'>,
  { name, version }: Pick<Task, 'name' | 'version'>,
): Promise<ScoreCache> {
  const folder = join(cacheDir(), 'evaluation', digest.slice(0, 32));
  await mkdir(folder, { recursive: true });
  // Scores in different precisions are kept apart.
  const kind = (await precision()) === 'f32' ? '' : `.${await precision()}`;
  const path = join(folder, `${name}.v${version}${kind}.jsonl`);
  const text = await readText(path).catch(() => '');
  const scores = new Map<string, ItemScore>();
  for (const { item, ...score } of parseLines(lineSchema, `${text}\n`).values) scores.set(item, score);
  let file: Promise<FileHandle> | undefined;
  const append = async (line: string) => {
    // Another process may write to the same file, so each line is appended in one write.
    file ??= open(path, 'a');
    await (await file).appendFile(line);
  };
  // A partial line of a killed writer must not swallow the next one.
  if (text && !text.endsWith('\n')) await append('\n');
  return {
    get: ({ digest: item }) => scores.get(item),
    async put({ digest: item }, score) {
      scores.set(item, score);
      await append(`${JSON.stringify({ item, ...score })}\n`);
    },
    close: async () => (await file)?.close(),
  };
}
