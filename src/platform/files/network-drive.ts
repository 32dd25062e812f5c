/** Detects network drives, where another machine's processes can't be distinguished from dead ones. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A file system and the folder at which it is mounted. */
export interface Mount {
  place: string;
  /** "ext4", "fuse.sshfs" */
  type: string;
}

/** Parses /proc/self/mountinfo, see proc(5); spaces in paths are written \040. Pure. */
export const mountsOf = (mountinfo: string): Mount[] =>
  mountinfo.split('\n').flatMap((line) => {
    const place = line.split(' ')[4];
    // A variable number of fields precedes the dash.
    const [, type = ''] = / - (\S+)/.exec(line) ?? [];
    return place === undefined
      ? []
      : [
          {
            place: place.replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8))),
            type,
          },
        ];
  });

/** The mounts; empty on systems other than Linux. */
export function readMounts(): Mount[] {
  try {
    return mountsOf(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    return [];
  }
}

/** Names of network file systems by Linux's type, without "fuse.". */
const kinds: Record<string, string> = {
  nfs: 'NFS',
  nfs4: 'NFS',
  cifs: 'SMB',
  smb3: 'SMB',
  smbfs: 'SMB',
  sshfs: 'SSHFS',
  davfs: 'WebDAV',
  afs: 'AFS',
  ceph: 'CephFS',
  glusterfs: 'GlusterFS',
  lustre: 'Lustre',
  beegfs: 'BeeGFS',
};

/** The kind of network drive that `folder` (which need not exist yet) is on; undefined if none or unknown. */
export function networkDrive(folder: string): string | undefined {
  if (process.platform === 'win32') return isShare(folder) ? 'SMB' : undefined;
  let place = resolve(folder);
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  return kindAt(realpathSync(place), readMounts());
}

/** `folder` is absolute, without symbolic links. Of several mounts at one place, the last one counts. Pure. */
export function kindAt(folder: string, mounts: readonly Mount[]): string | undefined {
  const around = mounts.filter(({ place }) => isWithin(folder, place));
  const nearest = around.reduce<Mount | undefined>(
    (best, mount) => (best && best.place.length > mount.place.length ? best : mount),
    undefined,
  );
  return nearest && kinds[nearest.type.replace(/^fuse\./, '')];
}

export const isWithin = (folder: string, place: string): boolean =>
  place === '/' || `${folder}/`.startsWith(`${place}/`);

/** \\server\share, but not \\?\C:\ or \\.\pipe. */
export const isShare = (path: string): boolean => /^(\\\\|\/\/)(\?\\UNC\\)?[^\\/?.]/i.test(path);

/** The warning shown in the terminal. */
export const networkDriveWarning = (folder: string, drive: string): string =>
  `The data folder ${folder} is on a network drive (${drive}): training is slower there, and machines that share it ` +
  `can't tell each other's runs from dead ones; set FORGET_ME_NOT_HOME to a folder on a disk of this machine.`;
