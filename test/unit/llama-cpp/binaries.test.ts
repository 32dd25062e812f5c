import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LLAMA_GLIBC, packagedPlatforms, platformsIn, whyNoLlama } from '../../../src/llama-cpp/binaries.ts';
import { hasAvx, thisMachine } from '../../../src/platform/machine/this-machine.ts';
import { targets } from '../../../scripts/platform-packages.mjs';

const linux = { platform: 'linux', arch: 'x64', glibc: '2.36' as string | undefined, musl: false, avx: true };
const why = (change: Partial<typeof linux>, platforms = ['linux-x64']) => {
  const error = whyNoLlama(platforms, { ...linux, ...change });
  return error && `${error.message} ${error.next}`;
};

it('accepts a machine for which the binaries are built', () => {
  expect(why({})).toBeUndefined();
  expect(why({ glibc: '2.34' })).toBeUndefined();
  expect(why({ platform: 'win32', glibc: undefined }, ['win32-x64'])).toBeUndefined();
  expect(why({ glibc: undefined })).toBeUndefined();
  expect(why({ arch: 'arm' }, ['linux-armv7l'])).toBeUndefined();
  // Nothing can be said about a package that keeps its binaries elsewhere.
  expect(why({}, [])).toBeUndefined();
});

it('says what is missing, and where it would work', () => {
  expect(why({ glibc: undefined, musl: true })).toMatch(/glibc.*Alpine.*Debian 12/);
  expect(why({ glibc: '2.31' })).toMatch(/2\.34 or newer.*has 2\.31.*Debian 12/);
  expect(why({ platform: 'darwin', arch: 'arm64', glibc: undefined })).toMatch(
    /is for linux-x64.*is darwin-arm64.*forget-me-not-darwin-arm64\.vsix/,
  );
  expect(why({ arch: 'riscv64' })).toMatch(/linux-riscv64.*linux-x64.*win32-arm64/);
});

it('knows the platforms that a package has binaries for', async () => {
  const root = mkdtempSync(join(tmpdir(), 'fmn-binaries-'));
  for (const name of ['mac-arm64-metal', 'win-x64', 'linux-x64-cuda'])
    mkdirSync(join(root, 'node_modules/@node-llama-cpp', name), { recursive: true });
  expect((await platformsIn(root)).sort()).toEqual(['darwin-arm64', 'linux-x64', 'win32-x64']);
  expect(await platformsIn(join(root, 'node_modules'))).toEqual([]);
  rmSync(root, { recursive: true });
});

it('names the packaged platforms', () => {
  expect([...packagedPlatforms].sort()).toEqual(Object.keys(targets).sort());
});

const bins = 'node_modules/@node-llama-cpp/linux-x64/bins/linux-x64';
it.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'knows the glibc that the binaries require, and that this machine has it',
  () => {
    const wanted = readdirSync(bins)
      .filter((name) => /\.(so|node)$/.test(name))
      .flatMap((name) => [...readFileSync(join(bins, name), 'latin1').matchAll(/GLIBC_2\.(\d+)/g)])
      .map(([, minor]) => Number(minor));
    expect(Math.max(...wanted)).toBe(LLAMA_GLIBC);
    expect(thisMachine()).toMatchObject({ glibc: expect.stringMatching(/^2\.\d+$/) as string, musl: false });
  },
);

it('detects AVX from /proc/cpuinfo', () => {
  expect(hasAvx('processor\t: 0\nflags\t\t: fpu sse4_2 avx avx2\n')).toBe(true);
  expect(hasAvx('processor\t: 0\nflags\t\t: fpu sse4_2 avxtoo\n')).toBe(false);
  expect(hasAvx('Features\t: fp asimd\n')).toBe(true);
});
