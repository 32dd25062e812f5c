import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { CorpusTokenizer } from '../../../src/corpus/index.ts';

/** A temporary folder for every test, with a place for input and one for output. */
export function useTemporaryFolder() {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'fmn-corpus-'));
    mkdirSync(join(root, 'in'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  return {
    in: () => join(root, 'in'),
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

/** One token for each byte; 256 ends a document. So every position and text can be checked by reading it. */
export const byteTokenizer: CorpusTokenizer = {
  encode: (text) => Int32Array.from(Buffer.from(text)),
  eos: 256,
};

export const textOf = (tokens: Int32Array) =>
  Buffer.from(tokens.filter((token) => token < 256)).toString('utf8');

/** Some lines of code that differ by their number. */
export const code = (n: number, lines = 6) =>
  Array.from({ length: lines }, (_, line) => `const value_${n}_${line} = ${n * line};\n`).join('');
