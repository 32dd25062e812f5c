/** Python packages that a benchmark needs, in a virtual environment of its own, created once. */
import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findPython } from '../python.ts';
import { UserError } from '../../src/protocol/errors.ts';
import { cacheDir } from '../../src/protocol/paths.ts';

/**
 * Path of the environment's Python. Installs the packages that the file `requirements` lists, unless the same list is
 * installed; only wheels, so that nothing is compiled. `name`: of the environment. `without`: packages that others bring
 * and that must not stay. Errors: bad-argument.
 */
export async function ensurePytorch(
  requirements: string,
  log: (line: string) => void,
  name = 'bench-pytorch',
  without: readonly string[] = [],
): Promise<string> {
  const dir = join(cacheDir(), name);
  const python = join(dir, ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']));
  // Written last: if it exists, the environment is complete.
  const stamp = join(dir, 'installed.txt');
  const wanted = await readFile(requirements, 'utf8');
  if ((await readFile(stamp, 'utf8').catch(() => '')) === wanted) return python;
  const { command, version } = await findPython();
  if (Number(version.split('.')[1]) < 10)
    throw new UserError(
      'bad-argument',
      `PyTorch needs Python 3.10 or newer, but this is ${version}.`,
      'Install a newer one and put it first on PATH, or give --python.',
    );
  log(`Installing the packages of ${requirements} into ${dir} ...`);
  await rm(dir, { recursive: true, force: true });
  await run([...command, '-m', 'venv', dir], log);
  const pip = [python, '-m', 'pip'];
  await run([...pip, 'install', '--no-input', '--quiet', '--only-binary', ':all:', '-r', requirements], log);
  if (without.length > 0) await run([...pip, 'uninstall', '--yes', '--quiet', ...without], log);
  await writeFile(stamp, wanted);
  return python;
}

async function run([command, ...args]: string[], log: (line: string) => void): Promise<void> {
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => log(text.trimEnd()));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  if (status !== 0)
    throw new UserError(
      'bad-argument',
      `"${[command, ...args.slice(0, 3)].join(' ')}" ended with ${status}.`,
      'On Debian, venv is a separate package (sudo apt install python3-venv). Or give --python a Python that has PyTorch and PEFT.',
    );
}
