import { copyFile, mkdtemp, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { identify, identifyOnDisk } from '../../../src/serving/identify.ts';

let dir: string;
const at = (name: string) => join(dir, name);
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fmn-identify-'));
  await writeFile(at('base'), 'weights');
});
afterEach(() => rm(dir, { recursive: true }));

it('on disk a file is the same even if its inode has changed, as after a restart', async () => {
  const { atime, mtime } = await stat(at('base'));
  // A copy's times are set in whole milliseconds.
  await utimes(at('base'), atime, mtime);
  const [here, onDisk] = [await identify(at('base')), await identifyOnDisk(at('base'))];
  await copyFile(at('base'), at('copy'));
  await utimes(at('copy'), atime, mtime);
  await rename(at('copy'), at('base'));
  expect((await identify(at('base'))).version).not.toBe(here.version);
  expect(await identifyOnDisk(at('base'))).toBe(onDisk);
});

it.skipIf(process.platform === 'win32')('on disk a file is the same through a link', async () => {
  await symlink(at('base'), at('link'));
  expect(await identifyOnDisk(at('link'))).toBe(await identifyOnDisk(at('base')));
});

it('on disk a file is another one if it was rewritten, or is elsewhere', async () => {
  const before = await identifyOnDisk(at('base'));
  await copyFile(at('base'), at('copy'));
  expect(await identifyOnDisk(at('copy'))).not.toBe(before);
  await writeFile(at('base'), 'other weights');
  expect(await identifyOnDisk(at('base'))).not.toBe(before);
});
