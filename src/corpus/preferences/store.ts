/**
 * Stores the preferences of a workspace folder as JSON lines that only the user can read. If the file becomes too
 * large, the older half is removed.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, open, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseLine, parseLines } from '../../platform/files/lines.ts';
import { preferencesDir } from '../../platform/files/paths.ts';
import { preferenceSchema, type Preference } from '../../protocol/preferences.ts';
import { readText } from '../../platform/files/regular-file.ts';
import { writeByRename } from '../../platform/files/write-file.ts';

/** Largest file: some 10,000 completions. */
const MAX_BYTES = 32 << 20;
const PRIVATE = { file: 0o600, folder: 0o700 };

/** The preferences file of a folder. On Windows, paths (especially drive letters) may differ in case. */
export function preferencesFile(folder: string): string {
  const path = resolve(folder);
  const normalisedPath = process.platform === 'win32' ? path.toLowerCase() : path;
  const digest = createHash('sha256').update(normalisedPath).digest('hex').slice(0, 12);
  return join(preferencesDir(), `${basename(normalisedPath) || 'root'}-${digest}.jsonl`);
}

/** Adds a preference. If two are added concurrently while the older half is removed, one may be lost. */
export async function addPreference(
  path: string,
  preference: Preference,
  mostBytes = MAX_BYTES,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: PRIVATE.folder });
  await appendFile(path, `${JSON.stringify(preference)}\n`, { mode: PRIVATE.file });
  const { size } = await stat(path);
  if (size > mostBytes) await writeByRename(path, await readTail(path, size, mostBytes / 2), PRIVATE.file);
}

/** The complete lines within the last `bytes` of a file. */
async function readTail(path: string, size: number, bytes: number): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.floor(bytes));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, size - buffer.length);
    const text = buffer.subarray(0, bytesRead);
    return text.subarray(text.indexOf('\n') + 1).toString('utf8');
  } finally {
    await handle.close();
  }
}

/** All readable preferences, oldest first, and the number of broken lines. Throws like readText. */
export async function readPreferences(path: string): Promise<{ preferences: Preference[]; broken: number }> {
  const { values, broken } = parseLines(preferenceSchema, await readText(path, 2 * MAX_BYTES));
  return { preferences: values, broken };
}

export interface PreferencesSummary {
  count: number;
  bytes: number;
  /** When the oldest was shown (ISO), if its line can be read. */
  since: string | undefined;
}

/** Counts the preferences by lines, without parsing them. Undefined if there is no file. */
export async function describePreferences(path: string): Promise<PreferencesSummary | undefined> {
  let count = 0;
  let bytes = 0;
  let first = '';
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      if (count === 0) first += chunk.toString('utf8');
      bytes += chunk.length;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) count += 1;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const parsed = parseLine(preferenceSchema, first.split('\n', 1)[0]!);
  return { count, bytes, since: parsed.ok ? parsed.value.time : undefined };
}

export const deletePreferences = (path: string): Promise<void> => rm(path, { force: true });
