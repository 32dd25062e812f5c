/**
 * Asks git about a folder's history: the only place that starts it. The folder may be anybody's, and so may the
 * configuration in it, which can name programs, servers, pipes and endless files.
 */
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { endOf, lastOf, startProcess } from '../../platform/processes/start.ts';
import { pathWithin } from './folders.ts';
import { repositoryRoot } from './gitignore.ts';

/** The folder is not in a git repository, or git is not installed, or it can't read it in a reasonable time. */
export class NoRepository extends Error {
  override readonly name = 'NoRepository';
}

/** Longest wait for git's next word, and for all of them. The time in which a reader does something else is not counted. */
const SILENCE_MS = 30_000;
const WAITING_MS = 10 * 60_000;
/** In characters. The rest of a longer line is dropped. */
const LONGEST_LINE = 2 << 20;
/** Of git itself, in KB: a file that never ends, or a tree that names itself again and again, would take all. */
const MOST_MEMORY = 2_000_000;

/** They come before the folder's configuration. What can't be switched off here is in `environment` and `plainLog`. */
const settings = {
  'core.attributesFile': '/dev/null',
  // Larger files count as binary, which takes no memory.
  'core.bigFileThreshold': '16m',
  'core.fsmonitor': '',
  'core.hooksPath': '/dev/null',
  'core.quotePath': 'false',
  'diff.renameLimit': '1000',
  'log.showRoot': 'true',
  'log.showSignature': 'false',
  // A folder in the repository that looks like a repository is none.
  'safe.bareRepository': 'explicit',
};

/** No program of the folder's, no mailmap (it may be a pipe), nothing of other repositories, whatever is configured. */
const plainLog = [
  ...[
    '--no-merges',
    '--no-color',
    '--no-decorate',
    '--no-ext-diff',
    '--no-textconv',
    '--no-mailmap',
    '--no-notes',
  ],
  ...['--no-show-signature', '--submodule=short', '-O/dev/null', '--src-prefix=a/', '--dst-prefix=b/'],
];

/**
 * The lines of `git log` below a folder, without merges. Ends git if the reader stops. Throws NoRepository, and
 * `signal`'s reason.
 */
export const gitLog = (
  folder: string,
  args: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<string> => git(folder, ['log', ...plainLog, '--relative', ...args], { signal });

/** Those of the paths that git would ignore. Throws like gitLog. */
export const ignoredByGit = (
  folder: string,
  paths: Iterable<string>,
  signal?: AbortSignal,
): AsyncGenerator<string> =>
  // It ends with 1 if no path is ignored.
  git(folder, ['check-ignore', '--no-index', '--stdin'], {
    signal,
    input: [...paths].join('\n'),
    fine: [0, 1],
  });

interface Asking {
  signal: AbortSignal | undefined;
  input?: string;
  /** What it may end with. */
  fine?: readonly number[];
}

async function* git(
  folder: string,
  args: readonly string[],
  { signal, input = '', fine = [0] }: Asking,
): AsyncGenerator<string> {
  const child = await start(folder, args, signal);
  const complaint = lastOf(child.stderr!, 500);
  const ended = endOf(child);
  child.stdin!.on('error', () => undefined).end(input);
  const inTime = patience();
  try {
    yield* linesOf(child, inTime);
    const { how, error } = await inTime(ended);
    if (error) throw error;
    if (!fine.includes(how as number))
      throw new NoRepository(complaint().trim().split('\n')[0] || `git ended with ${how}`);
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
  const path = await searchPath(folder);
  const program = await findGit(path);
  if (program === undefined) throw new NoRepository('git is not installed');
  const always = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = [program, '--no-pager', '-C', resolve(folder), ...always, ...args];
  // Only Linux holds a process to such a limit.
  const limited = ['/bin/sh', '-c', `ulimit -d ${MOST_MEMORY} 2>/dev/null; exec "$0" "$@"`, ...command];
  const [first, ...others] = process.platform === 'linux' ? limited : command;
  return startProcess(first!, others, {
    // Not the folder: Windows looks there for libraries.
    cwd: dirname(program),
    onlyEnv: environment(path),
    signal,
  });
}

/** Nothing that begins with GIT_ is passed on: it would be about another repository, or start another program. */
function environment(path: readonly string[]): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(?:GIT_|PATH$)/i.test(name));
  return {
    ...Object.fromEntries(kept),
    PATH: path.join(delimiter),
    LC_ALL: 'C',
    // In a partial clone, git fetches what is missing, by any program that the configuration names.
    GIT_NO_LAZY_FETCH: '1',
    // Git before 2.45 does not know that. No protocol is called like this; "" would allow "::", which an alias answers.
    GIT_ALLOW_PROTOCOL: randomUUID(),
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
  };
}

/** The folders of programs, but for those in the repository itself or that depend on the current folder, such as ".". */
async function searchPath(folder: string): Promise<string[]> {
  const real = await realpath(folder).catch(() => resolve(folder));
  const top = (await repositoryRoot(real)) ?? real;
  const named = (process.env['PATH'] ?? '').split(delimiter).map((dir) => dir.replace(/^"(.*)"$/, '$1'));
  const found: string[] = [];
  for (const dir of named.filter(isAbsolute)) {
    const place = await realpath(dir).catch(() => undefined);
    if (place !== undefined && place !== top && pathWithin(top, place) === undefined) found.push(place);
  }
  return found;
}

async function findGit(path: readonly string[]): Promise<string | undefined> {
  for (const dir of path) {
    const file = join(dir, process.platform === 'win32' ? 'git.exe' : 'git');
    const mayRun = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (mayRun && (await stat(file)).isFile()) return file;
  }
  return undefined;
}

type InTime = <T>(answer: Promise<T>) => Promise<T>;

/** Waits for one answer after the other; what comes too late is a NoRepository. */
function patience(): InTime {
  let left = WAITING_MS;
  return async (answer) => {
    const began = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, fail) => {
      const reason = () => fail(new NoRepository('git took too long'));
      timer = setTimeout(reason, Math.min(SILENCE_MS, left));
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
      left -= performance.now() - began;
    }
  };
}

async function* linesOf({ stdout }: ChildProcess, inTime: InTime): AsyncGenerator<string> {
  const chunks = stdout!.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>;
  let line = '';
  const plain = () => line.replace(/\r$/, '');
  for (;;) {
    const { done, value } = await inTime(chunks.next());
    if (done) break;
    for (const [index, piece] of value.split('\n').entries()) {
      if (index > 0) {
        yield plain();
        line = '';
      }
      if (line.length < LONGEST_LINE) line += piece;
    }
  }
  if (line) yield plain();
}
