// `npm run package`: builds and packs forget-me-not.vsix for this platform, with what can't be bundled and no more:
// node-llama-cpp with its CPU binary, and Pyodide. `-- --gpu` adds llama.cpp's CUDA and Vulkan binaries (600 MB).
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, ensureDependencies } from './setup.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const platform = { darwin: 'mac', win32: 'win' }[process.platform] ?? process.platform;

/** Packages that are no use at run time: compilers, binaries of other machines. */
function isNeeded(name, gpu) {
  if (name === 'typescript') return false;
  const [scope, binary] = name.split('/');
  if (scope !== '@node-llama-cpp') return true;
  const own = `${platform}-${process.arch}`;
  // Macs have one binary for both the CPU and Metal.
  return binary === own || binary.startsWith(`${own}-metal`) || (gpu && binary.startsWith(own));
}

/** Files that only people and compilers read, and llama.cpp's whole source history. */
const isUseless = (path) =>
  /\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|bundle|html)$/i.test(path) ||
  /[\\/](test|tests|docs|example|examples)[\\/]/.test(path);

function productionPackages() {
  const listed = execFileSync('npm', ['ls', '--omit=dev', '--parseable', '--all', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  return listed
    .split('\n')
    .slice(1)
    .filter((path) => path && existsSync(path));
}

/** Lays out what goes into the package. */
function stage(dir, gpu) {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const key of ['scripts', 'devDependencies', 'private', 'bin', 'allowScripts']) delete manifest[key];
  writeFileSync(join(dir, 'package.json'), JSON.stringify(manifest, null, 2));
  for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE', 'media', 'dist'].filter((one) =>
    existsSync(join(root, one)),
  ))
    cpSync(join(root, name), join(dir, name), {
      recursive: true,
      filter: (path) => !/\.map$|\.built$/.test(path),
    });
  for (const path of productionPackages()) {
    const inside = relative(root, path);
    const name = inside
      .split(/node_modules[\\/]/)
      .at(-1)
      .replaceAll('\\', '/');
    if (!isNeeded(name, gpu)) continue;
    // Nested packages are listed on their own.
    const nested = join(path, 'node_modules');
    cpSync(path, join(dir, inside), {
      recursive: true,
      dereference: true,
      filter: (file) => file !== nested && !isUseless(file.slice(path.length)),
    });
  }
}

/** @returns {Promise<string>} the path of the .vsix */
export async function packageExtension({ gpu = false, quiet = false } = {}) {
  await ensureDependencies();
  await build();
  const vsix = join(root, 'forget-me-not.vsix');
  const stamp = statSync(join(root, 'dist/.built')).mtimeMs;
  const packager = statSync(fileURLToPath(import.meta.url)).mtimeMs;
  if (!gpu && existsSync(vsix) && statSync(vsix).mtimeMs > Math.max(stamp, packager)) return vsix;
  const dir = join(root, 'node_modules/.cache/forget-me-not-vsix');
  stage(dir, gpu);
  const { createVSIX } = await import('@vscode/vsce');
  const { log, warn } = console;
  // vsce lists every file and advises to bundle.
  console.log = console.warn = () => {};
  try {
    await createVSIX({
      cwd: dir,
      packagePath: vsix,
      dependencies: true,
      allowMissingRepository: true,
      skipLicense: true,
      rewriteRelativeLinks: false,
    });
  } finally {
    Object.assign(console, { log, warn });
  }
  rmSync(dir, { recursive: true, force: true });
  if (!quiet) console.log(`${vsix}: ${Math.round(statSync(vsix).size / 1e6)} MB`);
  return vsix;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await packageExtension({ gpu: process.argv.includes('--gpu') });
