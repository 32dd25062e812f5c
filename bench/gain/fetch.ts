/**
 * Downloads a repository with the registry's own client, verifies it, and unpacks it into the cache. None of its code
 * is run.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sha256Of } from '../../src/platform/files/checksum.ts';
import { download, Refused } from '../../src/platform/network/download.ts';
import { runPip } from '../../src/packages/python.ts';
import { UserError } from '../../src/text/errors.ts';
import { findPython } from '../python.ts';
import { gainDir } from './place.ts';
import type { Debian, Npm, Repository, Sdist } from './repositories.ts';

/**
 * The folder with the repository's files, downloaded unless cached. It is named after the repository, as in a checkout.
 * Errors: network, base-checksum, cancelled, bad-argument (the client is not installed).
 */
export async function fetchRepository(
  repository: Repository,
  { signal, tell }: { signal: AbortSignal; tell: (text: string) => void },
): Promise<string> {
  const { name, source, sha256 } = repository;
  const place = join(gainDir(), 'repositories', `${name}-${sha256.slice(0, 8)}`);
  if (existsSync(place)) return join(place, name);
  tell(`${name}: fetching`);
  const staged = `${place}.new`;
  await rm(staged, { recursive: true, force: true });
  const downloads = join(staged, 'download');
  await mkdir(downloads, { recursive: true });
  try {
    const client = { npm: packNpm, sdist: downloadSdist, debian: downloadDebian }[source.kind];
    await (client as (source: Repository['source'], to: string, signal: AbortSignal) => Promise<void>)(
      source,
      downloads,
      signal,
    );
    const file = join(downloads, (await readdir(downloads))[0] ?? '');
    if ((await sha256Of(file)) !== sha256)
      throw new UserError(
        'base-checksum',
        `The package of ${name} does not have the pinned checksum.`,
        'Try again; if that does not help, leave it out with --only.',
      );
    await unpack(file, source, join(staged, name), signal);
    await rm(downloads, { recursive: true });
    await rename(staged, place);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
  return join(place, name);
}

async function packNpm({ package: name, version }: Npm, to: string, signal: AbortSignal): Promise<void> {
  await runClient(
    'npm',
    ['pack', `${name}@${version}`, '--pack-destination', to, '--ignore-scripts', '--silent'],
    { signal },
  );
}

/** Gets only the URL from pip, because `pip download` would build the sdist to determine its name. */
async function downloadSdist({ project, version }: Sdist, to: string, signal: AbortSignal): Promise<void> {
  const file = `${project}-${version}.tar.gz`;
  const asked = ['index', 'versions', project, '--no-binary=:all:', '--ignore-requires-python', '-vv'];
  const url = sdistUrl(await runPip(await findPython(), asked, signal), file);
  if (!url)
    throw new UserError(
      'network',
      `pip's package index has no ${file}.`,
      'Check the index in `pip config list`, or leave it out with --only.',
    );
  try {
    await download(url, join(to, file), { signal });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new UserError(
      'network',
      `${file} could not be downloaded: ${error.message}.`,
      'Check the connection or proxy, then try again.',
    );
  }
}

/** The link to `file` in pip's output with -vv; undefined if there is none. */
export const sdistUrl = (output: string, file: string): string | undefined =>
  output
    .split(/\s+/)
    .filter((word) => /^https?:/.test(word))
    .find((link) => link.replace(/#.*/, '').endsWith(`/${file}`));

async function downloadDebian(
  { package: name, version }: Debian,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  const get = () => runClient('apt-get', ['download', '--quiet', `${name}=${version}`], { cwd: to, signal });
  try {
    await get();
  } catch (error) {
    if (process.getuid?.() !== 0 || signal.aborted) throw error;
    // A fresh machine has no package lists yet.
    await runClient('apt-get', ['update', '--quiet'], { signal });
    await get();
  }
}

async function unpack(
  file: string,
  source: Repository['source'],
  to: string,
  signal: AbortSignal,
): Promise<void> {
  const whole = `${to}.whole`;
  await mkdir(whole);
  if (source.kind === 'debian') await runClient('dpkg-deb', ['-x', file, whole], { signal });
  else await runClient('tar', ['-xzf', file, '-C', whole, '--strip-components=1'], { signal });
  const folder = 'folder' in source ? source.folder : undefined;
  await rename(folder ? join(whole, folder) : whole, to);
  await rm(whole, { recursive: true, force: true });
}

/** Errors: bad-argument if the program is not installed, network if it fails. */
async function runClient(
  command: string,
  args: string[],
  options: { cwd?: string; signal: AbortSignal },
): Promise<void> {
  // On Windows npm is a script, which only a shell can start.
  const shell = process.platform === 'win32' && command === 'npm';
  try {
    await promisify(execFile)(command, args, { ...options, shell });
  } catch (error) {
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT')
      throw new UserError(
        'bad-argument',
        `${command}, which downloads or unpacks this repository, was not found.`,
        'Install it, or choose other repositories with --only.',
      );
    const last = (stderr || message).trim().split('\n').at(-1);
    throw new UserError('network', `${command} ${args[0]} failed: ${last}.`, 'Correct that and try again.');
  }
}
