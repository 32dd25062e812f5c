import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isOnContainersDisk, warnOfDataFolder } from '../../../src/extension/data-folder.ts';
import type { Services } from '../../../src/extension/services.ts';
import { mountsOf, type Mount } from '../../../src/platform/files/network-drive.ts';
import { dataDir } from '../../../src/platform/files/paths.ts';

/** The state of the fake machine. */
const machine = { files: [] as string[], mounts: [] as Mount[], drive: undefined as string | undefined };

vi.mock('vscode', () => import('./fake-vscode.ts'));
vi.mock('node:fs', async (original) => ({
  ...(await original<object>()),
  existsSync: (path: string) => machine.files.includes(path),
}));
vi.mock('../../../src/platform/files/network-drive.ts', async (original) => ({
  ...(await original<object>()),
  readMounts: () => machine.mounts,
  networkDrive: () => machine.drive,
}));

/** From a dev container, shortened. */
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

test("only a volume's content survives", () => {
  const mounts = mountsOf(mountinfo);
  expect(isOnContainersDisk('/home/me/.local/share/forget-me-not', mounts)).toBe(true);
  expect(isOnContainersDisk('/workspaces/data', mounts)).toBe(false);
  expect(isOnContainersDisk('/workspaces', mounts)).toBe(false);
  expect(isOnContainersDisk('/workspaces2/data', mounts)).toBe(true);
  expect(isOnContainersDisk('/home/me/my models/here', mounts)).toBe(false);
});

describe('the warning', () => {
  let state: Map<string, unknown>;
  let warnings: string[];
  beforeEach(() => {
    Object.assign(machine, { files: [], mounts: [{ place: '/', type: 'overlay' }], drive: undefined });
    [state, warnings] = [new Map(), []];
    for (const name of ['FORGET_ME_NOT_HOME', 'KUBERNETES_SERVICE_HOST', 'REMOTE_CONTAINERS', 'CODESPACES'])
      vi.stubEnv(name, undefined);
  });
  afterEach(() => vi.unstubAllEnvs());

  const services = () =>
    ({
      extension: {
        globalState: {
          get: (key: string) => state.get(key),
          update: (key: string, value: unknown) => Promise.resolve(void state.set(key, value)),
        },
      },
      log: {
        notify: (_: string, text: string, { title }: { title: string }) =>
          Promise.resolve(void warnings.push(`${text} [${title}]`)),
      },
    }) as unknown as Pick<Services, 'extension' | 'log'>;

  const lost = /in a container, and .*gone when the container is rebuilt\. \[Choose Data Folder\]$/;

  test.each(['/.dockerenv', '/run/.containerenv'])('appears once in a container with %s', async (file) => {
    machine.files = [file];
    await warnOfDataFolder(services());
    await warnOfDataFolder(services());
    expect(warnings).toEqual([expect.stringMatching(lost)]);
    expect(warnings[0]).toContain(dataDir());
  });

  test.each(['KUBERNETES_SERVICE_HOST', 'REMOTE_CONTAINERS', 'CODESPACES'])(
    'appears if %s is set',
    async (name) => {
      vi.stubEnv(name, 'true');
      await warnOfDataFolder(services());
      expect(warnings).toEqual([expect.stringMatching(lost)]);
    },
  );

  test('does not appear outside containers, on a volume, or for a chosen folder', async () => {
    await warnOfDataFolder(services());
    machine.files = ['/.dockerenv'];
    machine.mounts.push({ place: dataDir(), type: 'ext4' });
    await warnOfDataFolder(services());
    machine.mounts.pop();
    vi.stubEnv('FORGET_ME_NOT_HOME', '/somewhere');
    await warnOfDataFolder(services());
    expect(warnings).toEqual([]);
  });

  test('appears for a network drive, once per folder', async () => {
    machine.drive = 'NFS';
    await warnOfDataFolder(services());
    await warnOfDataFolder(services());
    expect(warnings).toEqual([expect.stringMatching(/on a network drive \(NFS\).* \[Choose Data Folder\]$/)]);
    vi.stubEnv('FORGET_ME_NOT_HOME', '/mnt/other');
    await warnOfDataFolder(services());
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toContain('/mnt/other');
  });
});
