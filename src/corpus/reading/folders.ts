/** Chooses and names the folders of a corpus. */
import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { documentPath, foldersOf, locate, type Folders, type NamedFolder } from '../../protocol/folders.ts';

/** The folders as a person names them; one that is named twice counts once. They need not exist. */
export function chooseFolders(paths: readonly string[]): Folders {
  const [folder, ...others] = distinctFolders(paths);
  if (folder === undefined) return {};
  return others.length > 0 ? { folder, folders: nameFolders([folder, ...others]) } : { folder };
}

/** Absolute paths, without those of a folder that was named before: again, or by a link to it. */
export function distinctFolders(paths: readonly string[]): string[] {
  const chosen = new Map<string, string>();
  for (const path of paths.map((one) => resolve(one))) {
    const real = realPath(path);
    if (!chosen.has(real)) chosen.set(real, path);
  }
  return [...chosen.values()];
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/**
 * Names several folders, whatever their order: "api" after the folder itself; "api (old)" and "api (new)" where
 * folders are called the same, after the folders that they are in; else with numbers. Pure.
 */
export function nameFolders(paths: readonly string[]): NamedFolder[] {
  const ownName = (path: string) => basename(path) || 'root';
  const wanted = (path: string) => {
    const own = ownName(path);
    const alone = paths.filter((other) => ownName(other) === own).length === 1;
    return alone ? own : `${own} (${ownName(dirname(path))})`;
  };
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const path of paths.toSorted()) {
    let name = wanted(path);
    for (let number = 2; taken.has(name); number += 1) name = `${wanted(path)} ${number}`;
    taken.add(name);
    names.set(path, name);
  }
  return paths.map((path) => ({ path, name: names.get(path)! }));
}

/**
 * The name in a prompt of the repository that a folder is, in training and in completion. It need not be unique.
 */
export const repositoryName = (folder: string): string => basename(resolve(folder));

/** The place of a document in prompts. A row of a data set counts to the first folder. Pure. */
export function placeOf(where: Folders, document: string): { repository: string; path: string } {
  const folders = foldersOf(where);
  const { folder, path } = locate(folders, document) ?? { folder: folders[0], path: document };
  return { repository: repositoryName(folder?.path ?? ''), path };
}

/** The path from a folder to what is in it, with "/"; undefined if it is not in it. */
export function pathWithin(folder: string, path: string): string | undefined {
  const way = relative(folder, path);
  const outside = way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
  return outside ? undefined : way.split(sep).join('/');
}

/** The innermost of these folders that a file is in, and its path there. Pure. */
export function innermost<F extends Pick<NamedFolder, 'path'>>(
  folders: readonly F[],
  file: string,
): { folder: F; path: string } | undefined {
  return folders
    .flatMap((folder) => {
      const path = pathWithin(folder.path, file);
      return path === undefined ? [] : [{ folder, path }];
    })
    .sort((a, b) => a.path.length - b.path.length)[0];
}

/** Whether documents of one have the same paths in the other: the same file, or its copy elsewhere. */
const haveSameNames = (some: Folders, others: Folders): boolean => {
  const [names, otherNames] = [some, others].map((where) =>
    foldersOf(where)
      .map(({ name }) => name)
      .toSorted()
      .join('\n'),
  );
  return names === otherNames;
};

/**
 * Gives documents of an earlier corpus the paths that they have in one of the folders `now`: those of the same file. If
 * the names are the same, so are the paths, wherever the folders are now. Pure.
 */
export function renaming(earlier: Folders, now: Folders): (document: string) => string {
  const [before, after] = [foldersOf(earlier), foldersOf(now)];
  if (haveSameNames(earlier, now)) return (document) => document;
  return (document) => {
    const known = locate(before, document);
    if (!known) return document;
    const file = join(known.folder.path, known.path);
    const found = innermost(after, file);
    // A path outside is no document's path.
    return found ? documentPath(found.folder, found.path) : file;
  };
}

/**
 * Gives globs for one of several folders ("api:src", see globs.ts) the names that the folders have `now`, and those of a
 * single folder its name if there are several. Those for a folder that is gone are left out. Pure.
 */
export function renamedGlobs(globs: readonly string[], earlier: Folders, now: Folders): string[] {
  if (haveSameNames(earlier, now)) return [...globs];
  const nameNow = (path: string) => foldersOf(now).find((folder) => folder.path === path)?.name;
  return globs.flatMap((glob) => {
    const owner = foldersOf(earlier).find(({ name }) => !name || glob.startsWith(`${name}:`));
    if (!owner) return [glob];
    const name = nameNow(owner.path);
    // All that was learned was in one folder: what was wanted of it may be wanted of those that replace it.
    if (name === undefined) return owner.name ? [] : [glob];
    const own = owner.name ? glob.slice(owner.name.length + 1) : glob;
    return [name ? `${name}:${own}` : own];
  });
}
