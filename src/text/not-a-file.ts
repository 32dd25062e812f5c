import { english, msg, type Text } from './message.ts';
/** Errors for paths that should be files but are not. Has no Node imports, so it also works in a browser. */

/** The path is not a file, or the file is too large. `reason` is a clause: "it is a folder". */
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

const notAFile: Partial<Record<string, Text>> = {
  EISDIR: msg`it is a folder`,
  ENXIO: msg`it is a socket or a pipe`,
  ELOOP: msg`its symbolic links form a loop`,
};

/** Why the path is not a file, according to the error; undefined for other errors. */
export function whyNotAFile(error: unknown): Text | undefined {
  if (error instanceof NotAFile) return error.reason;
  return error instanceof Error ? notAFile[(error as NodeJS.ErrnoException).code ?? ''] : undefined;
}
