/** The package for each platform, built on this one, has the binaries of that platform and no others. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { lookIntoPackage, packageExtension } from '../../scripts/package.mjs';

const targets = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];
/** A size in bytes that company proxies let through; Open VSX accepts 512 MB. */
const MAX_BYTES = 120e6;
/** Files that Open VSX and VS Code's marketplace show or require, by asset. */
const shownFiles = {
  Details: 'readme.md',
  Changelog: 'changelog.md',
  License: 'LICENSE.txt',
  Icons: 'media/icon.png',
};

const machines = {
  elf: { 62: 'x64', 183: 'arm64' },
  machO: { 0x01000007: 'x64', 0x0100000c: 'arm64' },
  pe: { 0x8664: 'x64', 0xaa64: 'arm64' },
} as Record<string, Record<number, string>>;

/** The platform of a binary, by its header; undefined for other files. */
function platformOf(bytes: Buffer): string | undefined {
  if (bytes.length < 64) return undefined;
  if (bytes.readUInt32BE(0) === 0x7f454c46) return `linux-${machines['elf']![bytes.readUInt16LE(18)]}`;
  if (bytes.readUInt32LE(0) === 0xfeedfacf) return `darwin-${machines['machO']![bytes.readUInt32LE(4)]}`;
  // For both CPU types.
  if (bytes.readUInt32BE(0) === 0xcafebabe) return 'darwin';
  if (bytes.toString('latin1', 0, 2) !== 'MZ') return undefined;
  const header = bytes.readUInt32LE(0x3c);
  return `win32-${machines['pe']![bytes.readUInt16LE(header + 4)]}`;
}

/** n of GLIBC_2.n, the newest version that it needs. */
const newestGlibc = (bytes: Buffer): number =>
  Math.max(...[...bytes.toString('latin1').matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor)));

const deflate = promisify(deflateRaw);
/** Compressed sizes by content: most files are the same on all platforms. */
const compressed = new Map<string, number>();
async function compressedSize(bytes: Buffer): Promise<number> {
  const key = createHash('sha256').update(bytes).digest('hex');
  const size = compressed.get(key) ?? (await deflate(bytes)).length;
  compressed.set(key, size);
  return size;
}

describe.each(targets)('the package for %s', (target) => {
  it('has only its own binaries, and names the platform in its manifest', { timeout: 600_000 }, async () => {
    // Which platform it is for changes what is searched for secrets only by the bindings for Linux. This platform's
    // package is searched when it is made.
    const scan = target.startsWith('linux') && target !== `${process.platform}-${process.arch}`;
    const platforms: Record<string, string> = {};
    let manifest = '';
    let size = 0;
    let glibc: number | undefined;
    const sizes = new Map<string, number>();
    await lookIntoPackage({ target, scan }, async (files) => {
      for (const { path, bytes: read } of files) {
        const bytes = read();
        size += await compressedSize(bytes);
        sizes.set(path, bytes.length);
        if (path === 'extension.vsixmanifest') manifest = String(bytes);
        if (/\.(js|mjs|cjs|json|md|txt|css|svg|png|py|zip|whl|wasm)$/i.test(path)) continue;
        const platform = platformOf(bytes);
        if (platform) platforms[path] = platform;
        if (path.endsWith('tfjs_binding.node')) glibc = newestGlibc(bytes);
      }
    });
    expect(Object.keys(platforms).filter((name) => name.endsWith('llama-addon.node'))).toHaveLength(1);
    const dawn = Object.keys(platforms).filter((name) => name.endsWith('dawn.node'));
    expect(dawn).toHaveLength(1);
    if (platforms[dawn[0]!] === 'darwin')
      platforms[dawn[0]!] = target.startsWith('darwin') ? target : 'darwin';
    expect(new Set(Object.values(platforms))).toEqual(new Set([target]));
    expect(manifest).toContain(`TargetPlatform="${target}"`);
    expect(size).toBeLessThan(MAX_BYTES);
    for (const [asset, file] of Object.entries(shownFiles)) {
      const path = `extension/${file}`;
      expect(manifest).toMatch(new RegExp(`Type="[\\w.]+\\.${asset}(\\.Default)?" Path="${path}"`));
      expect(sizes.get(path)).toBeGreaterThan(500);
    }
    expect(manifest).toContain('Publisher="forget-me-not"');
    // Neither the marketplace nor VS Code's forks accept proposed APIs.
    expect(manifest).toContain('EnabledApiProposals" Value=""');
    // TensorFlow is offered only on Linux, with a prebuilt binding for systems from 2018 on.
    if (target.startsWith('linux')) expect(glibc).toBeLessThanOrEqual(28);
    else expect(glibc).toBeUndefined();
  });
});

it('refuses a platform without binaries, and names the others', async () => {
  await expect(packageExtension({ target: 'linux-riscv64' })).rejects.toThrow(/linux-x64.*win32-arm64/);
});

it("says that Alpine's C library is not supported, and which target to use", async () => {
  for (const cpu of ['x64', 'arm64'])
    await expect(packageExtension({ target: `alpine-${cpu}` })).rejects.toThrow(
      new RegExp(`musl.*Use linux-${cpu} in a container with glibc`),
    );
});
