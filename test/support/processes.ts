/** The processes of this machine. */
import { readdir, readFile } from 'node:fs/promises';

/** Their pids and arguments; empty without /proc. */
export async function processes(): Promise<{ pid: number; args: string[] }[]> {
  const names = await readdir('/proc').catch(() => []);
  const pids = names.map(Number).filter(Number.isInteger);
  return Promise.all(
    pids.map(async (pid) => {
      const given = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return { pid, args: given.split('\0') };
    }),
  );
}
