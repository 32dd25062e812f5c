/** A data set's rows as documents. */
import { UserError } from '../../text/errors.ts';
import type { ChatTemplate } from './chat-template.ts';
import type { Piece, SourceDocument } from '../reading/source.ts';
import {
  BadValue,
  findFormat,
  formatFor,
  usableColumns,
  type Example,
  type Format,
  type Mode,
} from './formats.ts';
import { readRows, type NamedRow, type ReadRowsOptions } from './rows.ts';

export interface DataSetOptions extends Omit<ReadRowsOptions, 'columns'> {
  mode: Mode;
  /** The base's chat template, for `instruct`. */
  template?: ChatTemplate | undefined;
  /** Called once, at the end, if rows were skipped. */
  onWarning?: ((message: string) => void) | undefined;
}

/**
 * The documents in a data set, one per row. Rows with unusable values are skipped and counted.
 * Errors: those of readRows; corpus-unreadable for a data set without usable columns or with more than 1% bad rows;
 * corpus-empty; chat-template.
 */
export async function* dataSetDocuments(
  reference: string,
  options: DataSetOptions,
): AsyncGenerator<SourceDocument> {
  let format: Format | undefined;
  let failed = false;
  const tally = new Tally(reference);
  try {
    for await (const row of readRows(reference, { ...options, columns: usableColumns })) {
      tally.read += 1;
      let pieces: Piece[];
      try {
        if ('problem' in row) throw new BadValue(row.problem);
        format ??= formatFor(row.columns, options.mode, reference);
        pieces = await toPieces(format.read(row.values), options);
      } catch (error) {
        if (!(error instanceof BadValue)) throw error;
        tally.skip(row, error.message);
        continue;
      }
      yield { path: row.name, pieces };
    }
    tally.finish();
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    if (tally.skipped && !failed) options.onWarning?.(tally.warning());
  }
}

/** `instruct` if that is requested and the data set has instructions, else `pretrain`. Errors: those of readRows. */
export async function detectMode(
  reference: string,
  requested: Mode,
  options: ReadRowsOptions,
): Promise<Mode> {
  if (requested === 'instruct')
    for await (const row of readRows(reference, options))
      if ('columns' in row) return findFormat(row.columns, 'instruct') ? 'instruct' : 'pretrain';
  return 'pretrain';
}

/** In pretraining, a conversation is treated as plain text. */
async function toPieces(example: Example, { mode, template }: DataSetOptions): Promise<Piece[]> {
  if ('text' in example) return [{ text: example.text, learned: true }];
  if (mode === 'instruct') return await template!.render(example.messages);
  return [{ text: example.messages.map(({ content }) => content).join('\n\n'), learned: true }];
}

/** Counts the rows read and skipped. */
class Tally {
  read = 0;
  skipped = 0;
  private readonly first: string[] = [];

  constructor(private readonly reference: string) {}

  /**
   * Throws corpus-unreadable if too many are bad, but not before 100 rows, since one bad row among a few means little.
   */
  skip({ name }: NamedRow, why: string): void {
    this.skipped += 1;
    if (this.first.length < 5) this.first.push(`${name}: ${why}`);
    if (this.read >= 100) this.check(`${name}: ${why}`);
  }

  finish(): void {
    if (this.read === 0)
      throw new UserError(
        'corpus-empty',
        `The data set ${this.reference} has no rows.`,
        'Choose another data set or split.',
      );
    if (this.skipped) this.check(this.first[0]!);
  }

  warning(): string {
    const more = this.skipped > this.first.length ? '; ...' : '';
    return `${this.skipped} of ${this.read} rows of ${this.reference} were skipped: ${this.first.join('; ')}${more}.`;
  }

  private check(what: string): void {
    if (this.skipped <= this.read / 100) return;
    throw new UserError(
      'corpus-unreadable',
      `${this.skipped} of the first ${this.read} rows of ${this.reference} are bad, more than 1% (${what}).`,
      'Correct the data set, or choose another.',
    );
  }
}
