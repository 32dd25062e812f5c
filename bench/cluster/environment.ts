/** Ray in the benchmark's own virtual environment, created once. */
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir } from '../../src/protocol/paths.ts';
import { findPython } from '../python.ts';

const PACKAGES = ['ray[default]==2.60.0'];

/** Folder of the environment's programs. Errors: bad-argument if there is no Python with pip. */
export async function ensureRay(log: (line: string) => void): Promise<string> {
  const dir = join(cacheDir(), 'bench-ray');
  const bin = join(dir, 'bin');
  // Written last: if it exists, the environment is complete.
  const stamp = join(dir, 'installed.txt');
  const wanted = PACKAGES.join('\n');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === wanted) return bin;
  const { command } = await findPython();
  log(`Installing ${wanted} into ${dir} ...`);
  await rm(dir, { recursive: true, force: true });
  const run = promisify(execFile);
  const [python, ...args] = command;
  await run(python!, [...args, '-m', 'venv', dir]);
  await run(join(bin, 'python'), [
    ...['-m', 'pip', 'install', '--no-input', '--quiet', '--only-binary', ':all:'],
    ...PACKAGES,
  ]);
  await writeFile(stamp, wanted);
  return bin;
}
