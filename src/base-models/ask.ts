/** What the caller of resolveBase is told and asked. */
import { UserError } from '../protocol/errors.ts';
import type { OnFetchProgress } from './pypi.ts';

/** What is about to be downloaded. */
export interface PlannedDownload {
  what: string;
  bytes: number;
  licence?: string;
}

export interface ResolveOptions {
  onProgress?: OnFetchProgress | undefined;
  signal?: AbortSignal | undefined;
  /** Asked before anything large is downloaded; false ends with `cancelled`. Default: yes. */
  confirm?: ((download: PlannedDownload) => Promise<boolean>) | undefined;
}

/** Throws `cancelled` when the person would rather not. */
export async function ask({ confirm }: ResolveOptions, download: PlannedDownload): Promise<void> {
  if (confirm && !(await confirm(download)))
    throw new UserError(
      'cancelled',
      `${download.what} was not downloaded.`,
      'Allow the download, or choose something that is here.',
    );
}
