import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import type * as promises from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { inspectPython, runPip } from '../../../src/packages/python.ts';
import { defaultFolder } from '../../../src/reproduce/default-folder.ts';
import type * as binding from '../../../src/tensor/runtime/binding.ts';
import { isNeededHeader, nativeSources, sourcesDigest } from '../../../src/tensor/runtime/binding.ts';
import { currentRuntime } from '../../../src/tensor/runtime/current.ts';
import { BINDING, MANIFEST, findRuntime, newManifest } from '../../../src/tensor/runtime/find.ts';
import { inspectRuntime, installRuntime } from '../../../src/tensor/runtime/index.ts';
import { libraries, offer } from '../../../src/tensor/runtime/release.ts';
import type * as verifying from '../../../src/tensor/runtime/verify.ts';
import { verifyBinding } from '../../../src/tensor/runtime/verify.ts';
import { Sandbox } from './fakes.ts';
import { english } from '../../../src/text/message.ts';

const disk = vi.hoisted(() => ({ free: undefined as number | undefined }));
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof promises>();
  const statfs = (path: string) =>
    disk.free === undefined ? fs.statfs(path) : Promise.resolve({ bavail: disk.free, bsize: 1 });
  return { ...fs, statfs };
});

/** A binding in the package, and whether it starts. Without it, both modules are the real ones. */
const packed = vi.hoisted(() => ({ prebuilt: undefined as string | undefined, starts: true }));
vi.mock('../../../src/tensor/runtime/binding.ts', async (original) => {
  const real = await original<typeof binding>();
  const nativeSources = async () => ({ ...(await real.nativeSources()), prebuilt: packed.prebuilt });
  return { ...real, nativeSources };
});
vi.mock('../../../src/tensor/runtime/verify.ts', async (original) => {
  const real = await original<typeof verifying>();
  const verifyBinding: typeof real.verifyBinding = (path) =>
    packed.prebuilt && packed.starts
      ? Promise.resolve({ version: '2.21.0', gpu: false })
      : real.verifyBinding(path);
  return { verifyBinding };
});

let box: Sandbox;
let dir: string;
beforeEach(() => {
  box = new Sandbox();
  dir = join(box.dir, 'home/runtime/tensorflow');
});
afterEach(() => {
  disk.free = undefined;
  packed.prebuilt = undefined;
  box.close();
});

function putRuntime(change: Partial<ReturnType<typeof newManifest>> = {}): void {
  mkdirSync(join(dir, 'tensorflow'), { recursive: true });
  const files: Record<string, number> = {};
  for (const name of [BINDING, ...libraries]) {
    writeFileSync(join(dir, name), 'not a library');
    files[name] = 13;
  }
  const manifest = {
    ...newManifest({ version: '2.21.0', gpu: false, binding: 'prebuilt', sources: '', files }),
    ...change,
  };
  writeFileSync(join(dir, MANIFEST), JSON.stringify(manifest));
}

/** A compiler whose output is no library. */
function useFakeCompiler(): void {
  box.program(
    'c++',
    `const args = process.argv.slice(2);
if (args[0] === '--version') {
  require('node:fs').appendFileSync(${JSON.stringify(join(box.dir, 'calls'))}, 'version\\n');
  console.log('c++ 1.0');
} else require('node:fs').writeFileSync(args[args.indexOf('-o') + 1], 'no library at all');`,
  );
  process.env['PATH'] = box.bin;
  delete process.env['CXX'];
}

const demoWheel = 'demo-2.21.0-py3-none-any.whl';
/** A release that was downloaded before, of the same files as TensorFlow's. */
function useDemoRelease(): { download: number; installed: number } {
  const { release } = offer(false);
  const before = { ...release! };
  onTestFinished(() => void Object.assign(release!, before));
  const names = [...libraries, 'tensorflow/include/tensorflow/c/c_api.h'];
  const members = Object.fromEntries(names.map((name) => [name, Buffer.from(name)]));
  const { path, data, sha256 } = box.zip(demoWheel, members);
  copyFileSync(path, join(box.wheels, demoWheel));
  return Object.assign(release!, { project: 'demo', sha256, download: data.length, installed: 1e6 });
}

