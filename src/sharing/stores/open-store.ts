/** Opens the store named by --to or --from: s3://bucket/prefix, hub:owner/name, or a folder. */
import { UserError } from '../../text/errors.ts';
import { FolderStore } from './folder-store.ts';
import { S3Store } from './s3-store.ts';
import type { Store } from './store.ts';

/** Errors: bad-argument (also for an address that is not encrypted), store-refused (no credentials). */
export async function openStore(place: string): Promise<Store> {
  if (place.startsWith('s3:')) return new S3Store(place);
  const [, repository] = /^hub:(.*)$/.exec(place) ?? [];
  if (repository === undefined && !/^[a-z][a-z0-9+.-]+:\/\//i.test(place)) return new FolderStore(place);
  if (repository && /^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(repository)) {
    const { HubStore } = await import('./hub-store.ts');
    return new HubStore(repository);
  }
  throw new UserError(
    'bad-argument',
    `"${place}" is no place for adapters.`,
    'Give a folder, s3://bucket/prefix, or hub:owner/name.',
  );
}
