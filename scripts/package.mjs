// `npm run package`: builds and packs forget-me-not.vsix for this platform. Includes only the packages that can't be
// bundled: node-llama-cpp with its CPU binary, and Pyodide. `-- --gpu` adds llama.cpp's CUDA and Vulkan binaries (600
// MB).
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { notices } from './notices.mjs';
import { build, ensureDependencies } from './setup.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const platform = { darwin: 'mac', win32: 'win' }[process.platform] ?? process.platform;

/** False for packages that are useless at run time: compilers, binaries for other machines. */
function isNeeded(name, gpu) {
  if (name === 'typescript') return false;
  const [scope, binary] = name.split('/');
  if (scope !== '@node-llama-cpp') return true;
  const own = `${platform}-${process.arch}`;
  // Macs have one binary for both the CPU and Metal.
  return binary === own || binary.startsWith(`${own}-metal`) || (gpu && binary.startsWith(own));
}

/** True for files that only people and compilers read, and for llama.cpp's whole source history. */
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

/** Replaces links to files of the repository by the link's text. */
const withoutLocalLinks = (markdown) => markdown.replace(/!?\[([^\]]*)\]\((?!https?:|#)[^)]*\)/g, '$1');

/** Source maps are not packed, so no file may point to one. */
function dropMapComments(dir) {
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(js|mjs|cjs|css)$/.test(entry.name)) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const text = readFileSync(path, 'utf8');
    const without = text.replace(/^(\/\/|\/\*)# sourceMappingURL=(?!data:).*$/gm, '');
    if (without !== text) writeFileSync(path, without);
  }
}

/** Copies everything that goes into the package to `dir`. */
function stage(dir, gpu) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const key of ['scripts', 'devDependencies', 'private', 'bin', 'allowScripts']) delete manifest[key];
  writeFileSync(join(dir, 'package.json'), JSON.stringify(manifest, null, 2));
  for (const name of ['LICENSE', 'media', 'dist'])
    cpSync(join(root, name), join(dir, name), {
      recursive: true,
      filter: (path) =>
        !/\.map$|\.built$|\.packages\.json$|THIRD-PARTY-NOTICES\.txt$|media[\\/]package$/.test(path),
    });
  // This README has no pictures and no links into the repository: the package contains neither.
  cpSync(join(root, 'media/package/README.md'), join(dir, 'README.md'));
  writeFileSync(
    join(dir, 'CHANGELOG.md'),
    withoutLocalLinks(readFileSync(join(root, 'CHANGELOG.md'), 'utf8')),
  );
  const shipped = [];
  for (const path of productionPackages()) {
    const inside = relative(root, path);
    const name = inside
      .split(/node_modules[\\/]/)
      .at(-1)
      .replaceAll('\\', '/');
    if (!isNeeded(name, gpu)) continue;
    shipped.push(path);
    // Nested packages have their own entry in the list.
    const nested = join(path, 'node_modules');
    cpSync(path, join(dir, inside), {
      recursive: true,
      dereference: true,
      filter: (file) => file !== nested && !isUseless(file.slice(path.length)),
    });
  }
  const bundled = JSON.parse(readFileSync(join(root, 'dist/.packages.json'), 'utf8'));
  const dirs = [...bundled.map((path) => join(root, path)), ...shipped];
  writeFileSync(join(dir, 'THIRD-PARTY-NOTICES.txt'), notices(dirs));
  dropMapComments(dir);
}

/** @returns {Promise<string>} the path of the .vsix */
export async function packageExtension({ gpu = false, quiet = false } = {}) {
  await ensureDependencies();
  await build();
  const vsix = join(root, 'forget-me-not.vsix');
  const stamp = statSync(join(root, 'dist/.built')).mtimeMs;
  const media = readdirSync(join(root, 'media'), { recursive: true }).map((name) => `media/${name}`);
  const sources = ['scripts/package.mjs', 'scripts/notices.mjs', 'package.json', 'CHANGELOG.md', ...media];
  const newest = Math.max(stamp, ...sources.map((file) => statSync(join(root, file)).mtimeMs));
  if (!gpu && existsSync(vsix) && statSync(vsix).mtimeMs > newest) return vsix;
  // A real path, since vsce compares it with the paths that npm lists.
  const dir = mkdtempSync(join(realpathSync(tmpdir()), 'forget-me-not-vsix-'));
  const { createVSIX } = await import('@vscode/vsce');
  const { log, warn } = console;
  // vsce would list every file and advise bundling.
  console.log = console.warn = () => {};
  try {
    stage(dir, gpu);
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
    rmSync(dir, { recursive: true, force: true });
  }
  if (!quiet) console.log(`${vsix}: ${Math.round(statSync(vsix).size / 1e6)} MB`);
  return vsix;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await packageExtension({ gpu: process.argv.includes('--gpu') });
