/**
 * Writes the spooled documents to the files of a split: each with its start and end token, or joined into repositories.
 */
import { locate, type NamedFolder } from '../../protocol/folders.ts';
import type { KeptEntry, Split, KeptDocument } from '../manifest.ts';
import { learnedPath, startsPath, tokensPath } from '../paths.ts';
import { repositoryName } from '../reading/folders.ts';
import type { SpoolReader } from './spool.ts';
import { NumberWriter } from './token-file.ts';
import type { RepositoryMarks } from './tokenizer.ts';

/** Files are joined up to this many tokens: a few sequences, so that every training sequence has several files. */
const REPOSITORY_TOKENS = 8192;

export interface Layout {
  out: string;
  spool: SpoolReader;
  /** The token that begins every document, if any. */
  start: number | undefined;
  end: number;
  /** Whether to write flags for the learned tokens. */
  flags: boolean;
  /** If given, training files are joined into repositories, one for each folder. */
  repository?: { folders: readonly NamedFolder[]; marks: RepositoryMarks } | undefined;
}

/** Writes a split; returns the entries of its parts with their offsets, in the given order. */
export async function writeSplit(
  layout: Layout,
  split: Split,
  parts: readonly KeptDocument[],
): Promise<KeptEntry[]> {
  const { out, flags } = layout;
  const files: SplitFiles = {
    tokens: await NumberWriter.create(tokensPath(out, split)),
    starts: await NumberWriter.create(startsPath(out, split)),
    learned: flags ? await NumberWriter.create(learnedPath(out, split), 1) : undefined,
  };
  try {
    const kept: KeptEntry[] = [];
    const repository = split === 'train' ? layout.repository : undefined;
    for (const group of repository ? groupFiles(parts, repository.folders) : parts.map((part) => [part]))
      kept.push(...(await writeDocument(layout, files, group, Boolean(repository && !group[0]!.row))));
    return kept;
  } finally {
    for (const file of Object.values(files) as (NumberWriter | undefined)[]) await file?.close();
  }
}

interface SplitFiles {
  tokens: NumberWriter;
  starts: NumberWriter;
  learned: NumberWriter | undefined;
}

/** Groups adjacent files of a folder up to a total length; rows stay separate. */
function groupFiles(parts: readonly KeptDocument[], folders: readonly NamedFolder[]): KeptDocument[][] {
  const groups: KeptDocument[][] = [];
  let length = Infinity;
  let last: NamedFolder | undefined;
  for (const part of parts) {
    const folder = locate(folders, part.entry.path)?.folder;
    if (part.row || folder !== last || length + part.entry.tokens > REPOSITORY_TOKENS) {
      groups.push([]);
      length = 0;
    }
    last = folder;
    groups.at(-1)!.push(part);
    length = part.row ? Infinity : length + part.entry.tokens;
  }
  return groups;
}

async function writeDocument(
  { spool, start, end, repository }: Layout,
  { tokens, starts, learned }: SplitFiles,
  group: readonly KeptDocument[],
  isJoined: boolean,
): Promise<KeptEntry[]> {
  await starts.append([tokens.length]);
  const write = async (list: ArrayLike<number> & Iterable<number>, flags?: Uint8Array) => {
    await tokens.append(list);
    await learned?.append(flags ?? new Uint8Array(list.length).fill(1));
  };
  const kept: KeptEntry[] = [];
  for (const [index, { call, entry, unfinished }] of group.entries()) {
    const offset = tokens.length;
    if (index === 0 && start !== undefined) await write([start]);
    if (isJoined) {
      const { folder, path } = locate(repository!.folders, entry.path)!;
      if (index === 0) await write(repository!.marks.opening(repositoryName(folder.path)));
      await write(repository!.marks.heading(path));
    }
    const document = spool.read(call);
    await write(document.tokens, document.learned);
    // An example's end is learned if the token before it is; otherwise the turn's own end token was learned.
    if (index === group.length - 1 && !unfinished) await write([end], document.learned?.slice(-1));
    kept.push({ ...entry, offset, tokens: tokens.length - offset });
  }
  return kept;
}
