/** What git tells of a folder. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** The folder is in no git repository, or there is no git. */
export class NoRepository extends Error {
  override readonly name = 'NoRepository';
}

/** Lines that git prints. Ends git when the reader stops. Throws NoRepository. */
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
  // Awaited below; until then a failure is nobody's.
  ended.catch(() => undefined);
  child.stdin.on('error', () => undefined).end(input);
  try {
    yield* createInterface({ input: child.stdout, crlfDelay: Infinity });
    const code = await ended;
    // 1: no path is ignored.
    if (code !== 0 && !(args[0] === 'check-ignore' && code === 1))
      throw new NoRepository(complaint.trim().split('\n')[0] || `git ended with ${code}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new NoRepository('git is not installed');
    throw error;
  } finally {
    child.kill();
  }
}
