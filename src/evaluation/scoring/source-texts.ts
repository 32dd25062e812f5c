/** Texts that the base already knew, named by the user: a text file, or a data set of texts. */
import { existsSync } from 'node:fs';
import { isDataFile } from '../../corpus/datasets/choose.ts';
import { dataSetDocuments } from '../../corpus/datasets/documents.ts';
import { UserError } from '../../text/errors.ts';
import { whyNotAFile } from '../../text/not-a-file.ts';
import { openRegular } from '../../platform/files/regular-file.ts';
import { detachedCopy } from '../cursors/held-out.ts';
import { spread } from '../../statistics/statistics.ts';
import { english } from '../../text/message.ts';

/** Characters per piece: more than its tokens need. */
const PIECE = 2048;

/**
 * `count` pieces: spread evenly over a file, or the beginnings of a data set's first rows. Errors: those of reading
 * them.
 */
export async function sourceTexts(
  reference: string,
  count: number,
  options: { signal?: AbortSignal | undefined; onWarning(message: string): void },
): Promise<string[]> {
  const texts =
    existsSync(reference) && !isDataFile(reference)
      ? await piecesOf(reference, count)
      : await firstRows(reference, count, options);
  const filled = texts.filter((text) => text.trim());
  if (filled.length > 0) return filled;
  throw new UserError('corpus-empty', `${reference} holds no text.`, 'Give another file or data set.');
}

/** A piece begins with a line if possible. The file is read twice and is never in memory as a whole. */
async function piecesOf(path: string, count: number): Promise<string[]> {
  let length = 0;
  for await (const text of readText(path)) length += text.length;
  const pieces = new Map(spread(Math.ceil(length / PIECE), count).map((index) => [index, '']));
  let at = 0;
  for await (const text of readText(path)) {
    for (let done = 0; done < text.length;) {
      const index = Math.floor((at + done) / PIECE);
      const end = Math.min(text.length, (index + 1) * PIECE - at);
      const piece = pieces.get(index);
      if (piece !== undefined) pieces.set(index, piece + detachedCopy(text.slice(done, end)));
      done = end;
    }
    at += text.length;
  }
  return [...pieces].map(([index, piece]) => {
    const line = index > 0 ? piece.indexOf('\n') + 1 : 0;
    return piece.slice(line < piece.length ? line : 0);
  });
}

/** Streams a file's text. */
async function* readText(path: string): AsyncGenerator<string> {
  try {
    const file = await openRegular(path);
    const stream = file.createReadStream({ encoding: 'utf8', highWaterMark: 1 << 20 });
    for await (const text of stream as AsyncIterable<string>) {
      if (text.includes('\0'))
        throw new UserError(
          'corpus-unreadable',
          `${path} is not a text file.`,
          'Give a text file, or a data set.',
        );
      yield text;
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    const why = whyNotAFile(error) ?? (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new UserError('corpus-unreadable', `${path} can't be read: ${english(why)}.`, 'Give a text file.', {
      cause: error,
    });
  }
}

async function firstRows(
  reference: string,
  count: number,
  options: { signal?: AbortSignal | undefined; onWarning(message: string): void },
): Promise<string[]> {
  const texts: string[] = [];
  for await (const { pieces } of dataSetDocuments(reference, { ...options, mode: 'pretrain' })) {
    const text = pieces.map((piece) => piece.text).join('');
    texts.push(detachedCopy(text.slice(0, PIECE)));
    if (texts.length >= count) break;
  }
  return texts;
}
