// `npm run package [-- --target win32-x64]`: builds and packages forget-me-not-TARGET.vsix, by default for this
// platform; `--target all` packages all platforms. It includes only the packages that can't be bundled: llama.cpp's CPU
// binary, Dawn (webgpu) and Pyodide; for Linux also TensorFlow's Node binding. `-- --gpu` adds llama.cpp's CUDA and
// Vulkan binaries (600 MB).
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { notices } from './notices.mjs';
import { prebuiltBinding } from './prebuilt-binding.mjs';
import {
  isOfWebgpu,
  ownTarget,
  packagesOutside,
  platformPackages,
  targets,
  versionsOf,
} from './platform-packages.mjs';
import { build, ensureDependencies } from './setup.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Whether a file is not needed at run time, such as documentation, type declarations and llama.cpp's source history.
 */
const isUseless = (path) =>
  /\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|bundle|html)$/i.test(path) ||
  /[\\/](test|tests|docs|example|examples)[\\/]/.test(path);

/** Replaces links to files of the repository by their text. */
const withoutLocalLinks = (markdown) => markdown.replace(/!?\[([^\]]*)\]\((?!https?:|#)[^)]*\)/g, '$1');

/** Removes references to source maps, which are not packaged. */
function dropMapComments(dir) {
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(js|mjs|cjs|css)$/.test(entry.name)) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const text = readFileSync(path, 'utf8');
    const without = text.replace(/^(\/\/|\/\*)# sourceMappingURL=(?!data:).*$/gm, '');
    if (without !== text) writeFileSync(path, without);
  }
}

/** Translations of package.json, one file per language. */
const textFiles = readdirSync(root).filter((name) => /^package\.nls\.(.+\.)?json$/.test(name));
/** Translations of the extension's texts, one file for each language but English. */
const bundles = readdirSync(join(root, 'l10n')).map((name) => `l10n/${name}`);

/** Copies everything that goes into the package to `dir`. */
async function stage(dir, { target, gpu }) {
  const outside = packagesOutside().map((inside) => ({ inside, path: join(root, inside) }));
  const shipped = [...outside, ...(await platformPackages(target, { gpu }))];
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const key of ['scripts', 'devDependencies', 'overrides', 'private', 'bin', 'allowScripts'])
    delete manifest[key];
  // vsce packages what is listed.
  const atTop = shipped.map(({ inside }) => inside).filter((path) => path.lastIndexOf('node_modules') === 0);
  manifest.dependencies = versionsOf(atTop);
  writeFileSync(join(dir, 'package.json'), JSON.stringify(manifest, null, 2));
  for (const name of ['LICENSE', 'media', 'dist', 'l10n', ...textFiles])
    cpSync(join(root, name), join(dir, name), {
      recursive: true,
      filter: (path) =>
        !/\.map$|\.built$|\.packages\.json$|THIRD-PARTY-NOTICES\.txt$|media[\\/]package$/.test(path),
    });
  const binding = await prebuiltBinding(target);
  if (binding) {
    const place = join(dir, 'dist/native/prebuilt', target);
    mkdirSync(place, { recursive: true });
    cpSync(binding, join(place, basename(binding)));
  }
  // This README has no pictures or links into the repository, which the package does not contain.
  cpSync(join(root, 'media/package/README.md'), join(dir, 'README.md'));
  writeFileSync(
    join(dir, 'CHANGELOG.md'),
    withoutLocalLinks(readFileSync(join(root, 'CHANGELOG.md'), 'utf8')),
  );
  for (const { path, inside } of shipped) {
    // Nested packages have their own entry in the list.
    const nested = join(path, 'node_modules');
    cpSync(path, join(dir, inside), {
      recursive: true,
      dereference: true,
      filter: (file) => {
        const own = file.slice(path.length);
        return (
          file !== nested && !isUseless(own) && (!/(^|[\\/])webgpu$/.test(inside) || isOfWebgpu(target, own))
        );
      },
    });
    // npm, which vsce asks, would miss what only Dawn's types and build need.
    if (inside === 'node_modules/webgpu') {
      const file = join(dir, inside, 'package.json');
      const { dependencies: _, ...own } = JSON.parse(readFileSync(file, 'utf8'));
      writeFileSync(file, JSON.stringify(own, null, 2));
    }
  }
  const bundled = JSON.parse(readFileSync(join(root, 'dist/.packages.json'), 'utf8'));
  const dirs = [...bundled.map((path) => join(root, path)), ...shipped.map(({ path }) => path)];
  writeFileSync(join(dir, 'THIRD-PARTY-NOTICES.txt'), notices(dirs));
  dropMapComments(dir);
}

