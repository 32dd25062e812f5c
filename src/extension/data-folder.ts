/** Warns if the data folder is in a bad place: in a container but not on a volume, or on a network drive. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isWithin, networkDrive, readMounts, type Mount } from '../platform/files/network-drive.ts';
import { dataDir } from '../platform/files/paths.ts';
import { t } from '../text/l10n.ts';
import type { Services } from './services.ts';
import { settingAction } from './log.ts';

/** Once per container: a rebuilt container starts with new state and a new data folder. */
const WARNED_CONTAINER_KEY = 'warnedOfContainer';

/** The folder warned about last. */
const WARNED_DRIVE_KEY = 'warnedOfNetworkDrive';

export async function warnOfDataFolder(services: Pick<Services, 'extension' | 'log'>): Promise<void> {
  await warnIfInContainer(services);
  await warnIfOnNetworkDrive(services);
}

async function warnIfOnNetworkDrive({ extension, log }: Pick<Services, 'extension' | 'log'>): Promise<void> {
  const { globalState } = extension;
  const folder = dataDir();
  if (globalState.get(WARNED_DRIVE_KEY) === folder) return;
  const drive = networkDrive(folder);
  if (!drive) return;
  await globalState.update(WARNED_DRIVE_KEY, folder);
  await log.notify(
    'warning',
    t(
      "Forget-Me-Not's data folder {folder} is on a network drive ({drive}): training is slower there, and machines that share it can't tell each other's runs from dead ones. Choose a folder on a disk of this machine.",
      { folder, drive },
    ),
    chooseFolderAction(),
  );
}

const chooseFolderAction = () => settingAction('dataDirectory', t('Choose Data Folder'));

async function warnIfInContainer({ extension, log }: Pick<Services, 'extension' | 'log'>): Promise<void> {
  const { globalState } = extension;
  // Whoever chose the folder knows where it is.
  if (process.env['FORGET_ME_NOT_HOME'] || globalState.get(WARNED_CONTAINER_KEY)) return;
  if (!isContainer() || !isOnContainersDisk(dataDir(), readMounts())) return;
  await globalState.update(WARNED_CONTAINER_KEY, true);
  await log.notify(
    'warning',
    t(
      "This window runs in a container, and Forget-Me-Not's data folder {folder} is on none of its volumes: models and results will be gone when the container is rebuilt.",
      { folder: dataDir() },
    ),
    chooseFolderAction(),
  );
}

/** Docker and Podman leave a file; Kubernetes, VS Code and Codespaces set a variable. */
const isContainer = () =>
  ['/.dockerenv', '/run/.containerenv'].some((file) => existsSync(file)) ||
  ['KUBERNETES_SERVICE_HOST', 'REMOTE_CONTAINERS', 'CODESPACES'].some((name) => process.env[name]);

/** Whether a folder is on the container's own disk, that is on the file system mounted at "/". Pure. */
export const isOnContainersDisk = (folder: string, mounts: readonly Mount[]): boolean =>
  !mounts.some(({ place }) => place !== '/' && isWithin(resolve(folder), place));
