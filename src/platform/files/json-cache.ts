/** Small key-value caches of measurements on this machine, each a JSON file in the cache folder. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { cacheDir } from './paths.ts';
import { readText } from './regular-file.ts';
import { writeByRename } from './write-file.ts';

/** Whether `at` is within the last `ms`, or within the next `ms` (the clock may have been ahead). */
export const isRecent = (at: number, ms: number): boolean => Math.abs(Date.now() - at) < ms;

/** Best effort: an unreadable file counts as empty, and a failure to write is ignored. */
export class JsonCache<Value> {
  private readonly schema: z.ZodType<Record<string, Value>>;

  constructor(
    private readonly name: string,
    value: z.ZodType<Value>,
  ) {
    this.schema = z.record(z.string(), value);
  }

  async get(key: string): Promise<Value | undefined> {
    return (await this.all())[key];
  }

  async set(key: string, value: Value): Promise<void> {
    const all = { ...(await this.all()), [key]: value };
    await mkdir(cacheDir(), { recursive: true })
      .then(() => writeByRename(this.path(), JSON.stringify(all)))
      .catch(() => undefined);
  }

  all(): Promise<Record<string, Value>> {
    return readText(this.path())
      .then((text) => this.schema.parse(JSON.parse(text)))
      .catch(() => ({}));
  }

  // Evaluated each time, because the data folder can change while the program runs.
  private readonly path = () => join(cacheDir(), this.name);
}
