/** Reads the rows of a data set one by one: a file, a folder of files, or a repository on the hub. */
import { UserError } from '../../text/errors.ts';
import type { ResolveOptions } from '../../base-models/resolve-options.ts';
import { whyNotAFile } from '../../text/not-a-file.ts';
import { cancelled } from '../reading/documents.ts';
import { findFiles } from './files.ts';
import { readJson } from './json.ts';
import { readParquet } from './parquet.ts';
import type { Row } from './row.ts';
import { english } from '../../text/message.ts';

/** A row with its name, such as "row 12" or "b.parquet row 12". */
export type NamedRow = Row & { name: string };

export interface ReadRowsOptions extends ResolveOptions {
  /** Usable columns. If a Parquet file has one of them, the others are not read. */
  columns?: readonly string[] | undefined;
}

/**
 * Reads a data set in the order of its files. A file on the hub is downloaded only when it is reached, so that stopping
 * early saves downloads. Rows are numbered from 1 in each file; for JSON lines these are line numbers. Errors:
 * corpus-unreadable, corpus-empty, hub-not-found, network, disk-full, cancelled.
 */
export async function* readRows(reference: string, options: ReadRowsOptions = {}): AsyncGenerator<NamedRow> {
  const { signal } = options;
  for await (const { path, name, count } of findFiles(reference, options)) {
    const rows = /\.parquet$/i.test(path) ? readParquet(path, options) : readJson(path);
    try {
      for await (const row of rows) {
        if (signal?.aborted) throw cancelled();
        yield { ...row, name: count === 1 ? `row ${row.number}` : `${name} row ${row.number}` };
      }
    } catch (error) {
      throw error instanceof UserError ? error : unreadable(name, error);
    }
  }
}

function unreadable(name: string, error: unknown): UserError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = whyNotAFile(error) ?? code ?? message;
  return new UserError(
    'corpus-unreadable',
    `${name} can't be read: ${english(reason)}.`,
    'Give a complete .jsonl, .json or .parquet file.',
    { cause: error },
  );
}
