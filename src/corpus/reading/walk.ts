import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { dataDir } from '../../platform/files/paths.ts';
import { IgnoreRules } from './gitignore.ts';
import type { Globs } from './globs.ts';
import { readGitFile } from './ignore-files.ts';
import type { LeftOutEntry } from '../manifest.ts';
import type { Reason } from '../reasons.ts';
import { environmentFile, isSkippedFolder, judgeFolder } from '../names.ts';

/** A file to read, or something that is left out. */
export type WalkEntry = { in: true; path: string } | LeftOutEntry;

/**
 * Walks everything under `root` in an order that depends only on the names. Folders that are ignored, vendored,
 * generated or excluded by `globs` are reported but not entered; symbolic links are reported but not followed;
 * `separateFolders` (paths ending in "/") are skipped silently. Throws the system's error if `root` can't be read, and
 * `signal`'s reason.
 */
export async function* walk(
  root: string,
  { globs, separateFolders, signal }: Partial<Pick<Walk, 'globs' | 'separateFolders' | 'signal'>> = {},
): AsyncGenerator<WalkEntry> {
  yield* walkFolder(
    { root, dataFolder: dataDir(), globs, separateFolders, signal },
    '',
    await IgnoreRules.above(root),
  );
}

interface Walk {
  root: string;
  /** Our own data folder with runs and models, which is never part of a corpus. */
  dataFolder: string;
  globs: Globs | undefined;
  /** Folders that are read separately. */
  separateFolders: ReadonlySet<string> | undefined;
  signal: AbortSignal | undefined;
}

async function* walkFolder(walk: Walk, folder: string, outer: IgnoreRules): AsyncGenerator<WalkEntry> {
  walk.signal?.throwIfAborted();
  const entries = await readEntries(join(walk.root, folder), folder);
  if (!Array.isArray(entries)) {
    yield entries;
    return;
  }
  const rules = await rulesWithin(walk.root, folder, entries, outer);
  const names = entries.map(({ name }) => name);
  if (folder && names.includes(environmentFile)) {
    yield { in: false, path: folder, reason: 'vendored', folder: true };
    return;
  }
  for (const entry of entries) {
    const path = folder + entry.name;
    if (entry.isSymbolicLink()) yield { in: false, path, reason: 'symlink' };
    else if (entry.isDirectory()) {
      if (isSkippedFolder(entry.name)) continue;
      const folderPath = `${path}/`;
      if (walk.separateFolders?.has(folderPath)) continue;
      if (rules.ignores(folderPath))
        yield { in: false, path: folderPath, reason: 'git-ignored', folder: true };
      else {
        const reason = judgeFolder(entry.name, names) ?? judgeByPath(walk, folderPath);
        if (reason) yield { in: false, path: folderPath, reason, folder: true };
        else yield* walkFolder(walk, folderPath, rules);
      }
    } else if (rules.ignores(path)) yield { in: false, path, reason: 'git-ignored' };
    else if (walk.globs?.excludes(path)) yield { in: false, path, reason: 'excluded' };
    else if (!entry.isFile()) yield { in: false, path, reason: 'unreadable', detail: 'not a regular file' };
    else yield { in: true, path };
  }
}

/**
 * Whether `walk(root)` would reach this file, or enter this folder (path ending in "/"). Used for a single changed
 * file, to avoid walking everything.
 */
export async function wouldWalk(root: string, path: string): Promise<boolean> {
  const names = path.split('/').filter(Boolean);
  let rules = await IgnoreRules.above(root);
  for (let depth = 0; depth < names.length; depth += 1) {
    const folder = names
      .slice(0, depth)
      .map((name) => `${name}/`)
      .join('');
    const entries = await readEntries(join(root, folder), folder).catch(() => undefined);
    const entry = Array.isArray(entries) ? entries.find(({ name }) => name === names[depth]) : undefined;
    if (!Array.isArray(entries) || !entry || entry.isSymbolicLink()) return false;
    rules = await rulesWithin(root, folder, entries, rules);
    const siblings = entries.map(({ name }) => name);
    if (folder && siblings.includes(environmentFile)) return false;
    const folderPath = `${folder}${entry.name}/`;
    if (!entry.isDirectory()) return entry.isFile() && !rules.ignores(folder + entry.name);
    const reason =
      judgeFolder(entry.name, siblings) ??
      judgeByPath({ root, dataFolder: dataDir(), globs: undefined }, folderPath);
    if (isSkippedFolder(entry.name) || rules.ignores(folderPath) || reason) return false;
  }
  return true;
}

function judgeByPath(
  { root, dataFolder, globs }: Pick<Walk, 'root' | 'dataFolder' | 'globs'>,
  folder: string,
): Reason | undefined {
  if (join(root, folder) === join(dataFolder, '/')) return 'generated';
  return globs?.excludesFolder(folder) ? 'excluded' : undefined;
}

/** Names in code point order, which is the same on every machine. */
async function readEntries(path: string, folder: string): Promise<Dirent[] | LeftOutEntry> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    // The root must be readable; an unreadable subfolder is only reported.
    if (folder === '') throw error;
    const detail = (error as NodeJS.ErrnoException).code;
    return { in: false, path: folder, reason: 'unreadable', folder: true, ...(detail ? { detail } : {}) };
  }
}

async function rulesWithin(
  root: string,
  folder: string,
  entries: Dirent[],
  outer: IgnoreRules,
): Promise<IgnoreRules> {
  if (!entries.some((entry) => entry.name === '.gitignore' && entry.isFile())) return outer;
  return outer.within(folder, await readGitFile(join(root, folder, '.gitignore')));
}
