/**
 * The Node binding of @tensorflow/tfjs-node-gpu on the wheel's libraries. It needs TensorFlow's C API only, and
 * is Node-API itself: one build serves every Node and Electron.
 */
import { execFile } from 'node:child_process';
import { access, copyFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { UserError } from '../../protocol/errors.ts';
import { BINDING } from './find.ts';
import { libraries } from './release.ts';

const exec = promisify(execFile);
const exists = async (path: string) =>
  await access(path).then(
    () => true,
    () => false,
  );

export interface NativeSources {
  /** Folder whose `binding/` holds the C++ sources. */
  root: string;
  /** Folder of node_api.h. */
  nodeApi: string;
  /** A binding built beforehand for this platform, when there is one. */
  prebuilt: string | undefined;
}

/** Beside the bundle (dist/native), else in node_modules (tests, unbundled). */
export async function nativeSources(): Promise<NativeSources> {
  const bundled = join(dirname(fileURLToPath(import.meta.url)), 'native');
  const prebuilt = join(bundled, 'prebuilt', `${process.platform}-${process.arch}`, BINDING);
  if (await exists(join(bundled, 'binding')))
    return {
      root: bundled,
      nodeApi: join(bundled, 'node-api'),
      prebuilt: (await exists(prebuilt)) ? prebuilt : undefined,
    };
  const require = createRequire(import.meta.url);
  return {
    root: dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json')),
    nodeApi: join(dirname(require.resolve('node-api-headers/package.json')), 'include'),
    prebuilt: undefined,
  };
}

/** The first C++ compiler found ($CXX, c++, g++, clang++) and its version line. */
export async function findCompiler(): Promise<{ command: string; version: string } | undefined> {
  for (const command of [process.env['CXX'], 'c++', 'g++', 'clang++']) {
    if (!command) continue;
    try {
      const { stdout } = await exec(command, ['--version'], { timeout: 20_000 });
      return { command, version: stdout.split('\n')[0]?.trim() ?? command };
    } catch {
      // Not there, or not runnable: the next one.
    }
  }
  return undefined;
}

const compilerAdvice =
  "Install one with `sudo apt install g++` (or your distribution's package of that name) and run `forget-me-not runtime install` again; until then the wasm backend is used.";

export function compilerMissing(): UserError {
  return new UserError(
    'compiler-missing',
    'No C++ compiler was found, and there is no ready-made TensorFlow binding for this machine.',
    compilerAdvice,
  );
}

/** TensorFlow's headers that the binding includes: the C API and what that pulls in. */
export const isNeededHeader = (name: string) =>
  /^tensorflow\/include\/(tensorflow\/c\/[^/]+\.h|tensorflow\/c\/eager\/c_api\.h|tensorflow\/core\/platform\/ctstring[^/]*\.h|(xla\/)?tsl\/(platform\/ctstring[^/]*|c\/tsl_status)\.h)$/.test(
    name,
  );

async function compiler(command: string, args: string[], signal?: AbortSignal): Promise<void> {
  try {
    await exec(command, args, { ...(signal ? { signal } : {}), maxBuffer: 1 << 24 });
  } catch (error) {
    signal?.throwIfAborted();
    const { stderr = '', message } = error as Error & { stderr?: string };
    const line = /^.*(error|undefined reference).*$/im.exec(stderr)?.[0] ?? message;
    throw new UserError(
      'compiler-missing',
      `The TensorFlow binding could not be compiled: ${line}`,
      compilerAdvice,
      { cause: error },
    );
  }
}

const sources = ['tfjs_backend', 'tfjs_binding'];

/** Compiles the sources (14 headers of the wheel must be in `dir`); about 2 s. */
export async function compileObjects(
  command: string,
  native: NativeSources,
  dir: string,
  signal?: AbortSignal,
): Promise<void> {
  const includes = [native.root, join(dir, 'tensorflow/include'), native.nodeApi].map((path) => `-I${path}`);
  const flags = ['-std=c++17', '-O2', '-fPIC', '-DNAPI_VERSION=8', '-c', ...includes];
  const one = (name: string) =>
    compiler(
      command,
      [...flags, join(native.root, 'binding', `${name}.cc`), '-o', join(dir, `${name}.o`)],
      signal,
    );
  await Promise.all(sources.map(one));
}

/**
 * Links the objects. Reading the symbols of an 800 MB library takes GNU ld 6 s and tells nothing that
 * loading it does not: so it is linked to empty libraries of the same name, and `-z now` makes loading (which
 * verifyBinding does) resolve every symbol. No path of this machine stays in the result.
 */
export async function linkBinding(command: string, dir: string, signal?: AbortSignal): Promise<void> {
  const objects = sources.map((name) => join(dir, `${name}.o`));
  const stubs = libraries.map((name) => join(dir, `stub-${basename(name)}`));
  for (const stub of stubs) {
    const soname = basename(stub).slice('stub-'.length);
    await compiler(
      command,
      ['-shared', '-nostdlib', '-x', 'c++', '/dev/null', `-Wl,-soname,${soname}`, '-o', stub],
      signal,
    );
  }
  const linking = ['-Wl,--no-as-needed', '-Wl,-z,now', '-Wl,-rpath,$ORIGIN/tensorflow'];
  await compiler(
    command,
    ['-shared', '-s', ...linking, ...objects, ...stubs, '-o', join(dir, BINDING)],
    signal,
  );
  for (const path of [...objects, ...stubs]) await rm(path);
}

export async function usePrebuilt(prebuilt: string, dir: string): Promise<void> {
  await copyFile(prebuilt, join(dir, BINDING));
}
