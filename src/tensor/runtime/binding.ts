/**
 * Builds the Node binding of @tensorflow/tfjs-node-gpu against the wheel's libraries. The binding uses only
 * TensorFlow's C API and Node-API, so one build works with every version of Node and Electron.
 */
import { createHash } from 'node:crypto';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exists } from '../../platform/files/exists.ts';
import { outputOf, type OutputError } from '../../platform/processes/start.ts';
import { msg, UserError } from '../../text/errors.ts';
import { BINDING, readManifest, tensorflowDir } from './find.ts';
import { libraries } from './release.ts';

export interface NativeSources {
  /** Folder whose `binding/` holds the C++ sources. */
  root: string;
  /** Folder of node_api.h. */
  nodeApi: string;
  /** Folder of our own kernels: src/tensor/native. */
  kernels: string;
  /** The prebuilt binding for this platform, if there is one. */
  prebuilt: string | undefined;
}

/** The sources next to the bundle (dist/native), else those in node_modules (tests, unbundled). */
export async function nativeSources(): Promise<NativeSources> {
  const bundled = join(dirname(fileURLToPath(import.meta.url)), 'native');
  const prebuilt = join(bundled, 'prebuilt', `${process.platform}-${process.arch}`, BINDING);
  if (await exists(join(bundled, 'binding')))
    return {
      root: bundled,
      nodeApi: join(bundled, 'node-api'),
      kernels: join(bundled, 'kernels'),
      prebuilt: (await exists(prebuilt)) ? prebuilt : undefined,
    };
  const require = createRequire(import.meta.url);
  return {
    root: dirname(require.resolve('@tensorflow/tfjs-node-gpu/package.json')),
    nodeApi: join(dirname(require.resolve('node-api-headers/package.json')), 'include'),
    kernels: join(dirname(fileURLToPath(import.meta.url)), '../native'),
    prebuilt: undefined,
  };
}

/** The first working C++ compiler ($CXX, c++, g++, clang++), and its version line. */
export async function findCompiler(): Promise<(Toolchain & { version: string }) | undefined> {
  for (const command of [process.env['CXX'], 'c++', 'g++', 'clang++']) {
    if (!command) continue;
    try {
      const { stdout } = await outputOf(command, ['--version'], { timeout: 20_000 });
      const version = stdout.split('\n')[0]?.trim() ?? command;
      return { command: [command], arch: process.arch, version };
    } catch {
      // Missing or broken: try the next one.
    }
  }
  return undefined;
}

const compilerAdvice = msg`Install one with \`sudo apt install g++\` (or your distribution's package of that name) and run {install-runtime} again; until then the wasm backend is used.`;

export function compilerMissing(): UserError {
  return new UserError(
    'compiler-missing',
    msg`No C++ compiler was found, and there is no ready-made TensorFlow binding for this machine.`,
    compilerAdvice,
  );
}

/** Selects the headers that the binding and the kernels need: TensorFlow's C API and what it includes. */
export const isNeededHeader = (name: string) =>
  /^tensorflow\/include\/(tensorflow\/c\/[^/]+\.h|tensorflow\/c\/eager\/c_api\.h|tensorflow\/c\/experimental\/stream_executor\/stream_executor\.h|tensorflow\/core\/common_runtime\/next_pluggable_device\/c\/tf_rendezvous_c_api\.h|tensorflow\/core\/platform\/ctstring[^/]*\.h|(xla\/)?tsl\/(platform\/(ctstring[^/]*|platform)|c\/tsl_status)\.h)$/.test(
    name,
  );

interface Toolchain {
  /** The compiler and its fixed arguments. */
  command: readonly string[];
  arch: string;
  env?: Record<string, string>;
}

/** Paths in `args` have to be absolute. */
async function compiler(
  { command: [command, ...always], env }: Toolchain,
  args: string[],
  signal?: AbortSignal,
): Promise<void> {
  try {
    await outputOf(command!, [...always, ...args], { env, signal, maxBuffer: 1 << 24 });
  } catch (error) {
    signal?.throwIfAborted();
    const { stderr = '', message } = error as OutputError;
    const line = /^.*(error|undefined reference).*$/im.exec(stderr)?.[0] ?? message;
    throw new UserError(
      'compiler-missing',
      msg`The TensorFlow binding could not be compiled: ${line}`,
      compilerAdvice,
      { cause: error },
    );
  }
}

interface Unit {
  /** Name of the object file. */
  name: string;
  source: string;
  flags: string[];
}

