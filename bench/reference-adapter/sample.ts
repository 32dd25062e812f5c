/** A part of each package, so that no language outweighs the others. */
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { spread } from '../../src/statistics/statistics.ts';

/** Characters of each package; the smallest has about as many. */
const CHARACTERS = 80_000;
/** A longer file is mostly a table or generated. */
const MAX_CHARACTERS = 40_000;

/**
 * Copies files of `from` with one of the `endings` into `to`, taken at even distances, until there are enough characters.
 * Returns how many were copied. The result depends only on the files.
 */
export async function sampleOf(from: string, endings: readonly string[], to: string): Promise<number> {
  await rm(to, { recursive: true, force: true });
  const names = (await readdir(from, { recursive: true }))
    .filter((name) => endings.some((ending) => name.endsWith(ending)) && !name.endsWith('.d.ts'))
    .sort();
  const files = await Promise.all(
    names.map(async (name) => ({ name, size: (await readFile(join(from, name), 'utf8')).length })),
  );
  const usable = files.filter(({ size }) => size > 0 && size <= MAX_CHARACTERS);
  const average = usable.reduce((sum, { size }) => sum + size, 0) / usable.length;
  const wanted = Math.min(usable.length, Math.ceil(CHARACTERS / average));
  let characters = 0;
  for (const { name, size } of spread(usable.length, wanted).map((index) => usable[index]!)) {
    await mkdir(dirname(join(to, name)), { recursive: true });
    await cp(join(from, name), join(to, name));
    characters += size;
  }
  return characters;
}
