import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeByRename } from '../protocol/write-file.ts';
import { collect, type Collected } from './collect.ts';
import type { CorpusSummary, KeptEntry, LeftOutEntry } from './manifest.ts';
import { learnedPath, manifestPath, startsPath, summaryPath, tokensPath } from './paths.ts';
import { copyTokens, TokenFileWriter, writeTokens } from './token-file.ts';

/** What the corpus needs of a tokenizer. */
export interface CorpusTokenizer {
  /** Text that looks like a special token stays text, unless `special`. */
  encode(text: string, options?: { special?: boolean }): Int32Array;
  readonly eos: number;
  /** Begins every document, where the vocabulary says so. */
  readonly start?: number;
}

/** What base models were trained to see after a document, in the names of the families there are. */
const documentEnds = ['<|endoftext|>', '<|end_of_text|>'];

/**
 * The token put after every document. An instruction-tuned model's `eos` ends a turn of a conversation, which no
 * file ever ends in: it would be a surprise to the base and look like something learned.
 */
function documentEnd(tokenizer: CorpusTokenizer): number {
  for (const name of documentEnds) {
    const tokens = tokenizer.encode(name, { special: true });
    if (tokens.length === 1) return tokens[0]!;
  }
  return tokenizer.eos;
}

export interface BuildProgress {
  /** Files looked at. */
  done: number;
  total: number;
  tokens: number;
}

export interface BuildOptions {
  folder: string;
  /** Directory to write into; made when missing. */
  out: string;
  tokenizer: CorpusTokenizer;
  seed: number;
  /** Share of the files held out; 0.1 unless given. */
  heldOutShare?: number | undefined;
  onProgress?: ((progress: BuildProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Reads a folder into `out`: manifest.jsonl, the tokens of each split with their documents' beginnings and, last of all, summary.json.
 * Memory doesn't grow with the text, only with the number of files.
 * Errors: corpus-empty, corpus-unreadable, cancelled.
 */
export async function buildCorpus(options: BuildOptions): Promise<CorpusSummary> {
  const { out } = options;
  await mkdir(out, { recursive: true });
  await rm(summaryPath(out), { force: true });
  // Which file goes where is only known at the end, so all tokens lie in one file first.
  const all = join(out, 'all.tokens.tmp');
  const manifest = join(out, 'manifest.jsonl.tmp');
  try {
    const { kept, starts, summary } = await readInto(options, all, manifest);
    for (const split of ['train', 'held-out'] as const) {
      const ranges = kept.map(({ tokens }, index) => ({ offset: starts[index]!, tokens }));
      const own = kept.filter((entry) => entry.split === split);
      await copyTokens(
        all,
        tokensPath(out, split),
        ranges.filter((_, index) => kept[index]!.split === split),
      );
      await rm(learnedPath(out, split), { force: true });
      await writeTokens(
        startsPath(out, split),
        own.map(({ offset }) => offset),
      );
    }
    await rename(manifest, manifestPath(out));
    await writeByRename(summaryPath(out), `${JSON.stringify(summary, null, 2)}\n`);
    return summary;
  } finally {
    await rm(all, { force: true });
    await rm(manifest, { force: true });
  }
}

async function readInto(options: BuildOptions, all: string, manifest: string): Promise<Collected> {
  const { tokenizer, onProgress } = options;
  const end = documentEnd(tokenizer);
  const start = tokenizer.start === undefined ? [] : [tokenizer.start];
  const tokens = await TokenFileWriter.create(all);
  const lines = new LineWriter(manifest);
  try {
    const collected = await collect(
      {
        folder: options.folder,
        seed: options.seed,
        heldOutShare: options.heldOutShare,
        documentEnd: end,
        signal: options.signal,
        onProgress: onProgress && ((progress) => onProgress({ ...progress, tokens: tokens.length })),
      },
      {
        async keep(text) {
          const encoded = tokenizer.encode(text);
          await tokens.append(start);
          await tokens.append(encoded);
          await tokens.append([end]);
          return start.length + encoded.length + 1;
        },
        leaveOut: (entry) => lines.write(entry),
      },
    );
    for (const entry of collected.kept) await lines.write(entry);
    return collected;
  } finally {
    await tokens.close();
    await lines.close();
  }
}

/** JSON lines to a file, held back while the disk is slower. */
class LineWriter {
  private readonly stream: WriteStream;
  private failure: Error | undefined;

  constructor(path: string) {
    this.stream = createWriteStream(path);
    this.stream.on('error', (error) => (this.failure = error));
  }

  async write(entry: KeptEntry | LeftOutEntry): Promise<void> {
    if (this.failure) throw this.failure;
    if (!this.stream.write(`${JSON.stringify(entry)}\n`)) await once(this.stream, 'drain');
  }

  async close(): Promise<void> {
    const closed = this.stream.closed ? undefined : once(this.stream, 'close');
    this.stream.end();
    await closed;
    if (this.failure) throw this.failure;
  }
}
