/** Progress and questions for the caller of resolveBase. */
import { msg, UserError } from '../text/errors.ts';
import type { OnFetchProgress } from '../packages/pypi.ts';

/** What is about to be downloaded. */
export interface PlannedDownload {
  what: string;
  bytes: number;
  licence?: string;
}

export interface ResolveOptions {
  onProgress?: OnFetchProgress | undefined;
  signal?: AbortSignal | undefined;
  /** Asked before a large download; false ends with `cancelled`. Default: yes. */
  confirm?: ((download: PlannedDownload) => Promise<boolean>) | undefined;
}

/** Throws UserError `cancelled` if the person declines. */
export async function ask({ confirm }: ResolveOptions, download: PlannedDownload): Promise<void> {
  if (confirm && !(await confirm(download)))
    throw new UserError(
      'cancelled',
      msg`${download.what} was not downloaded.`,
      msg`Allow the download, or choose something that is already on this machine.`,
    );
}
