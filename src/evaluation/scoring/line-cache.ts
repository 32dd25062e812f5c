/**
 * Append-only JSON lines in the cache folder, by the digest of what was measured. A line that is broken because its
 * writer was killed is skipped.
 */
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { parseLines } from '../../platform/files/lines.ts';
import { cacheDir } from '../../platform/files/paths.ts';
import { readText } from '../../platform/files/regular-file.ts';

/** The lines so far, and what adds one: in one write, because another process may write to the same file. */
export async function openLineCache<Line>(
  digest: string,
  name: string,
  schema: z.ZodType<Line>,
): Promise<{ lines: Line[]; append(line: Line): Promise<void> }> {
  const folder = join(cacheDir(), 'evaluation', digest.slice(0, 32));
  const path = join(folder, `${name}.jsonl`);
  await mkdir(folder, { recursive: true });
  const text = await readText(path).catch(() => '');
  // A partial line of a killed writer must not swallow the next one.
  if (text && !text.endsWith('\n')) await appendFile(path, '\n');
  return {
    lines: parseLines(schema, `${text}\n`).values,
    append: (line) => appendFile(path, `${JSON.stringify(line)}\n`),
  };
}
