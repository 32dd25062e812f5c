/**
 * Queries git about a folder's history; the only place that runs git. The folder and its configuration are untrusted:
 * the configuration can name programs, servers, pipes and endless files.
 */
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { isPlaceholder } from '../../platform/processes/placeholder.ts';
import { endOf, tailOf, startProcess } from '../../platform/processes/start.ts';
import { pathWithin } from './folders.ts';
import { repositoryRoot } from './gitignore.ts';

/** The folder is not in a git repository, git is not installed, or git takes too long. */
export class NoRepository extends Error {
  override readonly name = 'NoRepository';
}

/** Longest wait for git's next output, and in total. Time that the consumer spends between chunks does not count. */
const OUTPUT_TIMEOUT_MS = 30_000;
const TOTAL_TIMEOUT_MS = 10 * 60_000;
/** In characters; the rest of a longer line is dropped. */
const MAX_LINE_LENGTH = 2 << 20;
/** Memory limit of git, in KB: an endless file or a self-referential tree would use up everything. */
const MAX_MEMORY = 2_000_000;

/** Override the folder's configuration. What can't be switched off here is in `environment` and `safeLogOptions`. */
const settings = {
  'core.attributesFile': '/dev/null',
  // Larger files are treated as binary, which takes no memory.
  'core.bigFileThreshold': '16m',
  'core.fsmonitor': '',
  'core.hooksPath': '/dev/null',
  'core.quotePath': 'false',
  'diff.renameLimit': '1000',
  'log.showRoot': 'true',
  'log.showSignature': 'false',
  // Don't treat a folder in the repository that looks like a bare repository as one.
  'safe.bareRepository': 'explicit',
};

/** Whatever is configured: no external programs, no mailmap (it may be a pipe), nothing from other repositories. */
const safeLogOptions = [
  '--no-merges',
  '--no-color',
  '--no-decorate',
  '--no-ext-diff',
  '--no-textconv',
  '--no-mailmap',
  '--no-notes',
  '--no-show-signature',
  '--submodule=short',
  '-O/dev/null',
  '--src-prefix=a/',
  '--dst-prefix=b/',
];

