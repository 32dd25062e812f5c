import { english, msg, type Text } from './message.ts';
/** A path that should be a file but is something else. No Node imports, so this also works without a file system. */

/** A path is no file, or the file is too large. `reason` is part of a sentence: "it is a folder". */
export class NotAFile extends Error {
  override readonly name = 'NotAFile';
  constructor(
    readonly path: string,
    readonly reason: Text,
    options?: ErrorOptions,
  ) {
    super(`${path} can't be read: ${english(reason)}`, options);
  }
}

const strange: Partial<Record<string, Text>> = {
  EISDIR: msg`it is a folder`,
  ENXIO: msg`it is a socket or a pipe`,
  ELOOP: msg`its links lead in a circle`,
};

/** Why the path is no file, according to the error; undefined for other errors. */
export function whyNoFile(error: unknown): Text | undefined {
  if (error instanceof NotAFile) return error.reason;
  return error instanceof Error ? strange[(error as NodeJS.ErrnoException).code ?? ''] : undefined;
}
