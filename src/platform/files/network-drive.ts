/** Tells whether a folder is on a network drive. There, another machine's processes can't be told from dead ones. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A file system and the folder at which it is mounted. */
export interface Mount {
  place: string;
  /** "ext4", "fuse.sshfs" */
  type: string;
}

/** `mountinfo`: the text of /proc/self/mountinfo, see proc(5); spaces in paths are written \040. Pure. */
export const mountsOf = (mountinfo: string): Mount[] =>
  mountinfo.split('\n').flatMap((line) => {
    const place = line.split(' ')[4];
    // The number of fields before the dash varies.
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

/** Empty on other systems than Linux. */
export function readMounts(): Mount[] {
  try {
    return mountsOf(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    return [];
  }
}

/** By Linux's names, without "fuse.". */
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

/** What kind of network drive `folder`, or where it will be, is on; undefined if none, or if there is no telling. */
export function networkDrive(folder: string): string | undefined {
  if (process.platform === 'win32') return isShare(folder) ? 'SMB' : undefined;
  let place = resolve(folder);
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  return kindAt(realpathSync(place), readMounts());
}

/** `folder` is absolute, without symbolic links. Of mounts at one place, the last one counts. Pure. */
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

/** What follows from it, and what to do, for the terminal. */
export const tellNetworkDrive = (folder: string, drive: string): string =>
  `The data folder ${folder} is on a network drive (${drive}): training is slower there, and machines that share it ` +
  `can't tell each other's runs from dead ones; set FORGET_ME_NOT_HOME to a folder on a disk of this machine.`;
