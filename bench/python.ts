/** The machine's Python, and the PyPI packages that a benchmark needs. */
import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspectPython, type Python } from '../src/packages/python.ts';
import { UserError } from '../src/text/errors.ts';
import { cacheDir } from '../src/platform/files/paths.ts';

/** A Python with pip. Errors: bad-argument if there is none. */
export async function findPython(): Promise<Python> {
  const python = await inspectPython();
  if (python?.pip) return python;
  throw new UserError(
    'bad-argument',
    python ? `Python ${python.version} has no pip.` : 'Python 3.8 or newer was not found.',
    'Install Python 3 with pip; on Debian: sudo apt install python3 python3-pip.',
  );
}

/**
 * Path of the Python in the virtual environment `name`, which is created if needed. Installs the packages listed in the
 * file `requirements` unless the same list is already installed; wheels only, so that nothing is compiled. Errors:
 * bad-argument.
 */
export async function pythonWith(
  requirements: string,
  name: string,
  log: (line: string) => void,
): Promise<string> {
  const dir = join(cacheDir(), name);
  const python = join(dir, ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']));
  // Written last: its presence means that the environment is complete.
  const stamp = join(dir, 'installed.txt');
  const wanted = (await readFile(requirements, 'utf8')).trim();
  if ((await readFile(stamp, 'utf8').catch(() => '')).trim() === wanted) return python;
  const { command, version } = await findPython();
  if (Number(version.split('.')[1]) < 10)
    throw new UserError(
      'bad-argument',
      `These packages need Python 3.10 or newer, but this is ${version}.`,
      'Install a newer one and put it first on PATH.',
    );
  log(`Installing the packages of ${requirements} into ${dir} ...`);
  await rm(dir, { recursive: true, force: true });
  await run([...command, '-m', 'venv', dir], log);
  await run(
    [python, '-m', 'pip', 'install', '--no-input', '--quiet', '--only-binary', ':all:', '-r', requirements],
    log,
  );
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
      'On Debian, venv is a separate package: sudo apt install python3-venv.',
    );
}
