/** Where adapters are published: NAME/VERSION/ in a folder, a bucket or a repository, with manifest.json in each. */
import { readAddress, type Address } from '../../serving/remote/address.ts';
import { UserError } from '../../text/errors.ts';
import { isSharedName } from '../../protocol/sharing.ts';

/** A file to upload, and its current path. */
export interface Outgoing {
  path: string;
  source: string;
  bytes: number;
  sha256: string;
}

export interface Transfer {
  signal?: AbortSignal | undefined;
  /** Bytes so far: of the downloaded file, or of all uploaded ones. An error that it throws ends the transfer. */
  onBytes?: ((done: number) => void) | undefined;
}

export interface Store {
  /** For display, such as "s3://bucket/team". */
  readonly label: string;
  /** The server's host and port, if it is another one than the label makes one expect. */
  readonly host?: string | undefined;
  /** The published names, sorted. */
  names(): Promise<string[]>;
  /** Versions of a name, ascending, including incomplete ones, whose numbers stay taken. */
  versions(name: string): Promise<number[]>;
  /** A version's manifest; undefined if it has none, or one of more than `most` bytes. */
  manifest(name: string, version: number, most: number): Promise<Buffer | undefined>;
  /** Downloads a file of a version to `to`. Errors: not-published, store-refused, network. */
  download(place: Place, to: string, transfer: Transfer): Promise<void>;
  /**
   * Writes a new version; its manifest comes last or together with the rest, so that a version with a manifest is
   * complete. Never overwrites. Errors: bad-argument if the version already exists, store-refused, network.
   */
  publish(name: string, version: number, files: readonly Outgoing[], transfer: Transfer): Promise<void>;
}

export interface Place {
  name: string;
  version: number;
  path: string;
}

/** "hub:team/adapters (at mirror.example)": for a question about what leaves this machine. */
export const placeOf = ({ label, host }: Pick<Store, 'label' | 'host'>): string =>
  host === undefined ? label : `${label} (at ${host})`;

/**
 * The address of a store, from the environment variable `variable`; `keys`: where its credentials belong. Throws
 * UserError `bad-argument` if it is invalid, or would send the weights in plain text over a network.
 */
export function readEndpoint(endpoint: string, variable: string, keys: string): Address {
  const refused = (message: string, next: string) => new UserError('bad-argument', message, next);
  return readAddress(endpoint, {
    // Not shown, because it comes from the environment and may contain a key.
    invalid: () =>
      refused(
        `${variable} is not the address of a store.`,
        'Set it to an address such as https://storage.example.',
      ),
    hasExtras: () =>
      refused(
        `${variable} contains more than a host, a port and a path.`,
        `Set it to an address such as https://storage.example; ${keys}.`,
      ),
    unencrypted: (host) =>
      refused(
        `Adapters would go to ${host} in plain text, readable by anybody on the way.`,
        `Use https in ${variable}, or an IP address in your private network.`,
      ),
  });
}

/** Ascending, from the names of folders. */
export const parseVersions = (folders: readonly string[]): number[] =>
  folders
    .filter((folder) => /^[1-9]\d{0,8}$/.test(folder))
    .map(Number)
    .sort((a, b) => a - b);

/** Throws UserError bad-argument: a name is a part of paths and addresses. */
export function requireName(name: string): void {
  if (isSharedName(name)) return;
  throw new UserError(
    'bad-argument',
    `"${name}" can't be the name of a published adapter.`,
    'Use letters, digits, dots, dashes and underscores.',
  );
}

export const versionTaken = (label: string, name: string, version: number): UserError =>
  new UserError(
    'bad-argument',
    `${label} already has ${name} version ${version}: somebody published it at the same moment.`,
    'Run the same command again; it takes the next number.',
  );

export const cancelledError = (): UserError =>
  new UserError('cancelled', 'The transfer was stopped.', 'Start it again.');

export const notPublished = (label: string, what: string): UserError =>
  new UserError(
    'not-published',
    `${label} has no ${what}.`,
    `List what is there with fetch --from ${label}.`,
  );
