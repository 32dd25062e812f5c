/**
 * The program as it goes to a cluster: the bundles beside this one, the driver, and the packages that stay outside the
 * bundles, with the binaries for the workers' platform. One Python package, `forget_me_not/`.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { packageRoot } from '../llama-cpp/llama.ts';
import { msg, UserError } from '../text/errors.ts';
import { describePackage, type Package, type PackedFile } from './zip.ts';

/** What workers run on, by VS Code's name, and llama.cpp's package for it. */
export const WORKERS = 'linux-x64';
const LLAMA = `@node-llama-cpp/${WORKERS}`;
/** Webgpu is left out: it is large, and workers compute by TensorFlow or WebAssembly. */
const outside = [LLAMA, 'pyodide'];

/** In dist/, what only an editor or this machine's command line runs. */
const ofEditors =
  /^(webview|cluster)\/|^(extension\.cjs|(indexer|next-edit-finder|preference-keeper|cluster-follower)\.mjs)$/;
/** A binding for another platform. */
const otherBinding = new RegExp(`^native/prebuilt/(?!${WORKERS}/)`);
/** What only people and compilers read, as in scripts/package.mjs. */
const useless =
  /\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|bundle|html)$|(^|\/)(test|tests|docs|example|examples)\//i;

/**
 * `root`: the folder that holds dist/ and node_modules/. Errors: cluster-failed if something is missing there, as the
 * workers' llama.cpp is in packages for other platforms.
 */
export async function bundlePackage(version: string, root = packageRoot()): Promise<Package> {
  if (!locate(root, root, LLAMA)) throw otherPlatform();
  const dist = join(root, 'dist');
  const driver = await filesIn(join(dist, 'cluster'), (name) => name.endsWith('.py'));
  if (driver.length === 0) throw incomplete(join(dist, 'cluster'));
  const bundles = await filesIn(
    dist,
    (name) => !/\.map$|^\./.test(name) && !ofEditors.test(name) && !otherBinding.test(name),
  );
  const packages = await packagesFor(root, outside);
  const files = [...into('', driver), ...into('dist/', bundles)];
  for (const folder of packages)
    files.push(
      ...into(
        `${relative(root, folder).split(sep).join('/')}/`,
        await filesIn(folder, (name) => !useless.test(name) && !name.startsWith('node_modules/')),
      ),
    );
  return describePackage(
    `forget-me-not-${version}`,
    files.map(({ name, from }) => ({ name: `forget_me_not/${name}`, from })),
  );
}

const into = (prefix: string, files: readonly PackedFile[]): PackedFile[] =>
  files.map(({ name, from }) => ({ name: prefix + name, from }));

/** The chosen files in a folder and its folders, by their names within it with forward slashes. */
export async function filesIn(folder: string, choose: (name: string) => boolean): Promise<PackedFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    },
  );
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .map((from) => ({ name: relative(folder, from).split(sep).join('/'), from }))
    .filter(({ name }) => choose(name));
}

/** The folders of packages and of all that they need. Errors: cluster-failed if one of `names` is not there. */
async function packagesFor(root: string, names: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  const todo = names.map((name) => {
    const folder = locate(root, root, name);
    if (!folder) throw incomplete(join(root, 'node_modules', name));
    return folder;
  });
  for (let folder = todo.pop(); folder; folder = todo.pop()) {
    if (found.has(folder)) continue;
    found.add(folder);
    const text = await readFile(join(folder, 'package.json'), 'utf8');
    const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
    // Our own package leaves out what is only for compiling; so it is left out here, too.
    for (const name of Object.keys(dependencies)) {
      const needed = locate(root, folder, name);
      if (needed) todo.push(needed);
    }
  }
  return [...found];
}

/** As Node does it: in the node_modules of the importing package, or of a folder around that. */
function locate(root: string, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder, 'node_modules', name);
    if (existsSync(join(place, 'package.json'))) return place;
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
