/** Runs git in a folder. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** The folder is not in a git repository, or git is not installed. */
export class NoRepository extends Error {
  override readonly name = 'NoRepository';
}

/** The lines that git prints. Ends git if the reader stops. Throws NoRepository. */
export async function* git(
  folder: string,
  args: readonly string[],
  signal?: AbortSignal,
  input = '',
): AsyncGenerator<string> {
  const child = spawn('git', ['-c', 'core.quotePath=false', '-c', 'log.showSignature=false', ...args], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, GIT_OPTIONAL_LOCKS: '0', GIT_PAGER: 'cat', LC_ALL: 'C' },
    signal,
  });
  let complaint = '';
  child.stderr.on('data', (data: Buffer) => (complaint = (complaint + String(data)).slice(-500)));
  const ended = new Promise<number | null>((done, fail) => child.once('error', fail).once('close', done));
  // It is awaited below; until then a failure must not count as unhandled.
  ended.catch(() => undefined);
  child.stdin.on('error', () => undefined).end(input);
  try {
    yield* createInterface({ input: child.stdout, crlfDelay: Infinity });
    const code = await ended;
    // check-ignore ends with 1 if no path is ignored.
    if (code !== 0 && !(args[0] === 'check-ignore' && code === 1))
      throw new NoRepository(complaint.trim().split('\n')[0] || `git ended with ${code}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new NoRepository('git is not installed');
    throw error;
  } finally {
    child.kill();
  }
}
