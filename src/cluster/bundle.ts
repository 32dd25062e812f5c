/**
 * Packages the program for a cluster: the bundles next to this one, the driver, and the packages that are not bundled,
 * with the binaries for the workers' platform. The result is one Python package, `forget_me_not/`.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { packageRoot } from '../llama-cpp/llama.ts';
import { msg, UserError } from '../text/errors.ts';
import { describePackage, type Package, type PackedFile } from './zip.ts';
import { ignoreMissing } from '../runs/file-mark.ts';

/** The workers' platform, by VS Code's name, and llama.cpp's package for it. */
export const WORKERS = 'linux-x64';
const LLAMA = `@node-llama-cpp/${WORKERS}`;
/** Without webgpu, which is large: workers compute with TensorFlow or WebAssembly. */
const externalPackages = [LLAMA, 'pyodide'];

/** Files in dist/ that only an editor or the local command line runs. */
const editorOnly = /^(webview|cluster)\/|^(extension\.cjs|(indexer|next-edit-finder|cluster-follower)\.mjs)$/;
/** A binding for another platform. */
const foreignBinding = new RegExp(`^native/prebuilt/(?!${WORKERS}/)`);
/** Files only for people and compilers, as in scripts/package.mjs. */
const unneededFiles =
  /\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|bundle|html)$|(^|\/)(test|tests|docs|example|examples)\//i;

/**
 * `root`: the folder that contains dist/ and node_modules/. Errors: cluster-failed if something is missing there, such
 * as the workers' llama.cpp in packages for other platforms.
 */
export async function bundlePackage(version: string, root = packageRoot()): Promise<Package> {
  if (!resolvePackage(root, root, LLAMA)) throw otherPlatform();
  const dist = join(root, 'dist');
  const driver = await filesIn(join(dist, 'cluster'), (name) => name.endsWith('.py'));
  if (driver.length === 0) throw incomplete(join(dist, 'cluster'));
  const bundles = await filesIn(
    dist,
    (name) => !/\.map$|^\./.test(name) && !editorOnly.test(name) && !foreignBinding.test(name),
  );
  const packages = await packageFolders(root, externalPackages);
  const files = [...withPrefix('', driver), ...withPrefix('dist/', bundles)];
  for (const folder of packages)
    files.push(
      ...withPrefix(
        `${relative(root, folder).split(sep).join('/')}/`,
        await filesIn(folder, (name) => !unneededFiles.test(name) && !name.startsWith('node_modules/')),
      ),
    );
  return describePackage(
    `forget-me-not-${version}`,
    files.map(({ name, from }) => ({ name: `forget_me_not/${name}`, from })),
  );
}

const withPrefix = (prefix: string, files: readonly PackedFile[]): PackedFile[] =>
  files.map(({ name, from }) => ({ name: prefix + name, from }));

/** The chosen files in a folder, recursively, with relative names and forward slashes. */
export async function filesIn(folder: string, choose: (name: string) => boolean): Promise<PackedFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(ignoreMissing);
  return (entries ?? [])
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .map((from) => ({ name: relative(folder, from).split(sep).join('/'), from }))
    .filter(({ name }) => choose(name));
}

/** The folders of packages and their dependencies. Errors: cluster-failed if one of `names` is missing. */
async function packageFolders(root: string, names: readonly string[]): Promise<string[]> {
  const folders = new Set<string>();
  const queue = names.map((name) => {
    const folder = resolvePackage(root, root, name);
    if (!folder) throw incomplete(join(root, 'node_modules', name));
    return folder;
  });
  for (let folder = queue.pop(); folder; folder = queue.pop()) {
    if (folders.has(folder)) continue;
    folders.add(folder);
    const text = await readFile(join(folder, 'package.json'), 'utf8');
    const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
    // Our own package omits build-time dependencies, so they may be missing.
    for (const name of Object.keys(dependencies)) {
      const dependency = resolvePackage(root, folder, name);
      if (dependency) queue.push(dependency);
    }
  }
  return [...folders];
}

/** Node's resolution: in the node_modules of the importing package, or of one of its parent folders. */
function resolvePackage(root: string, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (folder === root || folder === dirname(folder)) return undefined;
  }
}

const otherPlatform = () =>
  new UserError(
    'cluster-failed',
    msg`This installation can't send work to a cluster: it has llama.cpp for ${process.platform}-${process.arch} only, and workers need that for ${WORKERS}.`,
    msg`Run the command where Forget-Me-Not for ${WORKERS} is installed, such as on the cluster's head.`,
  );

const incomplete = (path: string) =>
  new UserError(
    'cluster-failed',
    msg`This installation can't run on a cluster, because ${path} is missing.`,
    msg`Install Forget-Me-Not again.`,
  );