/** The lines of `git log` for a folder, without merges. Throws NoRepository, and `signal`'s reason. */
export const gitLog = (
  folder: string,
  args: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<string> => linesOfGit(folder, ['log', ...safeLogOptions, '--relative', ...args], signal);

/** The files of a folder in the newest commit, relative to it. Throws like gitLog. */
export const committedFiles = (folder: string, signal?: AbortSignal): AsyncGenerator<string> =>
  linesOfGit(folder, ['ls-tree', '-r', '--name-only', 'HEAD'], signal);

/**
 * The hash of a commit, such as HEAD; undefined if the repository has no such commit, or if git can't say. Throws
 * `signal`'s reason.
 */
export async function commitAt(
  folder: string,
  revision: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const args = ['rev-parse', '--verify', '-q', `${revision}^{commit}`];
  try {
    for await (const line of linesOfGit(folder, args, signal)) return line;
  } catch (error) {
    if (!(error instanceof NoRepository)) throw error;
  }
  return undefined;
}

/** The newest commit of a folder, without merges; undefined if there is none, or if git can't say. */
export async function newestCommit(folder: string): Promise<string | undefined> {
  try {
    for await (const line of gitLog(folder, ['-1', '--format=tformat:%H', '--', '.'])) return line;
  } catch {
    // As for a folder without a repository.
  }
  return undefined;
}

/** The lines of a file, by its path in the folder, after a commit. Throws like gitLog. */
export const linesAt = (
  folder: string,
  { commit, path }: { commit: string; path: string },
  signal?: AbortSignal,
): AsyncGenerator<string> => linesOfGit(folder, ['cat-file', 'blob', `${commit}:./${path}`], signal);

/** Kills git if the consumer stops. */
async function* linesOfGit(
  folder: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const child = await start(folder, args, signal);
  const stderr = tailOf(child.stderr!, 500);
  const ended = endOf(child);
  child.stdin!.on('error', () => undefined).end();
  const withTimeout = createTimeout();
  try {
    yield* readLines(child, withTimeout);
    const { how, error } = await withTimeout(ended);
    if (error) throw error;
    if (how !== 0) throw new NoRepository(stderr().trim().split('\n')[0] || `git ended with ${how}`);
  } finally {
    child.kill('SIGKILL');
    child.stdout!.destroy();
  }
}

async function start(
  folder: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ChildProcess> {
  signal?.throwIfAborted();
  const top = await repositoryRoot(await realpath(folder).catch(() => resolve(folder)));
  // Then there is nothing to ask, and even git may open a dialog (placeholder.ts).
  if (top === undefined) throw new NoRepository('not a git repository');
  const path = await searchPath(top);
  const program = await findGit(path);
  if (program === undefined) throw new NoRepository('git is not installed');
  const configOptions = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = [program, '--no-pager', '-C', resolve(folder), ...configOptions, ...args];
  // Only Linux enforces such a limit.
  const limitedCommand = ['/bin/sh', '-c', `ulimit -d ${MAX_MEMORY} 2>/dev/null; exec "$0" "$@"`, ...command];
  const [first, ...commandArgs] = process.platform === 'linux' ? limitedCommand : command;
  return startProcess(first!, commandArgs, {
    // Not the folder itself, because Windows searches the working directory for libraries.
    cwd: dirname(program),
    onlyEnv: environment(path),
    signal,
  });
}

/** Drops all GIT_ variables: they could refer to another repository or start other programs. */
function environment(path: readonly string[]): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:GIT_|PATH$)/i.test(name));
  return {
    ...Object.fromEntries(inherited),
    PATH: path.join(delimiter),
    LC_ALL: 'C',
    // In a partial clone, git would fetch missing objects with any program that the configuration names.
    GIT_NO_LAZY_FETCH: '1',
    // Git before 2.45 ignores that variable. No protocol has a random name; "" would allow "::", which an alias can
    // handle.
    GIT_ALLOW_PROTOCOL: randomUUID(),
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
  };
}

/** PATH without folders in the repository itself, in `top`, and without relative ones, such as ".". */
async function searchPath(top: string): Promise<string[]> {
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((dir) => dir.replace(/^"(.*)"$/, '$1'));
  const directories: string[] = [];
  for (const dir of candidates.filter(isAbsolute)) {
    const realDir = await realpath(dir).catch(() => undefined);
    if (realDir !== undefined && realDir !== top && pathWithin(top, realDir) === undefined)
      directories.push(realDir);
  }
  return directories;
}

async function findGit(path: readonly string[]): Promise<string | undefined> {
  for (const dir of path) {
    const file = join(dir, process.platform === 'win32' ? 'git.exe' : 'git');
    const isExecutable = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isExecutable && (await stat(file)).isFile() && !(await isPlaceholder(file))) return file;
  }
  return undefined;
}

type WithTimeout = <T>(answer: Promise<T>) => Promise<T>;

/** Returns a function that awaits one promise after another and throws NoRepository on a timeout. */
function createTimeout(): WithTimeout {
  let remaining = TOTAL_TIMEOUT_MS;
  return async (answer) => {
    const startTime = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, fail) => {
      const reason = () => fail(new NoRepository('git took too long'));
      timer = setTimeout(reason, Math.min(OUTPUT_TIMEOUT_MS, remaining));
    });
    try {
      return await Promise.race([answer, timeout]);
    } finally {
      clearTimeout(timer);
      remaining -= performance.now() - startTime;
    }
  };
}

async function* readLines({ stdout }: ChildProcess, withTimeout: WithTimeout): AsyncGenerator<string> {
  const chunks = stdout!.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>;
  let line = '';
  const withoutReturn = () => line.replace(/\r$/, '');
  for (;;) {
    const { done, value } = await withTimeout(chunks.next());
    if (done) break;
    for (const [index, piece] of value.split('\n').entries()) {
      if (index > 0) {
        yield withoutReturn();
        line = '';
      }
      if (line.length < MAX_LINE_LENGTH) line += piece;
    }
  }
  if (line) yield withoutReturn();
}
