/** Warns where runs and models would be lost: in a container whose data folder is on no volume. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import * as vscode from 'vscode';
import { dataDir } from '../protocol/paths.ts';
import { t } from './l10n.ts';
import type { Services } from './services.ts';

/** Once for each container: its state is new when it is rebuilt, as is the data folder. */
const WARNED = 'warnedOfContainer';

export async function warnIfLost({ extension, log }: Pick<Services, 'extension' | 'log'>): Promise<void> {
  const { globalState } = extension;
  // Whoever chose the folder knows where it is.
  if (process.env['FORGET_ME_NOT_HOME'] || globalState.get(WARNED)) return;
  if (!isContainer() || !isOnContainersDisk(dataDir(), mountPoints())) return;
  await globalState.update(WARNED, true);
  await log.ask(
    'warning',
    t(
      "This window runs in a container, and Forget-Me-Not's data folder {folder} is on none of its volumes: models and results will be gone when the container is rebuilt.",
      { folder: dataDir() },
    ),
    {
      title: t('Choose Data Folder'),
      run: () => vscode.commands.executeCommand('workbench.action.openSettings', 'forgetMeNot.dataDirectory'),
    },
  );
}

/** Of Docker or Podman. */
const isContainer = () => ['/.dockerenv', '/run/.containerenv'].some((file) => existsSync(file));

function mountPoints(): string[] {
  try {
    return mountsOf(readFileSync('/proc/self/mountinfo', 'utf8'));
  } catch {
    // Not Linux, so not inside a container.
    return [];
  }
}

/** The folders at which file systems are mounted. `mountinfo`: see proc(5); spaces in paths are written \040. Pure. */
export const mountsOf = (mountinfo: string): string[] =>
  mountinfo
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map((path) => path.replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8))));

/** Whether a folder is on the container's own disk, that is on no file system but the one at "/". Pure. */
export const isOnContainersDisk = (folder: string, mounts: readonly string[]): boolean =>
  !mounts.some((mount) => mount !== '/' && `${resolve(folder)}${sep}`.startsWith(`${mount}/`));
