import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isNeededHeader, nativeSources, sourcesDigest } from '../../../src/tensor/runtime/binding.ts';
import { BINDING, MANIFEST, findRuntime, newManifest } from '../../../src/tensor/runtime/find.ts';
import { inspectRuntime, installRuntime } from '../../../src/tensor/runtime/index.ts';
import { libraries, offer } from '../../../src/tensor/runtime/release.ts';
import { verifyBinding } from '../../../src/tensor/runtime/verify.ts';
import { Sandbox } from './fakes.ts';
import { english } from '../../../src/text/message.ts';

let box: Sandbox;
let dir: string;
beforeEach(() => {
  box = new Sandbox();
  dir = join(box.dir, 'home/runtime/tensorflow');
});
afterEach(() => box.close());

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

  it('says why not, and nothing of what trains instead, which may be a GPU', () => {
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
    await expect(installRuntime({ gpu: false })).rejects.toMatchObject({ code: 'backend-unavailable' });
    expect(box.calls()).toEqual(['version']);
    expect(await findRuntime()).toBeDefined();
    expect(readdirSync(dir).sort()).toEqual([MANIFEST, 'tensorflow', BINDING]);
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
