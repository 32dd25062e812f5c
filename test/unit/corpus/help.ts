import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { CorpusTokenizer } from '../../../src/corpus/index.ts';
import type { TokenStream } from '../../../src/corpus/tokens/packing.ts';
import type { TokenFile } from '../../../src/corpus/tokens/token-file.ts';

/** A temporary folder for each test, with an input and an output folder. */
export function useTemporaryFolder() {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'fmn-corpus-'));
    mkdirSync(join(root, 'in'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  return {
    in: () => join(root, 'in'),
    clear: () => rmSync(join(root, 'in'), { recursive: true }),
    out: () => join(root, 'out'),
    write(files: Record<string, string | Buffer>) {
      for (const [path, content] of Object.entries(files)) {
        const target = join(root, 'in', path);
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(target, content);
      }
    },
  };
}

/** One token per byte; 256 ends a document. Positions and text can then be checked by reading. */
export const byteTokenizer: CorpusTokenizer = {
  encode: (text) => Int32Array.from(Buffer.from(text)),
  eos: 256,
};

/** All tokens of a file. */
export const all = (file: TokenFile) => file.read(0, file.length);

export const textOf = (tokens: Int32Array) =>
  Buffer.from(tokens.filter((token) => token < 256)).toString('utf8');

/** Some lines of code that differ by their number. */
export const code = (n: number, lines = 6) =>
  Array.from({ length: lines }, (_, line) => `const value_${n}_${line} = ${n * line};\n`).join('');

/** Ends each document, of `tokensPerDocument`. */
export const endOf = 999_999;

/** Documents of 2 to 20 tokens: document n has 1000 n, 1000 n + 1 and so on, then the end token. */
export const tokensPerDocument = (count: number): number[][] =>
  Array.from({ length: count }, (_, n) => [
    ...Array.from({ length: 1 + ((n * 7 + 3) % 19) }, (_, i) => 1000 * n + i),
    endOf,
  ]);

/** A stream in memory. `learned` says which tokens of each document count; by default all. */
export function streamOf(documents: number[][], learned?: (document: number[]) => number[]): TokenStream {
  const tokens = Int32Array.from(documents.flat());
  const flags = learned && Uint8Array.from(documents.flatMap(learned));
  let end = 0;
  const starts = Int32Array.from(documents, (document) => (end += document.length) - document.length);
  return {
    length: tokens.length,
    starts,
    read: (begin, count) => tokens.slice(begin, begin + count),
    ...(flags && { learned: (begin: number, count: number) => flags.slice(begin, begin + count) }),
  };
}
