// The packages with binaries for a platform, as pinned by package-lock.json and gpu-packages.json: the installed ones, or
// downloaded from the registry and checked. This allows building the package of any platform on any other. Run as a
// script, it downloads those of all platforms.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, run } from './setup.mjs';

/** VS Code's platform names, and Node's equivalents. Not musl, for which llama.cpp has no binaries. */
export const targets = {
  'linux-x64': { os: 'linux', cpu: 'x64' },
  'linux-arm64': { os: 'linux', cpu: 'arm64' },
  'darwin-x64': { os: 'darwin', cpu: 'x64' },
  'darwin-arm64': { os: 'darwin', cpu: 'arm64' },
  'win32-x64': { os: 'win32', cpu: 'x64' },
  'win32-arm64': { os: 'win32', cpu: 'arm64' },
};
export const ownTarget = `${process.platform}-${process.arch}`;

const jsonOf = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));
const lock = jsonOf('package-lock.json').packages;
/** llama.cpp's binaries, by their path in this folder. */
const bound = Object.entries(lock).filter(([path]) => path.startsWith('node_modules/@node-llama-cpp/'));
/** What only a GPU needs, which npm does not install: llama.cpp's builds for CUDA and Vulkan, and Dawn. */
const gpuTable = jsonOf('src/packages/gpu-packages.json');
const builds = gpuTable.packages.map((one) => ({ ...one, version: gpuTable.version }));
const pathOf = ({ name }) => `node_modules/${name}`;
const gpuPins = new Map([...builds, gpuTable.dawn].map((one) => [pathOf(one), one]));
/** Packages that can't be bundled, because they locate native code or assets relative to themselves. Dawn is another. */
const OUTSIDE = ['pyodide'];
const cache = join(root, 'node_modules/.cache/forget-me-not-platforms');

/** The unbundled packages and their dependencies, by their paths in package-lock.json. */
export function packagesOutside() {
  const found = new Set();
  const add = (name, from) => {
    const path = locate(name, from);
    if (!path || found.has(path)) return;
    found.add(path);
    for (const needed of Object.keys(lock[path].dependencies ?? {})) add(needed, path);
  };
  for (const name of OUTSIDE) add(name, '');
  return [...found];
}

/** Resolves like Node: in the node_modules of the importing package or of a parent folder. */
function locate(name, from) {
  const path = `${from ? `${from}/` : ''}node_modules/${name}`;
  if (lock[path] || !from) return lock[path] && path;
  return locate(name, from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/'))));
}

/** @returns {Record<string, string>} the versions of packages, by their paths in this folder */
export const versionsOf = (paths) =>
  Object.fromEntries(
    paths
      .map((path) => path.replaceAll('\\', '/'))
      .map((path) => [path.replace(/^node_modules\//, ''), (gpuPins.get(path) ?? lock[path]).version]),
  );

/**
 * Whether a file of the package `webgpu` is needed on a platform: it contains Dawn for all platforms, and build
 * scripts.
 * @param {keyof typeof targets} target
 * @param {string} file its path in the package
 */
export function isOfWebgpu(target, file) {
  const [folder, platform] = file.split(/[\\/]/).filter(Boolean);
  if (folder === 'build') return false;
  if (folder !== 'dist' || !platform) return true;
  const { os, cpu } = targets[target];
  return platform === (os === 'darwin' ? 'darwin-universal' : `${os}-${cpu}`);
}

/**
 * @param {keyof typeof targets} target
 * @param {{ gpu: boolean }} options whether to include llama.cpp's CUDA and Vulkan binaries (600 MB)
 * @returns {Promise<{ inside: string, path: string }[]>} each package's path in the .vsix, and its current path
 */
export async function platformPackages(target, { gpu }) {
  const { os, cpu } = targets[target];
  const wanted = bound.filter(
    ([, one]) =>
      one.os[0] === os &&
      // The first CPU is the one it runs on; packages also list CPUs that can build for it.
      one.cpu[0] === cpu &&
      one.libc?.[0] !== 'musl',
  );
  const own = new RegExp(`/${os.replace('win32', 'win')}-${cpu}-(cuda|cuda-ext|vulkan)$`);
  for (const one of gpu ? builds.filter(({ name }) => own.test(name)) : []) wanted.push([pathOf(one), one]);
  wanted.push([pathOf(gpuTable.dawn), gpuTable.dawn]);
  const found = [];
  for (const [inside, one] of wanted)
    found.push({ inside, path: isInstalled(inside, one) ? join(root, inside) : await fetched(inside, one) });
  return found;
}

function isInstalled(inside, { version }) {
  const manifest = join(root, inside, 'package.json');
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version;
}

/** Dawn's folder, fetched if need be. */
export const dawnFolder = () => fetched(pathOf(gpuTable.dawn), gpuTable.dawn);

/** Fetches Dawn and llama.cpp's build for Vulkan for this platform, and links them into node_modules: for tests. */
export async function linkGpuPackages() {
  const own = `@node-llama-cpp/${ownTarget.replace('win32', 'win')}-vulkan`;
  for (const one of [gpuTable.dawn, ...builds.filter(({ name }) => name === own)]) {
    const inside = pathOf(one);
    if (isInstalled(inside, one)) continue;
    const place = await fetched(inside, one);
    // Test files do this side by side.
    if (isInstalled(inside, one)) continue;
    const link = join(root, inside);
    rmSync(link, { recursive: true, force: true });
    try {
      symlinkSync(place, link, 'junction');
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
  }
}

async function fetched(inside, { version, integrity }) {
  const name = inside.replace(/^.*node_modules\//, '');
  const place = join(cache, `${name}@${version}`);
  if (existsSync(place)) return place;
  console.error(`Fetching ${name} ${version}`);
  mkdirSync(dirname(place), { recursive: true });
  const dir = mkdtempSync(join(cache, 'new-'));
  try {
    let file = '';
    const onLine = (line) => (/\.tgz$/.test(line) ? (file = join(dir, line.trim())) : undefined);
    const args = ['pack', `${name}@${version}`, '--pack-destination', dir, '--loglevel=error'];
    const pack = () => run('npm', args, { onLine });
    // A registry fails at times.
    await pack().catch(pack);
    const [algorithm, expected] = integrity.split(/-(.*)/s);
    const actual = createHash(algorithm).update(readFileSync(file)).digest('base64');
    if (actual !== expected) throw new Error(`${name} ${version} does not match its checksum.`);
    await run('tar', ['-xzf', file, '-C', dir]);
    try {
      renameSync(join(dir, 'package'), place);
    } catch (error) {
      // Another process was quicker.
      if (!existsSync(place)) throw error;
    }
    return place;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const target of Object.keys(targets)) await platformPackages(target, { gpu: false });
