/** The folders to learn from: one, or several with names. No Node imports: the panel uses this too. */
import { z } from 'zod';

export const namedFolderSchema = z.object({
  /** Absolute path. */
  path: z.string(),
  /** The first component of its documents' paths. Unique, without a slash. */
  name: z.string().min(1),
});
export type NamedFolder = z.infer<typeof namedFolderSchema>;

/** The form in files and options: `folders` only if there are several, and `folder` is then the first of them. */
export interface Folders {
  folder?: string | undefined;
  folders?: readonly NamedFolder[] | undefined;
}

/** All folders. A single one has an empty name: its documents' paths have no prefix. */
export const foldersOf = ({ folder, folders }: Folders): readonly NamedFolder[] =>
  folders ?? (folder ? [{ path: folder, name: '' }] : []);

export const pathsOf = (where: Folders): string[] => foldersOf(where).map(({ path }) => path);

/** The format of a file with `Folders`: 1, as before, for one folder; 2, which older versions refuse, for several. */
export const foldersFormat = ({ folders }: Folders): 1 | 2 => (folders ? 2 : 1);

/** A document's path in a corpus, from its path in its folder. */
export const documentPath = ({ name }: Pick<NamedFolder, 'name'>, path: string): string =>
  name ? `${name}/${path}` : path;

/** The folder of a document, and its path there. Undefined if it is in none, such as a row of a data set. */
export function locate<F extends Pick<NamedFolder, 'name'>>(
  folders: readonly F[],
  document: string,
): { folder: F; path: string } | undefined {
  const folder = folders.find(({ name }) => !name || document.startsWith(`${name}/`));
  return folder && { folder, path: folder.name ? document.slice(folder.name.length + 1) : document };
}

/** "/code/api, /code/web"; empty if there is none. */
export const describeFolders = (where: Folders): string =>
  foldersOf(where)
    .map(({ path }) => path)
    .join(', ');
