/** Builds and packs the extension. Returns the path of the .vsix. */
export function packageExtension(options?: {
  target?: string;
  gpu?: boolean;
  quiet?: boolean;
  fresh?: boolean;
}): Promise<string>;

/** A file of a package. */
export interface PackagedFile {
  path: string;
  bytes(): Buffer;
}

/** Calls `look` with the files that the .vsix would have, without writing it. `scan`: searches them for secrets. */
export function lookIntoPackage(
  options: { target: string; scan: boolean },
  look: (files: PackagedFile[]) => Promise<void>,
): Promise<void>;