function noSuchTarget(target) {
  const known = `Targets: ${Object.keys(targets).join(', ')}, all.`;
  const glibc = target.replace('alpine', 'linux');
  if (!target.startsWith('alpine-') || !targets[glibc]) return `There is no target ${target}. ${known}`;
  return (
    `There is no target ${target}: neither llama.cpp nor TensorFlow has binaries for musl, Alpine's C library. ` +
    `Use ${glibc} in a container with glibc, such as one of Debian 12. ${known}`
  );
}

/** Stages a package, and calls `body` with vsce's options for it. */
async function withStaged({ target, gpu }, body) {
  // A real path, because vsce compares it with the paths that npm lists.
  const dir = mkdtempSync(join(realpathSync(tmpdir()), 'forget-me-not-vsix-'));
  const { log, warn } = console;
  // Otherwise vsce lists every file and recommends bundling.
  console.log = console.warn = () => {};
  try {
    await stage(dir, { target, gpu });
    return await body({
      cwd: dir,
      // VS Code refuses to install it on another platform.
      target,
      dependencies: true,
      allowMissingRepository: true,
      skipLicense: true,
      rewriteRelativeLinks: false,
    });
  } finally {
    Object.assign(console, { log, warn });
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * @param options `fresh`: package again even if nothing seems to have changed
 * @returns {Promise<string>} the path of the .vsix
 */
export async function packageExtension({
  target = ownTarget,
  gpu = false,
  quiet = false,
  fresh = false,
} = {}) {
  if (!targets[target]) throw new Error(noSuchTarget(target));
  await ensureDependencies();
  await build();
  const vsix = join(root, `forget-me-not-${target}${gpu ? '-gpu' : ''}.vsix`);
  const stamp = statSync(join(root, 'dist/.built')).mtimeMs;
  const media = readdirSync(join(root, 'media'), { recursive: true }).map((name) => `media/${name}`);
  const sources = [
    ...['package', 'platform-packages', 'prebuilt-binding', 'notices'].map((name) => `scripts/${name}.mjs`),
    ...['package.json', 'CHANGELOG.md'],
    ...textFiles,
    ...bundles,
    ...media,
  ];
  const newest = Math.max(stamp, ...sources.map((file) => statSync(join(root, file)).mtimeMs));
  if (!fresh && existsSync(vsix) && statSync(vsix).mtimeMs > newest) return vsix;
  // In the same folder, because the temporary folder may be on another disk.
  const packed = `${vsix}.${process.pid}`;
  const { createVSIX } = await import('@vscode/vsce');
  try {
    await withStaged({ target, gpu }, (options) => createVSIX({ ...options, packagePath: packed }));
    // By renaming, so that readers never see a partial file.
    renameSync(packed, vsix);
  } finally {
    rmSync(packed, { force: true });
  }
  if (!quiet) console.log(`${vsix}: ${Math.round(statSync(vsix).size / 1e6)} MB`);
  return vsix;
}

/**
 * What createVSIX does, except for compressing and writing: for tests.
 * @param options `scan`: search the files for secrets, as packaging does
 * @param look is called with all files of the package, which are deleted afterwards
 */
export async function lookIntoPackage({ target, scan }, look) {
  await ensureDependencies();
  await build();
  const { collect, printAndValidatePackagedFiles, readManifest } =
    await import('@vscode/vsce/out/package.js');
  await withStaged({ target, gpu: false }, async (options) => {
    const manifest = await readManifest(options.cwd);
    const files = await collect(manifest, options);
    const unsearched = { allowPackageAllSecrets: !scan, allowPackageEnvFile: !scan };
    await printAndValidatePackagedFiles(files, options.cwd, manifest, { ...options, ...unsearched });
    await look(
      files.map(({ path, contents, localPath }) => ({
        path,
        bytes: () => (contents ? Buffer.from(contents) : readFileSync(localPath)),
      })),
    );
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { target: { type: 'string', default: ownTarget }, gpu: { type: 'boolean', default: false } },
  });
  const wanted = values.target === 'all' ? Object.keys(targets) : [values.target];
  try {
    for (const target of wanted) await packageExtension({ target, gpu: values.gpu });
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
