/** A name under which something else stands than the file that was expected. Also for where there is no file system. */

/** What stands under a name that should be a file's, or how much is in it. `reason` is part of a sentence: "it is a folder". */
export class NotAFile extends Error {
  override readonly name = 'NotAFile';
  constructor(
    readonly path: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${path} can't be read: ${reason}`, options);
  }
}

const strange: Partial<Record<string, string>> = {
  EISDIR: 'it is a folder',
  ENXIO: 'it is a socket or a pipe',
  ELOOP: 'its links lead in a circle',
};

/** What stands there where a file should, by what was thrown; undefined for other errors. */
export function whyNoFile(error: unknown): string | undefined {
  if (error instanceof NotAFile) return error.reason;
  return error instanceof Error ? strange[(error as NodeJS.ErrnoException).code ?? ''] : undefined;
}
