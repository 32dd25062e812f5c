// The packages with binaries for a platform, as pinned by package-lock.json: the installed ones, or downloaded from the
// registry and checked against the lockfile. This allows building the package of any platform on any other. Run as a
// script, it downloads those of all platforms.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
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

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
/** llama.cpp's binaries, by their path in this folder. */
const bound = Object.entries(lock).filter(([path]) => path.startsWith('node_modules/@node-llama-cpp/'));
/** Packages that can't be bundled, because they locate native code or assets relative to themselves. */
const OUTSIDE = ['pyodide', 'webgpu'];
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
    paths.map((path) => [path.replace(/^node_modules\//, ''), lock[path.replaceAll('\\', '/')].version]),
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
    ([path, one]) =>
      one.os[0] === os &&
      // The first CPU is the one it runs on; packages also list CPUs that can build for it.
      one.cpu[0] === cpu &&
      one.libc?.[0] !== 'musl' &&
      (gpu || !/-(cuda|cuda-ext|vulkan)$/.test(path)),
  );
  const found = [];
  for (const [inside, one] of wanted)
    found.push({
      inside,
      path: existsSync(join(root, inside)) ? join(root, inside) : await fetched(inside, one),
    });
  return found;
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
    if (actual !== expected) throw new Error(`${name} ${version} does not match package-lock.json.`);
    await run('tar', ['-xzf', file, '-C', dir]);
    renameSync(join(dir, 'package'), place);
    return place;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const target of Object.keys(targets)) await platformPackages(target, { gpu: false });
