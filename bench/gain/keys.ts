/**
 * Keys under which results are cached. Trained runs and their metrics have separate keys, so that a change to measuring
 * does not cost hours of training.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const DIST = 'dist';
/** Our native kernels used in training. */
const KERNELS = join(DIST, 'native', 'kernels');
const MEASURING = ['evaluator', 'scorer-worker', 'sandbox-host', 'sandbox-interpreter'];

/** The key of a trained run: `known`, plus the program that reads the corpus and trains. */
export async function trainingKey(known: readonly unknown[]): Promise<string> {
  const kernels = (await readdir(KERNELS)).sort().map((name) => readFile(join(KERNELS, name), 'utf8'));
  return keyOf([
    JSON.stringify(known),
    withoutProtocol(await bundle('training-worker')),
    ...(await Promise.all(kernels)),
  ]);
}

/** The key of metrics: the programs that measure. */
export const measuringKey = async (): Promise<string> => keyOf(await Promise.all(MEASURING.map(bundle)));

const bundle = (name: string) => readFile(join(DIST, `${name}.mjs`), 'utf8');

/**
 * A bundle without the protocol, such as the format of metrics, which does not affect training. esbuild marks the
 * source file of each part with a comment line.
 */
export const withoutProtocol = (text: string): string =>
  text
    .split(/^(?=\/\/ (?:src|node_modules)\/)/m)
    .filter((part) => !part.startsWith('// src/protocol/'))
    .join('');

const keyOf = (texts: readonly string[]): string =>
  createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 12);
