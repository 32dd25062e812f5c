/**
 * What is kept is found by keys, and made again when what decides it has changed. A change to measuring must not cost
 * hours of training, so trained runs and their figures have keys of their own.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const DIST = 'dist';
/** Our kernels that training compiles. */
const KERNELS = join(DIST, 'native', 'kernels');
const MEASURING = ['evaluator', 'scorer-worker', 'sandbox-host', 'sandbox-interpreter'];

/** Of a trained run: `known`, and the program that reads the corpus and trains. */
export async function trainingKey(known: readonly unknown[]): Promise<string> {
  const kernels = (await readdir(KERNELS)).sort().map((name) => readFile(join(KERNELS, name), 'utf8'));
  return keyOf([
    JSON.stringify(known),
    withoutProtocol(await bundle('training-worker')),
    ...(await Promise.all(kernels)),
  ]);
}

/** Of figures: the programs that measure. */
export const measuringKey = async (): Promise<string> => keyOf(await Promise.all(MEASURING.map(bundle)));

const bundle = (name: string) => readFile(join(DIST, `${name}.mjs`), 'utf8');

/**
 * A bundle without what processes tell each other, which decides nothing in training: the format of figures, say.
 * esbuild names the file that each part comes from in a line of its own.
 */
export const withoutProtocol = (text: string): string =>
  text
    .split(/^(?=\/\/ (?:src|node_modules)\/)/m)
    .filter((part) => !part.startsWith('// src/protocol/'))
    .join('');

const keyOf = (texts: readonly string[]): string =>
  createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 12);
