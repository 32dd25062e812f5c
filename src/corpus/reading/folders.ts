/** Chooses and names the folders of a corpus. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, posix, resolve, win32 } from 'node:path';
import { documentPath, foldersOf, locate, type Folders, type NamedFolder } from '../../protocol/folders.ts';

/** The folders given by the user, without repetitions. They need not exist. */
export function chooseFolders(paths: readonly string[]): Folders {
  const [folder, ...others] = distinctFolders(paths);
  if (folder === undefined) return {};
  return others.length > 0 ? { folder, folders: nameFolders([folder, ...others]) } : { folder };
}

/** Absolute paths, without repetitions of the same folder, even through a link. */
export function distinctFolders(paths: readonly string[]): string[] {
  const chosen = new Map<string, string>();
  for (const path of paths.map((given) => resolve(given))) {
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
 * Names several folders, independent of their order: "api" after the folder itself; "api (old)" and "api (new)", after
 * the parent folders, if names clash; otherwise numbered. Pure.
 */
export function nameFolders(paths: readonly string[]): NamedFolder[] {
  const ownName = (path: string) => basename(path) || 'root';
  const preferredName = (path: string) => {
    const own = ownName(path);
    const isUnique = paths.filter((other) => ownName(other) === own).length === 1;
    return isUnique ? own : `${own} (${ownName(dirname(path))})`;
  };
  const names = new Map<string, string>();
  const usedNames = new Set<string>();
  for (const path of paths.toSorted()) {
    let name = preferredName(path);
    for (let number = 2; usedNames.has(name); number += 1) name = `${preferredName(path)} ${number}`;
    usedNames.add(name);
    names.set(path, name);
  }
  return paths.map((path) => ({ path, name: names.get(path)! }));
}

/** The repository name of a folder in prompts, in training and in completion. It need not be unique. */
export const repositoryName = (folder: string): string => basename(resolve(folder));

/** Repository and path of a document in prompts. A row of a data set belongs to the first folder. Pure. */
export function promptPath(where: Folders, document: string): { repository: string; path: string } {
  const folders = foldersOf(where);
  const { folder, path } = locate(folders, document) ?? { folder: folders[0], path: document };
  return { repository: repositoryName(folder?.path ?? ''), path };
}

/** The path relative to a folder, with "/"; undefined if it is not inside. */
export function pathWithin(folder: string, path: string, platform = process.platform): string | undefined {
  const { relative, isAbsolute, sep } = platform === 'win32' ? win32 : posix;
  const relativePath = relative(folder, path);
  const outside =
    relativePath === '' ||
    relativePath === '..' ||
    relativePath.startsWith(`..${sep}`) ||
    // On Windows, if it is on another drive.
    isAbsolute(relativePath);
  return outside ? undefined : relativePath.split(sep).join('/');
}

/** On Windows, case does not matter: VS Code writes drive letters in lower case, terminals in upper case. */
export const isSameFolder = (a: string, b: string, platform = process.platform): boolean =>
  (platform === 'win32' ? win32 : posix).relative(a, b) === '';

/** Whether two lists of paths name the same folders, in any order. */
export const areSameFolders = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((path) => b.some((other) => isSameFolder(other, path)));

/** The innermost of these folders that contains a file, and the file's path in it. Pure. */
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

/** Whether documents have the same paths in both: the same files, or copies elsewhere. */
const haveSameNames = (first: Folders, second: Folders): boolean => {
  const [names, otherNames] = [first, second].map((where) =>
    foldersOf(where)
      .map(({ name }) => name)
      .toSorted()
      .join('\n'),
  );
  return names === otherNames;
};

/**
 * Maps paths of documents in an earlier corpus to the same files' paths in the folders `now`. If the folders' names are
 * unchanged, so are the paths, wherever the folders are. Pure.
 */
export function createRenaming(earlier: Folders, now: Folders): (document: string) => string {
  const [before, after] = [foldersOf(earlier), foldersOf(now)];
  if (haveSameNames(earlier, now)) return (document) => document;
  return (document) => {
    const located = locate(before, document);
    if (!located) return document;
    const file = join(located.folder.path, located.path);
    const found = innermost(after, file);
    // A path outside of all folders matches no document.
    return found ? documentPath(found.folder, found.path) : file;
  };
}

/**
 * Rewrites globs for one of several folders ("api:src", see globs.ts) to the folders' names `now`; those of a single
 * folder get its name if there are several now. Globs for a folder that is gone are dropped. Pure.
 */
export function renameGlobs(globs: readonly string[], earlier: Folders, now: Folders): string[] {
  if (haveSameNames(earlier, now)) return [...globs];
  const currentName = (path: string) =>
    foldersOf(now).find((folder) => isSameFolder(folder.path, path))?.name;
  return globs.flatMap((glob) => {
    const owner = foldersOf(earlier).find(({ name }) => !name || glob.startsWith(`${name}:`));
    if (!owner) return [glob];
    const name = currentName(owner.path);
    // There was only one folder: its globs may also apply to the folders that replace it.
    if (name === undefined) return owner.name ? [] : [glob];
    const own = owner.name ? glob.slice(owner.name.length + 1) : glob;
    return [name ? `${name}:${own}` : own];
  });
}
