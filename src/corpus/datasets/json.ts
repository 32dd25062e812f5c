/** JSON lines, or one large array, gzipped or not; a row is held at a time. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { pipeline } from 'node:stream';
import { JSONParser } from '@streamparser/json';
import { UserError } from '../../protocol/errors.ts';
import type { Row } from './rows.ts';

/** Characters of a line; beyond it a file has no lines to speak of. */
const MAX_LINE = 64 << 20;

/** Rows of a .json, .jsonl or .ndjson file, with or without .gz. */
export async function* readJson(path: string): AsyncGenerator<Row> {
  const texts = readTexts(path);
  let head = '';
  // What the first character is decides; a byte order mark and space may come before it.
  while (!head.trim()) {
    const next = await texts.next();
    if (next.done) return;
    head += next.value;
  }
  const all = prepend(head, texts);
  yield* head.trimStart().startsWith('[') ? readArray(all) : readLines(all);
}

async function* readTexts(path: string): AsyncGenerator<string> {
  const file = createReadStream(path, { highWaterMark: 1 << 20 });
  const stream = /\.gz$/i.test(path) ? pipeline(file, createGunzip(), () => undefined) : file;
  const decoder = new TextDecoder();
  try {
    for await (const chunk of stream) yield decoder.decode(chunk as Buffer, { stream: true });
    yield decoder.decode();
  } finally {
    file.destroy();
  }
}

async function* prepend(head: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  try {
    yield head;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

/** Node's readline would end a line at U+2028 too, which JSON lets stand in a string. */
async function* readLines(texts: AsyncIterable<string>): AsyncGenerator<Row> {
  let number = 0;
  let rest = '';
  for await (const text of texts) {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    if (rest.length > MAX_LINE)
      throw new UserError(
        'corpus-unreadable',
        `Line ${number + lines.length + 1} is longer than ${MAX_LINE >> 20} million characters.`,
        'Give a file with one JSON object a line.',
      );
    for (const line of lines) {
      number += 1;
      if (line.trim()) yield parseLine(line, number);
    }
  }
  if (rest.trim()) yield parseLine(rest, number + 1);
}

function parseLine(line: string, number: number): Row {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { number, problem: 'it is not JSON' };
  }
  return asRow(value, number);
}

/** An array that breaks off or goes wrong has no next row: that ends it with an error. */
async function* readArray(texts: AsyncIterable<string>): AsyncGenerator<Row> {
  const found: Row[] = [];
  let number = 0;
  const parser = new JSONParser({ paths: ['$.*'], keepStack: false });
  parser.onValue = ({ value }) => found.push(asRow(value, (number += 1)));
  let failure: Error | undefined;
  parser.onError = (error) => (failure = error);
  for await (const text of texts) {
    if (parser.isEnded) break;
    parser.write(text);
    yield* found.splice(0);
    if (failure) break;
  }
  if (failure || !parser.isEnded)
    throw new UserError(
      'corpus-unreadable',
      `The JSON array ${failure ? 'is broken' : 'breaks off'} after row ${number}.`,
      'Give a file that is whole.',
      { cause: failure },
    );
}

const asRow = (value: unknown, number: number): Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? { number, columns: Object.keys(value), values: value as Record<string, unknown> }
    : { number, problem: 'it is not an object' };
