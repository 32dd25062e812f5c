/**
 * Installs TensorFlow's libraries (from PyPI wheels) and the Node binding, in a new folder that is renamed when
 * complete.
 */
import { chmod, copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedBytes, fetchWheel, type OnFetchProgress } from '../../packages/pypi.ts';
import { requireSpace } from '../../platform/files/disk.ts';
import { hasLostLock, withLock } from '../../platform/files/lock.ts';
import { extract } from '../../platform/files/zip.ts';
import { msg, UserError } from '../../text/errors.ts';
import { cacheDir, runtimeDir } from '../../platform/files/paths.ts';
import { removeFolder, writeByRename } from '../../platform/files/write-file.ts';
import {
  allEnded,
  compileObjects,
  compilerMissing,
  findCompiler,
  isCurrent,
  isNeededHeader,
  linkBinding,
  nativeSources,
  sourcesDigest,
  type NativeSources,
} from './binding.ts';
import { BINDING, MANIFEST, newManifest, readManifest, tensorflowDir, type Manifest } from './find.ts';
import { libraries, offer, type Release } from './release.ts';
import { verifyBinding } from './verify.ts';

interface InstallOptions {
  /** With CUDA (Linux x64, NVIDIA driver). An installed runtime with CUDA also counts as one without. */
  gpu: boolean;
  /** Keep the wheels in the cache. */
  keepDownloads?: boolean;
  onProgress?: OnFetchProgress | undefined;
  signal?: AbortSignal | undefined;
}

interface Job extends InstallOptions {
  release: Release;
  /** The folder in which it is assembled. */
  dir: string;
}

/**
 * Installs the runtime unless a complete one exists. An interrupted installation reuses what was downloaded; of two
 * concurrent ones, the second waits and then finds it installed. Throws UserError `compiler-missing`, `network`,
 * `disk-full`, `base-checksum`, `backend-unavailable` (not offered for this machine, or does not start) or `cancelled`.
 */
export async function installRuntime(options: InstallOptions): Promise<void> {
  const { gpu, onProgress, signal } = options;
  const offered = offer(gpu);
  if (!offered.release)
    throw new UserError(
      'backend-unavailable',
      offered.why,
      msg`Nothing needs to be done: training works without it, only slower.`,
    );
  const { release } = offered;
  if ((await isInstalled(release, gpu)) && (await isCurrent(await nativeSources()))) return;
  try {
    await withLock(
      join(runtimeDir(), 'install'),
      async (held) => {
        const job = { ...options, signal: held, release, dir: join(runtimeDir(), 'tensorflow.new') };
        try {
          if (!(await isInstalled(release, gpu))) await install(job);
          else await refreshBinding(job);
        } finally {
          if (!hasLostLock(held)) await removeFolder(job.dir);
        }
      },
      { signal, onProgress, waitsFor: 'another process is installing it' },
    );
  } catch (error) {
    if (signal?.aborted && !(error instanceof UserError))
      throw new UserError(
        'cancelled',
        msg`The installation was cancelled.`,
        msg`Run it again to continue; the download is kept.`,
      );
    throw error;
  }
}

async function isInstalled(release: Release, gpu: boolean): Promise<boolean> {
  const manifest = await readManifest(tensorflowDir());
  return manifest?.version === release.version && (manifest.gpu || !gpu);
}

/** After a product update: rebuilds the binding and keeps the libraries. Downloads nothing. */
async function refreshBinding(job: Job): Promise<void> {
  const dir = tensorflowDir();
  const native = await nativeSources();
  const manifest = await readManifest(dir);
  if (!manifest || (await isCurrent(native))) return;
  const compiler = await requireCompilerOrPrebuilt(native);
  // The old binding stays until the new one has been tested; running trainers keep using it.
  const fresh = join(dir, `new.${BINDING}`);
  try {
    const { binding } = await provideBinding(native, { ...job, dir, compiler }, fresh);
    await rename(fresh, join(dir, BINDING));
    await writeManifest(dir, { ...manifest, binding, sources: await sourcesDigest(native) });
  } finally {
    await rm(fresh, { force: true });
  }
}

async function install(job: Job): Promise<void> {
  const { dir, release } = job;
  // Check before downloading for half an hour.
  const native = await nativeSources();
  const compiler = await requireCompilerOrPrebuilt(native);
  await removeFolder(dir);
  await mkdir(dir, { recursive: true });
  const wanted = [release, ...release.cuda];
  const cached = await cachedBytes(wanted);
  await requireSpace(dir, Math.max(0, release.download - cached) + release.installed);
  const wheels: string[] = [];
  for (const wheel of wanted) wheels.push(await fetchWheel({ ...job, tags: release.tags, ...wheel }));
  await unpack(wheels[0]!, dir, isNeededHeader, job);
  const making = { ...job, compiler };
  const made = await provideBinding(native, making, join(dir, BINDING), () => unpackLibraries(wheels, job));
  await finish(job, { ...made, sources: await sourcesDigest(native) });
  if (!job.keepDownloads) for (const wheel of wheels) await rm(wheel, { force: true });
}

