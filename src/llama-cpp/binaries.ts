/** Which machines llama.cpp's binaries run on. Nothing works without them, because they tokenize text. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../text/errors.ts';
import { msg, type Text } from '../text/message.ts';
import { isGlibcFrom, thisMachine, type MachineFacts } from '../platform/machine/this-machine.ts';

/** The platforms with a package, by VS Code's names. Keep in sync with scripts/platform-packages.mjs. */
export const packagedPlatforms = [
  'linux-x64',
  'linux-arm64',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64',
  'win32-arm64',
] as const;

/** Minor version of the glibc that the binaries need. A test reads it from them. */
export const LLAMA_GLIBC = 34;

const systems: Partial<Record<string, string>> = { linux: 'linux', mac: 'darwin', win: 'win32' };

/** The platforms whose binaries are in the package or installation at `root`; empty if unknown. */
export async function platformsIn(root: string): Promise<string[]> {
  const names = await readdir(join(root, 'node_modules/@node-llama-cpp')).catch(() => []);
  return names.map((name) => {
    const [system = '', processor = ''] = name.split('-');
    return `${systems[system] ?? system}-${processor}`;
  });
}

/**
 * Why llama.cpp can't run here, as UserError `backend-unavailable`; undefined if no reason is known. `platforms`: those
 * whose binaries are installed.
 */
export function whyNoLlama(
  platforms: readonly string[],
  machine: MachineFacts = thisMachine(),
): UserError | undefined {
  const { platform, arch, glibc, musl } = machine;
  // 32-bit ARM has binaries, but no package.
  const own = `${platform}-${arch === 'arm' ? 'armv7l' : arch}`;
  const error = (message: Text, next: Text) => new UserError('backend-unavailable', message, next);
  if (platforms.length > 0 && !platforms.includes(own))
    return (packagedPlatforms as readonly string[]).includes(own)
      ? error(
          msg`This package of Forget-Me-Not is for ${platforms[0]!}, and this machine is ${own}.`,
          msg`Install forget-me-not-${own}.vsix instead.`,
        )
      : error(
          msg`There is no package of Forget-Me-Not for ${own}; this one is for ${platforms[0]!}.`,
          msg`Use it on one of these: ${packagedPlatforms.join(', ')}.`,
        );
  const images =
    'a container image or system with glibc 2.34 or newer, such as Debian 12, Ubuntu 22.04 or Red Hat 9';
  if (musl)
    return error(
      msg`Forget-Me-Not needs glibc, which this Linux (Alpine or another with musl) does not have.`,
      `Use ${images}.`,
    );
  if (glibc && !isGlibcFrom(LLAMA_GLIBC, glibc))
    return error(
      msg`Forget-Me-Not needs glibc 2.${LLAMA_GLIBC} or newer, and this Linux has ${glibc}.`,
      `Use ${images}.`,
    );
  return undefined;
}
