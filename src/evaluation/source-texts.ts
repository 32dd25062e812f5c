/** Text of what a base knew, which the person names: a text file, or a data set of texts. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isDataFile } from '../corpus/datasets/choose.ts';
import { dataSetDocuments } from '../corpus/datasets/documents.ts';
import { UserError } from '../protocol/errors.ts';
import { spread } from './statistics.ts';

/** Characters of a piece: more than its tokens need. */
const PIECE = 2048;

/** `count` pieces: evenly over a file, or the beginnings of a data set's first rows. Errors: those of reading them. */
export async function sourceTexts(
  reference: string,
  count: number,
  options: { signal?: AbortSignal | undefined; onWarning(message: string): void },
): Promise<string[]> {
  const texts =
    existsSync(reference) && !isDataFile(reference)
      ? piecesOf(await readText(reference), count)
      : await firstRows(reference, count, options);
  const filled = texts.filter((text) => text.trim());
  if (filled.length > 0) return filled;
  throw new UserError('corpus-empty', `${reference} holds no text.`, 'Give another file or data set.');
}

async function readText(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new UserError('corpus-unreadable', `${path} can't be read: ${why}.`, 'Give a file of text.', {
      cause: error,
    });
  }
  if (!text.includes('\0')) return text;
  throw new UserError('corpus-unreadable', `${path} is no text.`, 'Give a file of text, or a data set.');
}

/** A piece begins with a line where it can. */
export function piecesOf(text: string, count: number): string[] {
  return spread(Math.ceil(text.length / PIECE), count).map((index) => {
    const piece = text.slice(index * PIECE, (index + 1) * PIECE);
    const line = index > 0 ? piece.indexOf('\n') + 1 : 0;
    return piece.slice(line < piece.length ? line : 0);
  });
}

async function firstRows(
  reference: string,
  count: number,
  options: { signal?: AbortSignal | undefined; onWarning(message: string): void },
): Promise<string[]> {
  const texts: string[] = [];
  for await (const { pieces } of dataSetDocuments(reference, { ...options, mode: 'pretrain' })) {
    texts.push(
      pieces
        .map(({ text }) => text)
        .join('')
        .slice(0, PIECE),
    );
    if (texts.length >= count) break;
  }
  return texts;
}
