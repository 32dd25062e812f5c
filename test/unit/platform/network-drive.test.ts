import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isShare, kindAt, mountsOf, networkDrive } from '../../../src/platform/files/network-drive.ts';

/** Mounts of a machine with NFS homes, a share, an SSHFS folder and a local disk over one of the homes. */
const mounts = mountsOf(`
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
40 22 0:45 / /home rw,relatime shared:20 - nfs4 server:/export/home rw,vers=4.2,addr=10.0.0.2
41 40 254:2 / /home/local rw,relatime - ext4 /dev/vdb1 rw
42 22 0:46 / /mnt/team\\040files rw,relatime - cifs //server/team rw
43 22 0:47 / /home/me/far rw,nosuid,nodev - fuse.sshfs me@server:/srv rw
44 22 0:48 / /mnt/crypt rw - fuse.gocryptfs /home/local/crypt rw
45 22 0:49 / /data rw - ext4 /dev/vdc1 rw
46 45 0:50 / /data rw - nfs server:/data rw
`);

it.each([
  ['/home/me/.local/share/forget-me-not', 'NFS'],
  ['/home', 'NFS'],
  ['/homes/me', undefined],
  ['/home/local/me', undefined],
  ['/home/me/far/models', 'SSHFS'],
  ['/mnt/team files/models', 'SMB'],
  ['/mnt/crypt/models', undefined],
  ['/root', undefined],
  // A later mount hides an earlier one.
  ['/data/models', 'NFS'],
])('%s is on %s', (folder, drive) => {
  expect(kindAt(folder, mounts)).toBe(drive);
});

it('looks at the nearest folder that exists', () => {
  const dir = mkdtempSync(join(tmpdir(), 'fmn-drive-'));
  expect(networkDrive(join(dir, 'not', 'yet'))).toBe(networkDrive(dir));
  rmSync(dir, { recursive: true });
});

it.each([
  ['\\\\server\\share\\models', true],
  ['\\\\?\\UNC\\server\\share', true],
  ['//server/share', true],
  ['\\\\?\\C:\\models', false],
  ['\\\\.\\pipe\\x', false],
  ['C:\\models', false],
])('the Windows path %s is a share: %s', (path, share) => {
  expect(isShare(path)).toBe(share);
});
