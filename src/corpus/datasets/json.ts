/** Reads JSON lines or one large array, gzipped or not; only one row is in memory at a time. */
import { createGunzip } from 'node:zlib';
import { pipeline } from 'node:stream';
import { UserError } from '../../text/errors.ts';
import { openRegular } from '../../platform/files/regular-file.ts';
import type { Row } from './row.ts';

/** Longest line in bytes; a file with a longer one is not JSON lines. */
const MAX_LINE = 64 << 20;

/** Rows of a .json, .jsonl or .ndjson file, with or without .gz. Throws corpus-unreadable, and like openRegular. */
export async function* readJson(path: string): AsyncGenerator<Row> {
  const chunks = readChunks(path);
  const head: Buffer[] = [];
  // The first character after a byte order mark and whitespace decides.
  let first = '';
  while (!first) {
    const next = await chunks.next();
    if (next.done) return;
    head.push(next.value);
    first = next.value
      .toString('latin1')
      .replace(/^\xef\xbb\xbf/, '')
      .trimStart()
      .slice(0, 1);
  }
  const all = prepend(head, chunks);
  yield* first === '[' ? readArray(all) : readLines(all);
}

async function* readChunks(path: string): AsyncGenerator<Buffer> {
  const file = (await openRegular(path)).createReadStream({ highWaterMark: 1 << 20 });
  const stream = /\.gz$/i.test(path) ? pipeline(file, createGunzip(), () => undefined) : file;
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } finally {
    file.destroy();
  }
}

async function* prepend(head: Buffer[], rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* head;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

const NEWLINE = 0x0a;

/**
 * Node's readline is unsuitable: it also breaks lines at U+2028, which is allowed in JSON strings, and accepts invalid
 * UTF-8.
 */
async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Row> {
  let number = 1;
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const row = readLine(Buffer.concat([...parts, chunk.subarray(from, end)]), number);
      if (row) yield row;
      [number, from, parts, length] = [number + 1, end + 1, [], 0];
    }
    parts.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > MAX_LINE)
      throw new UserError(
        'corpus-unreadable',
        `Line ${number} is longer than ${MAX_LINE >> 20} MiB.`,
        'Give a file with one JSON object per line.',
      );
  }
  const row = readLine(Buffer.concat(parts), number);
  if (row) yield row;
}

const newDecoder = () => new TextDecoder('utf-8', { fatal: true });
const decoder = newDecoder();

/** Undefined for an empty line. */
function readLine(bytes: Buffer, number: number): Row | undefined {
  let line: string;
  try {
    line = decoder.decode(bytes);
  } catch {
    return { number, problem: 'it is not UTF-8' };
  }
  return line.trim() ? parseLine(line, number) : undefined;
}

function parseLine(line: string, number: number): Row {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { number, problem: 'it is not JSON' };
  }
  return toRow(value, number);
}

/** Rows of an array. Throws corpus-unreadable if it is broken or truncated, since nothing after that can be read. */
async function* readArray(chunks: AsyncIterable<Buffer>): AsyncGenerator<Row> {
  const rows: Row[] = [];
  let number = 0;
  const { JSONParser } = await import('@streamparser/json');
  const parser = new JSONParser({ paths: ['$.*'], keepStack: false });
  parser.onValue = ({ value }) => rows.push(toRow(value, (number += 1)));
  let failure: Error | undefined;
  parser.onError = (error) => (failure = error);
  const stream = newDecoder();
  for await (const chunk of chunks) {
    if (parser.isEnded) break;
    parser.write(decodeNext(stream, chunk, number));
    yield* rows.splice(0);
    if (failure) break;
  }
  if (failure || !parser.isEnded)
    throw new UserError(
      'corpus-unreadable',
      `The JSON array ${failure ? 'is broken' : 'ends too early'} after row ${number}.`,
      'Give a complete file.',
      { cause: failure },
    );
}

function decodeNext(stream: TextDecoder, chunk: Buffer, row: number): string {
  try {
    return stream.decode(chunk, { stream: true });
  } catch (error) {
    throw new UserError(
      'corpus-unreadable',
      `The JSON array is not UTF-8 after row ${row}.`,
      'Save the file as UTF-8, then give it again.',
      { cause: error },
    );
  }
}

const toRow = (value: unknown, number: number): Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? { number, columns: Object.keys(value), values: value as Record<string, unknown> }
    : { number, problem: 'it is not an object' };
