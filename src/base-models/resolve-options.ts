/** Callbacks of resolveBase: progress and confirmation of downloads. */
import { msg, UserError } from '../text/errors.ts';
import type { OnFetchProgress } from '../packages/pypi.ts';

/** A download that needs confirmation. */
export interface PlannedDownload {
  what: string;
  bytes: number;
  licence?: string;
}

export interface ResolveOptions {
  onProgress?: OnFetchProgress | undefined;
  signal?: AbortSignal | undefined;
  /** Called before a large download; false fails with `cancelled`. Default: yes. */
  confirm?: ((download: PlannedDownload) => Promise<boolean>) | undefined;
}

/** Throws UserError `cancelled` if the user declines. */
export async function confirmDownload({ confirm }: ResolveOptions, download: PlannedDownload): Promise<void> {
  if (confirm && !(await confirm(download)))
    throw new UserError(
      'cancelled',
      msg`${download.what} was not downloaded.`,
      msg`Allow the download, or choose something that is already on this machine.`,
    );
}