describe('findRuntime', () => {
  it('finds a complete runtime', async () => {
    expect(await findRuntime()).toBeUndefined();
    putRuntime();
    expect(await findRuntime()).toEqual({ binding: join(dir, BINDING), version: '2.21.0', gpu: false });
  });

  it('does not accept one that is incomplete, for another machine or in another format', async () => {
    putRuntime();
    truncateSync(join(dir, libraries[0]), 5);
    expect(await findRuntime()).toBeUndefined();
    putRuntime({ machine: 'plan9-mips' });
    expect(await findRuntime()).toBeUndefined();
    putRuntime({ format: 1 as 2 });
    expect(await findRuntime()).toBeUndefined();
    writeFileSync(join(dir, MANIFEST), '{"format"');
    expect(await findRuntime()).toBeUndefined();
  });
});

describe('offer', () => {
  const machine = { platform: 'linux', arch: 'x64', glibc: '2.36', musl: false, avx: true };
  const why = (change: Partial<typeof machine>, gpu = false) => {
    const offered = offer(gpu, { ...machine, ...change });
    return offered.release ? offered.release.project : english(offered.why);
  };

  it('chooses the small wheel on x64, the only one on arm64, the large one for CUDA', () => {
    expect(why({})).toBe('tensorflow-cpu');
    expect(why({ arch: 'arm64' })).toBe('tensorflow');
    expect(why({}, true)).toBe('tensorflow');
  });

  it('says why it is unavailable, but not what trains instead, which may be a GPU', () => {
    expect(why({ platform: 'darwin' })).toBe('TensorFlow is not offered on macOS for now.');
    expect(why({ platform: 'win32' }, true)).toBe('TensorFlow is not offered on Windows for now.');
    expect(why({ glibc: '', musl: true })).toMatch(/glibc, which this Linux does not have\.$/);
    for (const glibc of ['2.17', '2.27'])
      expect(why({ glibc })).toMatch(`2.28 or newer and this machine has ${glibc}`);
    expect(why({ glibc: '2.28' })).toBe('tensorflow-cpu');
    expect(why({ avx: false })).toMatch(/AVX instructions, which this one does not have\.$/);
    expect(why({ arch: 'riscv64' })).toMatch(/riscv64/);
    expect(why({ arch: 'arm64' }, true)).toMatch(/leave --gpu out/);
  });
});

describe.runIf(process.platform === 'linux')('installing', () => {
  it('stops before any download if there is no compiler', async () => {
    process.env['PIP_INDEX_URL'] = 'http://127.0.0.1:1/simple';
    box.noPrograms();
    delete process.env['CXX'];
    await expect(installRuntime({ gpu: false })).rejects.toMatchObject({
      code: 'compiler-missing',
      next: expect.stringMatching(/g\+\+/),
    });
    expect(box.calls()).toEqual([]);
  });

  it('skips what is already installed', async () => {
    putRuntime({ sources: await sourcesDigest(await nativeSources()) });
    process.env['PATH'] = box.bin;
    await installRuntime({ gpu: false });
    expect(await findRuntime()).toBeDefined();
  });

  it("recompiles the binding if its sources have changed, and keeps the old one if it can't", async () => {
    putRuntime({ sources: 'older ones' });
    process.env['PATH'] = box.bin;
    await expect(installRuntime({ gpu: false })).rejects.toMatchObject({ code: 'compiler-missing' });
    expect(await findRuntime()).toBeDefined();
  });

  it('keeps the old binding if the new one does not start', async () => {
    putRuntime({ sources: 'older ones' });
    useFakeCompiler();
    await expect(installRuntime({ gpu: false })).rejects.toMatchObject({ code: 'backend-unavailable' });
    expect(box.calls()).toEqual(['version']);
    expect(await findRuntime()).toBeDefined();
    expect(readdirSync(dir).sort()).toEqual([MANIFEST, 'tensorflow', BINDING]);
  });

  it('leaves nothing but the download if the binding does not start', async () => {
    useDemoRelease();
    useFakeCompiler();
    await expect(installRuntime({ gpu: false })).rejects.toMatchObject({ code: 'backend-unavailable' });
    expect(readdirSync(join(dir, '..'))).toEqual([]);
    expect(readdirSync(box.wheels)).toEqual([demoWheel]);
  });

  it('needs no space for what is downloaded already', async () => {
    const { download, installed } = useDemoRelease();
    useFakeCompiler();
    disk.free = installed;
    await expect(installRuntime({ gpu: false })).rejects.toMatchObject({ code: 'backend-unavailable' });
    truncateSync(join(box.wheels, demoWheel), download - 10);
    await expect(installRuntime({ gpu: false })).rejects.toMatchObject({ code: 'disk-full' });
  });

  it('says why a binding does not start, and what to do', async () => {
    putRuntime();
    await expect(verifyBinding(join(dir, BINDING))).rejects.toMatchObject({
      code: 'backend-unavailable',
      message: expect.stringMatching(/file too short|invalid ELF|wrong/i),
    });
    const { installed, starts, reason } = await inspectRuntime();
    expect([installed, starts]).toEqual([true, false]);
    expect(english(reason)).toContain('does not start');
  });

  it('says how to rebuild a binding made from other sources', async () => {
    const command = async (sources: string) => {
      putRuntime({ sources });
      return (await inspectRuntime()).command;
    };
    expect(await command('older ones')).toBe('forget-me-not runtime install');
    expect(await command(await sourcesDigest(await nativeSources()))).toBeUndefined();
  });

  it.each([
    [true, 'a newer one'],
    [false, 'not a library'],
  ])('takes the binding of an updated package if that starts (%s)', async (starts, expected) => {
    putRuntime({ sources: 'older ones' });
    box.noPrograms();
    delete process.env['CXX'];
    Object.assign(packed, { prebuilt: join(box.dir, 'prebuilt.node'), starts });
    writeFileSync(packed.prebuilt!, 'a newer one');
    expect(await currentRuntime()).toEqual({ binding: join(dir, BINDING), version: '2.21.0', gpu: false });
    expect(readFileSync(join(dir, BINDING), 'utf8')).toBe(expected);
    expect((await inspectRuntime()).starts).toBe(starts);
  });

  it('reports what is not installed with the command that installs it', async () => {
    const { reason, ...report } = await inspectRuntime();
    expect(report).toMatchObject({
      offered: true,
      installed: false,
      starts: false,
      command: 'forget-me-not runtime install',
    });
    // As in the summary, the consent and the README.
    expect(english(reason)).toContain('about six times faster');
  });
});

