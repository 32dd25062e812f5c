import { expect, test, vi } from 'vitest';
import { isOnContainersDisk } from '../../../src/extension/container.ts';
import { mountsOf } from '../../../src/protocol/network-drive.ts';

vi.mock('vscode', () => import('./fake-vscode.ts'));

/** Of a dev container, shortened. */
const mountinfo = `
1055 911 0:129 / / rw,relatime master:319 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A
1056 1055 0:132 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
1064 1055 254:1 /docker/volumes/models/_data /home/me/my\\040models rw,relatime - ext4 /dev/vda1 rw
1065 1055 0:42 / /workspaces rw,relatime - virtiofs host rw
`;

test('finds the volumes of a container', () => {
  expect(mountsOf(mountinfo).map(({ place }) => place)).toEqual([
    '/',
    '/proc',
    '/home/me/my models',
    '/workspaces',
  ]);
});

test('only what is on a volume survives', () => {
  const mounts = mountsOf(mountinfo);
  expect(isOnContainersDisk('/home/me/.local/share/forget-me-not', mounts)).toBe(true);
  expect(isOnContainersDisk('/workspaces/data', mounts)).toBe(false);
  expect(isOnContainersDisk('/workspaces', mounts)).toBe(false);
  expect(isOnContainersDisk('/workspaces2/data', mounts)).toBe(true);
  expect(isOnContainersDisk('/home/me/my models/here', mounts)).toBe(false);
});
