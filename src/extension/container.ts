/** Warns where the data folder is in a bad place: in a container on no volume, or on a network drive. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import * as vscode from 'vscode';
import { isWithin, networkDrive, readMounts, type Mount } from '../platform/files/network-drive.ts';
import { dataDir } from '../platform/files/paths.ts';
import { t } from '../text/l10n.ts';
import type { Services } from './services.ts';

/** Once for each container: its state is new when it is rebuilt, as is the data folder. */
const WARNED = 'warnedOfContainer';

/** The folder of which it was said. */
const WARNED_OF_DRIVE = 'warnedOfNetworkDrive';

export async function warnOfDataFolder(services: Pick<Services, 'extension' | 'log'>): Promise<void> {
  await warnIfLost(services);
  await warnIfShared(services);
}

async function warnIfShared({ extension, log }: Pick<Services, 'extension' | 'log'>): Promise<void> {
  const { globalState } = extension;
  const folder = dataDir();
  if (globalState.get(WARNED_OF_DRIVE) === folder) return;
  const drive = networkDrive(folder);
  if (!drive) return;
  await globalState.update(WARNED_OF_DRIVE, folder);
  await log.ask(
    'warning',
    t(
      "Forget-Me-Not's data folder {folder} is on a network drive ({drive}): training is slower there, and machines that share it can't tell each other's runs from dead ones. Choose a folder on a disk of this machine.",
      { folder, drive },
    ),
    chooseFolder(),
  );
}

const chooseFolder = () => ({
  title: t('Choose Data Folder'),
  run: () => vscode.commands.executeCommand('workbench.action.openSettings', 'forgetMeNot.dataDirectory'),
});

async function warnIfLost({ extension, log }: Pick<Services, 'extension' | 'log'>): Promise<void> {
  const { globalState } = extension;
  // Whoever chose the folder knows where it is.
  if (process.env['FORGET_ME_NOT_HOME'] || globalState.get(WARNED)) return;
  if (!isContainer() || !isOnContainersDisk(dataDir(), readMounts())) return;
  await globalState.update(WARNED, true);
  await log.ask(
    'warning',
    t(
      "This window runs in a container, and Forget-Me-Not's data folder {folder} is on none of its volumes: models and results will be gone when the container is rebuilt.",
      { folder: dataDir() },
    ),
    chooseFolder(),
  );
}

/** Of Docker or Podman, which leave a file; of Kubernetes, or one that VS Code or Codespaces has made. */
const isContainer = () =>
  ['/.dockerenv', '/run/.containerenv'].some((file) => existsSync(file)) ||
  ['KUBERNETES_SERVICE_HOST', 'REMOTE_CONTAINERS', 'CODESPACES'].some((name) => process.env[name]);

/** Whether a folder is on the container's own disk, that is on no file system but the one at "/". Pure. */
export const isOnContainersDisk = (folder: string, mounts: readonly Mount[]): boolean =>
  !mounts.some(({ place }) => place !== '/' && isWithin(resolve(folder), place));