it('no Python code in the working directory is run', async () => {
  const [folder, mark] = [join(box.dir, 'repository'), join(box.dir, 'mark')];
  mkdirSync(folder);
  for (const name of ['pip.py', 'sysconfig.py'])
    writeFileSync(join(folder, name), `open(${JSON.stringify(mark)}, 'w')`);
  const before = process.cwd();
  process.chdir(folder);
  try {
    const python = await inspectPython();
    expect(python?.version).toMatch(/^3\./);
    // Without pip, it fails.
    await runPip(python!, ['--version']).catch(() => undefined);
    await defaultFolder(box.dir);
  } finally {
    process.chdir(before);
  }
  expect(existsSync(mark)).toBe(false);
});

describe.runIf(process.platform === 'linux')("on a Mac without Apple's developer tools", () => {
  beforeEach(() => void Object.defineProperty(process, 'platform', { value: 'darwin' }));
  afterEach(() => void Object.defineProperty(process, 'platform', { value: 'linux' }));

  it('no compiler is looked for', async () => {
    useFakeCompiler();
    const { offered, compiler } = await inspectRuntime();
    expect([offered, compiler, box.calls()]).toEqual([false, undefined, []]);
  });

  it('no Python is started that would only offer to install them', async () => {
    process.env['PATH'] = '/usr/bin';
    expect(await inspectPython()).toBeUndefined();
    box.program('py', "console.log(process.argv[3] === '-c' ? '3.12.1' : 'pip 24.0 from somewhere');");
    process.env['PATH'] = `/usr/bin${delimiter}${box.bin}`;
    expect(await inspectPython()).toEqual({ command: ['py', '-3'], version: '3.12.1', pip: '24.0' });
  });
});

it('accepts the C API headers of a wheel and no others', () => {
  const all = [
    'tensorflow/c/c_api.h',
    'tensorflow/c/eager/c_api.h',
    'xla/tsl/c/tsl_status.h',
    'tsl/platform/ctstring_internal.h',
    'tsl/platform/platform.h',
    'tensorflow/c/kernels.h',
    'tensorflow/c/experimental/stream_executor/stream_executor.h',
    'tensorflow/core/common_runtime/next_pluggable_device/c/tf_rendezvous_c_api.h',
  ];
  for (const name of all) expect(isNeededHeader(`tensorflow/include/${name}`)).toBe(true);
  expect(isNeededHeader('tensorflow/include/tensorflow/core/framework/op.h')).toBe(false);
  expect(isNeededHeader('tensorflow/python/x.so')).toBe(false);
});