const AVX2 = ['-mavx2', '-mfma'];
/**
 * Instruction sets that the kernels are compiled for; the library chooses one when it loads. The features are listed
 * individually (GCC 6 or newer), because GCC supports groups such as x86-64-v3 only since version 11.
 */
const instructionSets: Record<string, [name: string, flags: string[]][]> = {
  x64: [
    ['baseline', []],
    ['avx2', AVX2],
    ['avx512', [...AVX2, '-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq']],
  ],
};

function units({ root, kernels }: NativeSources, arch: string): Unit[] {
  const plain = ['-O2', '-DNAPI_VERSION=8', ...(arch === 'x64' ? ['-DFMN_X86'] : [])];
  // Sums may be reordered only in loops marked `omp simd`; all other arithmetic stays as written.
  const fast = ['-O3', '-fopenmp-simd', '-fno-math-errno', '-fno-trapping-math'];
  return [
    ...['tfjs_backend', 'tfjs_binding'].map((name) => ({
      name,
      source: join(root, 'binding', `${name}.cc`),
      flags: plain,
    })),
    ...['ops', 'parallel'].map((name) => ({ name, source: join(kernels, `${name}.cc`), flags: plain })),
    ...(instructionSets[arch] ?? [['baseline', []] as [string, string[]]]).map(([name, flags]) => ({
      name: `kernels_${name}`,
      source: join(kernels, 'kernels.cc'),
      flags: [...fast, ...flags, `-DFMN_ISA=${name}`],
    })),
  ];
}

/** SHA-256 of the sources and compiler flags: the binding is rebuilt when they change. */
export async function sourcesDigest(native: NativeSources): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of [join(native.root, 'binding'), native.kernels])
    for (const name of (await readdir(folder)).sort())
      if (/\.(cc|h)$/.test(name)) hash.update(name).update(await readFile(join(folder, name)));
  for (const arch of ['x64', 'arm64'])
    hash.update(JSON.stringify(units(native, arch).map(({ name, flags }) => [name, flags])));
  return hash.digest('hex');
}

/** Whether the installed binding was built from these sources. */
export async function isCurrent(native: NativeSources): Promise<boolean> {
  const manifest = await readManifest(tensorflowDir());
  return manifest?.sources === (await sourcesDigest(native));
}

/**
 * Compiles the sources, which takes about 10 s. `dir` must contain the headers of the wheel (isNeededHeader). Throws
 * UserError `compiler-missing` on failure.
 */
export async function compileObjects(
  toolchain: Toolchain,
  native: NativeSources,
  dir: string,
  signal?: AbortSignal,
): Promise<void> {
  const includes = [native.root, join(dir, 'tensorflow/include'), native.nodeApi].map((path) => `-I${path}`);
  const compile = ({ name, source, flags }: Unit) =>
    compiler(
      toolchain,
      ['-std=c++17', '-fPIC', ...flags, '-c', ...includes, source, '-o', join(dir, `${name}.o`)],
      signal,
    );
  await allEnded(units(native, toolchain.arch).map(compile));
}

/** Throws the first error, but only once nothing more writes into the folder, which is then removed. */
export async function allEnded(all: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(all);
  await Promise.all(all);
}

/**
 * Links the objects into `to`; the result contains no path of this machine. GNU ld takes 6 s to read the symbols of the
 * 800 MB library, only to find errors that loading finds too. So the objects are linked against empty libraries of the
 * same names, and `-z now` makes loading (in verifyBinding) resolve every symbol. Throws UserError `compiler-missing`
 * on failure.
 */
export async function linkBinding(
  toolchain: Toolchain,
  native: NativeSources,
  dir: string,
  to: string,
  signal?: AbortSignal,
): Promise<void> {
  const objects = units(native, toolchain.arch).map(({ name }) => join(dir, `${name}.o`));
  const stubs = libraries.map((name) => join(dir, `stub-${basename(name)}`));
  const nothing = join(dir, 'nothing.cc');
  await writeFile(nothing, '');
  for (const stub of stubs) {
    const soname = basename(stub).slice('stub-'.length);
    await compiler(toolchain, ['-shared', '-nostdlib', nothing, `-Wl,-soname,${soname}`, '-o', stub], signal);
  }
  const linking = ['-Wl,--no-as-needed', '-Wl,-z,now', '-Wl,-rpath,$ORIGIN/tensorflow'];
  await compiler(toolchain, ['-shared', '-s', ...linking, ...objects, ...stubs, '-o', to], signal);
  for (const path of [...objects, ...stubs, nothing]) await rm(path);
}
