/** The default corpus if no folder is given: Python's standard library, else this package's own dependencies. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { askPython, findPythons } from '../packages/python.ts';
import { UserError } from '../text/errors.ts';

interface DefaultFolder {
  folder: string;
  /** For display. */
  what: string;
}

const QUESTION = 'import sysconfig; print(sysconfig.get_path("stdlib"))';

/** `packages`: a node_modules folder. Errors: corpus-empty if there is neither. */
export async function defaultFolder(packages: string): Promise<DefaultFolder> {
  const library = await standardLibrary();
  if (library) return { folder: library, what: "Python's standard library" };
  if (existsSync(packages)) return { folder: packages, what: "this package's own dependencies" };
  throw new UserError(
    'corpus-empty',
    'No folder was named, and neither Python nor its standard library was found.',
    'Name a folder of code: forget-me-not reproduce FOLDER.',
  );
}

/** Undefined if incomplete: some systems split it or omit its sources. */
async function standardLibrary(): Promise<string | undefined> {
  for await (const { command } of findPythons()) {
    const folder = await askPython(command, ['-c', QUESTION]);
    if (folder && existsSync(join(folder, 'argparse.py')) && existsSync(join(folder, 'json', 'decoder.py')))
      return folder;
  }
  return undefined;
}
