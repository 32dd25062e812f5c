/** The ignore files that are outside a repository's own text: the user's, and the one in `.git`. */
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { readText } from '../../platform/files/regular-file.ts';

const MAX_BYTES = 4 << 20;
/** How deep files of the configuration may include each other, as in git. */
const MAX_DEPTH = 10;

/** The text of one of git's files; empty if it is unreasonably large or can't be read. */
export const readGitFile = (path: string) => readText(path, MAX_BYTES).catch(() => '');

/**
 * The ignore files for all of the repository in the folder `top`; the later one takes precedence. Only the user's own
 * configuration is asked for the user's file: the repository's may name any path.
 */
export async function repositoryIgnoreFiles(top: string): Promise<string[]> {
  const settings = join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'git');
  const named = process.env['GIT_CONFIG_GLOBAL'];
  const configurations =
    named === undefined ? [join(settings, 'config'), join(homedir(), '.gitconfig')] : [named];
  let own: string | undefined;
  for (const file of configurations) own = (await excludesFile(file)) ?? own;
  return [
    own === undefined ? join(settings, 'ignore') : resolve(top, own),
    join(await commonFolder(top), 'info', 'exclude'),
  ];
}

/** `core.excludesFile` in a file of git's configuration, or in what it includes. */
async function excludesFile(file: string, depth = 0): Promise<string | undefined> {
  let section = '';
  let found: string | undefined;
  for (const line of (await readGitFile(file)).split(/\r?\n/)) {
    const [, header = section, name = '', value = ''] =
      /^\s*(?:\[(.*?)\]\s*)?(?:([a-z][\w-]*)\s*=\s*(.*)|[#;].*)?$/i.exec(line) ?? [];
    section = header;
    const key = `${section}.${name}`.toLowerCase();
    if (key === 'core.excludesfile') found = toPath(value);
    if (key === 'include.path' && depth < MAX_DEPTH)
      found = (await excludesFile(resolve(dirname(file), toPath(value)), depth + 1)) ?? found;
  }
  return found;
}

/** A value without its quotes, escapes and comment. */
const toPath = (value: string): string =>
  value
    .replace(
      /"((?:[^"\\]|\\.)*)"|\\(.)|\s*[#;].*/g,
      (_, quoted?: string, escaped?: string) => quoted?.replace(/\\(.)/g, '$1') ?? escaped ?? '',
    )
    .trim()
    .replace(/^~(?=\/)/, () => homedir());

/** The folder that a repository shares with its worktrees, in which `.git` is a file that leads there. */
async function commonFolder(top: string): Promise<string> {
  const git = join(top, '.git');
  const [, elsewhere = ''] = /^gitdir: (.*)/.exec(await readGitFile(git)) ?? [];
  const own = elsewhere ? resolve(top, elsewhere.trim()) : git;
  return resolve(own, (await readGitFile(join(own, 'commondir'))).trim());
}
