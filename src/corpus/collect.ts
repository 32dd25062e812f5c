import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { UserError } from '../protocol/errors.ts';
import { countLines } from './contents.ts';
import { readDocuments, type Document, type ReadOptions } from './documents.ts';
import {
  CORPUS_FORMAT,
  reasons,
  type CorpusSummary,
  type KeptEntry,
  type LeftOutEntry,
  type Reason,
  type Split,
} from './manifest.ts';
import { assignSplits, cutLine } from './split.ts';

const DEFAULT_HELD_OUT_SHARE = 0.1;

export interface CollectOptions extends ReadOptions {
  seed: number;
  /** Share of the files held out; 0.1 unless given. */
  heldOutShare?: number | undefined;
  mode?: CorpusSummary['mode'] | undefined;
  /** The token after every document; for the summary. */
  documentEnd?: number | undefined;
}

/** What becomes of documents on the way; each is called in path order. */
export interface Sink {
  /** Takes a text in; returns its tokens. */
  keep(text: string): Promise<number>;
  leaveOut(entry: LeftOutEntry): Promise<void> | void;
}

export interface Collected {
  kept: KeptEntry[];
  /** Where in the order of `keep` calls each kept entry's tokens begin. */
  starts: number[];
  summary: CorpusSummary;
}

/**
 * Reads a folder, decides what is in and on which side, and counts. Only the last text is held.
 * Errors: corpus-empty, corpus-unreadable, cancelled.
 */
export async function collect(options: CollectOptions, sink: Sink): Promise<Collected> {
  const { folder, seed, heldOutShare = DEFAULT_HELD_OUT_SHARE, mode = 'pretrain', documentEnd = 0 } = options;
  const leftOut: Partial<Record<Reason, number>> = {};
  const parts: Part[] = [];
  let end = 0;
  const keep = async (text: string, part: Omit<Part, 'tokens' | 'start'>) => {
    const tokens = await sink.keep(text);
    parts.push({ ...part, tokens, start: end });
    end += tokens;
  };
  let first: Document | undefined;
  for await (const entry of readDocuments(options)) {
    if (entry.in) {
      first = parts.length === 0 ? entry : undefined;
      await keep(entry.text, partOf(entry));
    } else {
      leftOut[entry.reason] = (leftOut[entry.reason] ?? 0) + 1;
      await sink.leaveOut(entry);
    }
  }
  if (parts.length === 0) throw nothingIn(folder, leftOut);

  const cut = first && cutInTwo(first, heldOutShare);
  if (cut) {
    parts.length = 0;
    for (const { text, ...part } of cut) await keep(text, part);
  }
  const splits = cut
    ? cut.map(({ split }) => split!)
    : assignSplits(
        parts.map(({ path }) => path),
        seed,
        heldOutShare,
      );
  const kept = place(parts, splits);
  const summary = summarise(kept, {
    mode,
    documentEnd,
    folder: resolve(folder),
    seed,
    heldOutShare,
    leftOut,
    cut: cut !== undefined,
  });
  return { kept, starts: parts.map(({ start }) => start), summary };
}

type Part = Pick<KeptEntry, 'path' | 'bytes' | 'lines' | 'sha256' | 'tokens' | 'fromLine'> & {
  start: number;
  split?: Split;
};

const partOf = ({ path, bytes, lines, sha256 }: Document) => ({ path, bytes, lines, sha256 });

/** The one file of a corpus as a part to learn from and a part held out; undefined when it is a single line. */
function cutInTwo(document: Document, heldOutShare: number) {
  const lines = document.text.replace(/\n$/, '').split('\n');
  const at = cutLine(lines, heldOutShare);
  if (at === undefined) return undefined;
  const piece = (text: string, split: Split, fromLine: number) => ({
    ...partOf(document),
    text,
    split,
    fromLine,
    bytes: Buffer.byteLength(text),
    lines: countLines(text),
  });
  return [
    piece(`${lines.slice(0, at).join('\n')}\n`, 'train', 1),
    piece(document.text.split('\n').slice(at).join('\n'), 'held-out', at + 1),
  ];
}

/** Gives every part its place in the token file of its split. */
function place(parts: Part[], splits: Split[]): KeptEntry[] {
  const ends: Record<Split, number> = { train: 0, 'held-out': 0 };
  return parts.map(({ path, bytes, lines, sha256, tokens, fromLine }, index) => {
    const split = splits[index]!;
    const offset = ends[split];
    ends[split] += tokens;
    return { in: true, path, split, tokens, offset, bytes, lines, sha256, ...(fromLine ? { fromLine } : {}) };
  });
}

function summarise(
  kept: KeptEntry[],
  rest: Pick<CorpusSummary, 'mode' | 'documentEnd' | 'folder' | 'seed' | 'heldOutShare' | 'leftOut' | 'cut'>,
): CorpusSummary {
  const of = (split: Split) => kept.filter((entry) => entry.split === split);
  const sum = (entries: KeptEntry[], key: 'tokens' | 'bytes' | 'lines') =>
    entries.reduce((total, entry) => total + entry[key], 0);
  return {
    format: CORPUS_FORMAT,
    ...rest,
    kept: rest.cut ? 1 : kept.length,
    trainFiles: of('train').length,
    heldOutFiles: of('held-out').length,
    trainTokens: sum(of('train'), 'tokens'),
    heldOutTokens: sum(of('held-out'), 'tokens'),
    bytes: sum(kept, 'bytes'),
    lines: sum(kept, 'lines'),
    digest: digestOf(kept),
  };
}

function digestOf(kept: KeptEntry[]): string {
  const hash = createHash('sha256');
  for (const { split, path, sha256, fromLine } of kept)
    hash.update(`${split}\0${path}\0${sha256}\0${fromLine ?? 0}\n`);
  return hash.digest('hex');
}

function nothingIn(folder: string, leftOut: Partial<Record<Reason, number>>): UserError {
  const counts = (Object.entries(leftOut) as [Reason, number][]).sort((a, b) => b[1] - a[1]);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const top = counts.slice(0, 3).map(([reason, count]) => `${count} ${reasons[reason]}`);
  const why = total === 0 ? 'it holds no files' : `${total} left out (${top.join('; ')})`;
  return new UserError(
    'corpus-empty',
    `There is nothing to learn from in ${folder}: ${why}.`,
    'Choose a folder that holds source code.',
  );
}