type Compiler = Awaited<ReturnType<typeof findCompiler>>;

/** The compiler, unless there is a prebuilt binding. Throws UserError `compiler-missing` if there is neither. */
async function requireCompilerOrPrebuilt({ prebuilt }: NativeSources): Promise<Compiler> {
  const compiler = prebuilt ? undefined : await findCompiler();
  if (!prebuilt && !compiler) throw compilerMissing();
  return compiler;
}

/**
 * Provides a tested binding: the prebuilt one, or a newly compiled one if that is missing or does not start here.
 * `unpacking` resolves when TensorFlow's libraries are in place, which only the test needs. Throws like compileObjects
 * and verifyBinding.
 */
async function provideBinding(
  native: NativeSources,
  { dir, release, onProgress, signal, ...job }: Job & { compiler: Compiler },
  to: string,
  unpacking: () => Promise<void> = () => Promise.resolve(),
): Promise<Pick<Manifest, 'version' | 'binding'>> {
  const tell = (phase: 'building' | 'verifying', what: string) =>
    onProgress?.({ phase, what, done: 0, total: 0 });
  const verified = async (binding: string) => {
    tell('verifying', `TensorFlow ${release.version}`);
    return { version: (await verifyBinding(to, signal)).version, binding };
  };
  let { compiler } = job;
  let unpacked: Promise<void> | undefined;
  if (native.prebuilt) {
    await (unpacked = unpacking());
    await copyFile(native.prebuilt, to);
    try {
      return await verified('prebuilt');
    } catch (error) {
      if (!signal?.aborted) compiler = await findCompiler();
      if (!compiler) throw error;
    }
  }
  if (!compiler) throw compilerMissing();
  await allEnded([compileObjects(compiler, native, dir, signal), unpacked ?? unpacking()]);
  tell('building', 'the Node binding');
  await linkBinding(compiler, native, dir, to, signal);
  return await verified(compiler.version);
}

async function unpack(
  wheel: string,
  dir: string,
  wanted: (name: string) => boolean,
  { signal }: Job,
  onBytes?: (done: number, total: number) => void,
) {
  // Names in a wheel are untrusted: none may escape the folder.
  const choose = ({ name }: { name: string }) =>
    wanted(name) && !name.split('/').includes('..') ? join(dir, name) : undefined;
  return await extract(wheel, { choose, ...(onBytes ? { onBytes } : {}), signal });
}

/** Selects CUDA's files, without headers and static libraries, which are not needed at run time. */
const isCudaFile = (name: string) => name.startsWith('nvidia/') && !/\/include\/|\.a$/.test(name);

async function unpackLibraries(wheels: string[], job: Job): Promise<void> {
  for (const [index, wheel] of wheels.entries()) {
    const what =
      index === 0 ? "TensorFlow's libraries" : `CUDA's libraries, ${index} of ${wheels.length - 1}`;
    const wanted =
      index === 0 ? (name: string) => (libraries as readonly string[]).includes(name) : isCudaFile;
    const onBytes = (done: number, total: number) =>
      job.onProgress?.({ phase: 'unpacking', what, done, total });
    for (const path of await unpack(wheel, job.dir, wanted, job, onBytes))
      if (path.includes('/bin/')) await chmod(path, 0o755);
  }
}

/** Writes the manifest and moves the folder into place. The headers stay for rebuilding the binding. */
async function finish(
  { dir, gpu }: Job,
  made: Pick<Manifest, 'version' | 'binding' | 'sources'>,
): Promise<void> {
  await writeManifest(dir, { ...made, gpu });
  const old = `${tensorflowDir()}.old`;
  await removeFolder(old);
  await rename(tensorflowDir(), old).catch(() => undefined);
  await rename(dir, tensorflowDir());
  await removeFolder(old);
}

async function writeManifest(
  dir: string,
  made: Pick<Manifest, 'version' | 'binding' | 'sources' | 'gpu'>,
): Promise<void> {
  const files: Record<string, number> = {};
  for (const name of [BINDING, ...libraries]) files[name] = (await stat(join(dir, name))).size;
  const { version, binding, sources, gpu } = made;
  const manifest = newManifest({ version, gpu, binding, sources, files });
  await writeByRename(join(dir, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** What to show before installing: download and disk size in bytes, and the download folder. */
export function installSize(
  gpu: boolean,
): { download: number; installed: number; cache: string } | undefined {
  const { release } = offer(gpu);
  return release && { download: release.download, installed: release.installed, cache: cacheDir() };
}
