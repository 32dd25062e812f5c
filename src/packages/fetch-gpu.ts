/** Downloads what only a GPU needs (gpu-packages.ts) from npm's registry into the data directory. */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { digestOf } from '../platform/files/checksum.ts';
import { diskFull, requireSpace } from '../platform/files/disk.ts';
import { downloadCancelled, msg, UserError } from '../text/errors.ts';
import { cacheDir, llamaDir } from '../platform/files/paths.ts';
import { earlierGpuVersions, fetchedPackage, type GpuPackage } from './gpu-packages.ts';
import type { OnFetchProgress } from './pypi.ts';
import { download, fetchChecked, Refused, sizeOf } from '../platform/network/download.ts';
import { hasLostLock, withLock } from '../platform/files/lock.ts';
import { removeFolder, renamePatiently } from '../platform/files/write-file.ts';
import { locatePackage } from './npm-registry.ts';

interface Options {
  onProgress?: OnFetchProgress | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Downloads and unpacks the missing ones of `packages` and removes other versions. Continues an interrupted download,
 * and may run concurrently. Throws UserError `network`, `disk-full`, `base-checksum` or `cancelled`.
 */
export async function fetchGpuPackages(
  packages: readonly GpuPackage[],
  options: Options = {},
): Promise<void> {
  for (const gpuPackage of packages) await fetchPackage(gpuPackage, options);
  // Windows can't delete a binary that another window has loaded; the rest is deleted next time.
  for (const version of await earlierGpuVersions())
    await rm(join(llamaDir(), version), { recursive: true, force: true }).catch(() => undefined);
}

async function fetchPackage(gpuPackage: GpuPackage, options: Options): Promise<void> {
  const to = fetchedPackage(gpuPackage);
  await withLock(
    join(cacheDir(), 'llama', basename(to)),
    async (signal) => existsSync(to) || fetchLocked(gpuPackage, { ...options, signal }),
    { ...options, waitsFor: `${basename(to)}: another process is fetching it` },
  );
}

/** The caller must hold the lock. */
async function fetchLocked(gpuPackage: GpuPackage, options: Options): Promise<void> {
  const part = join(cacheDir(), 'llama', `${basename(gpuPackage.name)}-${gpuPackage.version}.tgz.part`);
  const { signal } = options;
  try {
    await fetchChecked(part, {
      fill: () => downloadTo(part, gpuPackage, options),
      isIntact: () => isComplete(part, gpuPackage, options),
      damaged: () => wrongChecksum(gpuPackage),
    });
    await unpack(part, gpuPackage, options);
    await rm(part, { force: true });
  } catch (error) {
    if (signal?.aborted) throw downloadCancelled();
    if (!(error instanceof Refused)) throw diskFull(error, part);
    throw new UserError(
      'network',
      msg`${gpuPackage.name} can't be downloaded: ${error.message}.`,
      error.signIn
        ? msg`Put the sign-in to the registry into npm's configuration (npm login, or .npmrc), and try again.`
        : msg`Check the connection; a registry, a proxy and certificates can be named in npm's configuration. Then try again.`,
      { cause: error },
    );
  }
}

const wrongChecksum = ({ name }: GpuPackage) =>
  new UserError(
    'base-checksum',
    msg`${name} from npm's registry does not have the expected checksum.`,
    msg`Try again; if that does not help, ask whoever runs the registry.`,
  );

async function downloadTo(
  part: string,
  gpuPackage: GpuPackage,
  { onProgress, signal }: Options,
): Promise<void> {
  const what = basename(gpuPackage.name);
  await mkdir(dirname(part), { recursive: true });
  if ((await sizeOf(part)) === gpuPackage.bytes) return;
  onProgress?.({ phase: 'resolving', what, done: 0, total: 0 });
  const { url, headers, connection } = await locatePackage(gpuPackage.name, gpuPackage.version, signal);
  await download(url, part, {
    headers,
    network: connection,
    signal,
    onBytes: (done) => onProgress?.({ phase: 'downloading', what, done, total: gpuPackage.bytes }),
  });
}

async function isComplete(part: string, gpuPackage: GpuPackage, { onProgress }: Options): Promise<boolean> {
  const [algorithm = '', expected] = gpuPackage.integrity.split(/-(.*)/s);
  const what = basename(gpuPackage.name);
  const digest = await digestOf(part, algorithm, (done) =>
    onProgress?.({ phase: 'checking', what, done, total: gpuPackage.bytes }),
  );
  return digest.toString('base64') === expected;
}

/** Unpacks into a new folder, which is renamed when complete. */
async function unpack(part: string, gpuPackage: GpuPackage, { onProgress, signal }: Options): Promise<void> {
  const to = fetchedPackage(gpuPackage);
  const staged = `${to}.new`;
  await removeFolder(staged);
  await mkdir(staged, { recursive: true });
  await requireSpace(staged, gpuPackage.unpacked);
  let done = 0;
  const onReadEntry = ({ size = 0 }: { size?: number }) =>
    onProgress?.({
      phase: 'unpacking',
      what: basename(to),
      done: (done += size),
      total: gpuPackage.unpacked,
    });
  try {
    // All files are in the folder "package".
    const { extract } = await import('tar');
    await extract({ file: part, cwd: staged, strip: 1, strict: true, onReadEntry });
    signal?.throwIfAborted();
    await renamePatiently(staged, to);
  } finally {
    if (!hasLostLock(signal)) await removeFolder(staged);
  }
}
