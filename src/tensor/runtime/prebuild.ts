/**
 * Cross-compiles the binding for a platform's package, on any machine: Zig's C++ compiler, available as a wheel,
 * targets every Linux with glibc 2.28 or newer (2018).
 */
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fetchWheel } from '../../packages/pypi.ts';
import { withLock } from '../../platform/files/lock.ts';
import { extract } from '../../platform/files/zip.ts';
import { UserError } from '../../text/errors.ts';
import { cacheDir } from '../../platform/files/paths.ts';
import { removeFolder } from '../../platform/files/write-file.ts';
import { compileObjects, isNeededHeader, linkBinding, sourcesDigest, type NativeSources } from './binding.ts';
import { BINDING, findRuntime, tensorflowDir } from './find.ts';
import { releases } from './release.ts';

const ZIG = '0.17.1';
/** Zig's wheel for the build machine. */
const wheels: Record<string, [platform: string, sha256: string]> = {
  'linux-x64': ['manylinux2010_x86_64', 'ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54'],
  'linux-arm64': [
    'manylinux2014_aarch64',
    'b7c5f02fccd40f89b999ee16a1f5ddced56e6182370f8affe494bcf8a28cf07e',
  ],
  'darwin-arm64': ['macosx_13_0_arm64', '09953b6af7f64168b915180a42774f520f92d86ef6331b28e33915c7e1f0bb23'],
  'darwin-x64': ['macosx_13_0_x86_64', '4e0b4b9c02b8d0d220e9948010f860b62ff11d96abb39762eca5fa2ef3f7bc97'],
  'win32-x64': ['win_amd64', '69c3dfc3aff6a297ec4017aa904782c0e450eb988982d7f675d83edce27526fb'],
};
/** Zig's target names. */
const zigTargets = { x64: 'x86_64-linux-gnu.2.28', arm64: 'aarch64-linux-gnu.2.28' };
type PrebuiltArch = keyof typeof zigTargets;

/**
 * Path of the binding for Linux on processor `arch`, built unless cached. Throws like fetchWheel, UserError
 * `compiler-missing` if it can't be compiled, or `bad-argument` on a machine that Zig has no wheel for.
 */
export async function prebuildBinding(
  arch: PrebuiltArch,
  native: NativeSources,
  tell: (what: string) => void,
): Promise<string> {
  const sources = (await sourcesDigest(native)).slice(0, 16);
  const key = `${sources}-tensorflow-${releases['linux-x64 cpu'].version}-zig-${ZIG}`;
  const path = join(cacheDir(), 'bindings', key, zigTargets[arch], BINDING);
  return withLock(path, async () => {
    if (existsSync(path)) return path;
    tell(`Building TensorFlow's Node binding for Linux ${arch}`);
    await mkdir(dirname(path), { recursive: true });
    const dir = await mkdtemp(join(cacheDir(), 'bindings', 'new-'));
    try {
      const kept = join(cacheDir(), `zig-${ZIG}-cache`);
      const env = { ZIG_GLOBAL_CACHE_DIR: kept, ZIG_LOCAL_CACHE_DIR: kept };
      const toolchain = { command: [await zig(), 'c++', '-target', zigTargets[arch]], arch, env };
      await unpackHeaders(dir);
      await compileObjects(toolchain, native, dir);
      await linkBinding(toolchain, native, dir, join(dir, BINDING));
      await rename(join(dir, BINDING), path);
    } finally {
      await removeFolder(dir);
    }
    return path;
  });
}

/** Path of Zig's executable, downloaded unless cached. */
async function zig(): Promise<string> {
  const [platform, sha256] = wheels[`${process.platform}-${process.arch}`] ?? [];
  if (!platform)
    throw new UserError(
      'bad-argument',
      `A package for Linux can't be made on ${process.platform} ${process.arch}, for which there is no Zig.`,
      'Make it on another machine.',
    );
  const dir = join(cacheDir(), `zig-${ZIG}`);
  const program = join(dir, 'ziglang', process.platform === 'win32' ? 'zig.exe' : 'zig');
  return withLock(dir, async () => {
    if (existsSync(program)) return program;
    const tags = { python: '3.12', platforms: [platform] };
    const wheel = await fetchWheel({ project: 'ziglang', version: ZIG, sha256, tags });
    await removeFolder(`${dir}.new`);
    const place = (name: string) => join(`${dir}.new`, name);
    await extract(wheel, { choose: ({ name }) => (name.startsWith('ziglang/') ? place(name) : undefined) });
    await chmod(place('ziglang/zig'), 0o755).catch(() => undefined);
    await removeFolder(dir);
    await rename(`${dir}.new`, dir);
    await rm(wheel, { force: true });
    return program;
  });
}

/** TensorFlow's headers, from the installed runtime or from any wheel: they are the same for all machines. */
async function unpackHeaders(dir: string): Promise<void> {
  const release = releases['linux-x64 cpu'];
  if ((await findRuntime())?.version === release.version) {
    const installed = join(tensorflowDir(), 'tensorflow/include');
    return await cp(installed, join(dir, 'tensorflow/include'), { recursive: true });
  }
  const wheel = await fetchWheel(release);
  await extract(wheel, { choose: ({ name }) => (isNeededHeader(name) ? join(dir, name) : undefined) });
  await rm(wheel, { force: true });
}
