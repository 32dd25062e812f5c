/** Selects the verdicts that a run learns from: those on completions by its base. */
import { UserError } from '../protocol/errors.ts';
import type { Preference } from '../protocol/preferences.ts';
import { readPreferences } from './store.ts';
import { verdictsOfAll, type Verdict } from './verdict.ts';

/** With fewer, noise can't be distinguished from taste. */
export const LEAST_VERDICTS = 200;

export interface Wanted {
  file: string;
  /** All files, if there are several. Those that do not exist are passed over. */
  files?: readonly string[] | undefined;
  base: { id: string; sha256: string };
  /** Only completions that were shown before this time (ISO). */
  before?: string;
}

/**
 * Errors: preferences-unreadable if the only file does not exist, or if there are no preferences; preferences-mismatch
 * if all are of other bases; preferences-too-few.
 */
export async function selectVerdicts({ file, files = [file], base, before }: Wanted): Promise<Verdict[]> {
  const preferences = await readAll(files);
  const where = files.join(', ');
  if (preferences.length === 0) throw unreadable(`There are no preferences in ${where}.`);
  const ofBase = preferences.filter((one) => one.base.sha256 === base.sha256);
  const others = othersAmong(preferences, base);
  if (ofBase.length === 0)
    throw new UserError(
      'preferences-mismatch',
      `The completions in ${where} were made by ${others}, but this training starts from ${base.id}.`,
      'Train on the base that made them, or without --preferences.',
    );
  const own = before === undefined ? ofBase : ofBase.filter((one) => one.time < before);
  const verdicts = verdictsOfAll(own);
  if (verdicts.length >= LEAST_VERDICTS) return verdicts;
  throw new UserError(
    'preferences-too-few',
    `${own.length} completions give ${verdicts.length} texts to learn from, but ${LEAST_VERDICTS} are needed${others && `; completions by ${others} do not count for ${base.id}`}.`,
    'Use completion for longer with forgetMeNot.completion.learnFromUse on, or train without --preferences.',
  );
}

/** The oldest first. */
async function readAll(files: readonly string[]): Promise<Preference[]> {
  const all: Preference[] = [];
  for (const file of files) {
    try {
      all.push(...(await readPreferences(file)).preferences);
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (missing && files.length > 1) continue;
      const why = missing ? 'there is no such file' : (error as Error).message;
      throw unreadable(`The preferences in ${file} can't be read: ${why}.`, error);
    }
  }
  return files.length > 1 ? all.sort((a, b) => a.time.localeCompare(b.time)) : all;
}

/** The other bases that made some, each once. A name may have meant another file before. */
function othersAmong(preferences: readonly Preference[], base: Wanted['base']): string {
  const others = preferences.map((one) => one.base).filter(({ sha256 }) => sha256 !== base.sha256);
  const names = others.map(({ id }) => (id === base.id ? `another file named ${id}` : id));
  return [...new Set(names)].join(', ');
}

const unreadable = (message: string, cause?: unknown) =>
  new UserError(
    'preferences-unreadable',
    message,
    'Turn on forgetMeNot.completion.learnFromUse and use completion for a while, or train without --preferences.',
    { cause },
  );
