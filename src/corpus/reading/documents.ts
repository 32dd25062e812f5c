/** Reads a folder's files one by one: each is kept with its text, or left out with a reason. */
import { createHash } from 'node:crypto';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { reportError, UserError } from '../../text/errors.ts';
import { msg, type Text } from '../../text/message.ts';
import { documentPath, foldersOf, type Folders, type NamedFolder } from '../../protocol/folders.ts';
import { firstBytesSync, readRegularSync } from '../../platform/files/regular-file.ts';
import { countLines, decodeText, isBinary, isScript, judgeText, MAX_BYTES } from './contents.ts';
import type { LeftOutEntry } from '../manifest.ts';
import type { Reason } from '../reasons.ts';
import { pathWithin } from './folders.ts';
import type { Globs } from './globs.ts';
import { judgeName } from '../names.ts';
import { findSecret } from '../secrets/find.ts';
import type { SourceDocument } from './source.ts';
import { walk } from './walk.ts';

/** Yields to the event loop after this many files, so that messages and cancellation are processed. */
const YIELD_EVERY = 16;

export interface Document extends SourceDocument {
  in: true;
  /** The text that is compared with other documents to find near-duplicates. */
  text: string;
  /** Hash of the text of all pieces; the counts below also refer to it. */
  sha256: string;
  bytes: number;
  lines: number;
}

export interface ReadProgress {
  /** Files and rows examined. */
  done: number;
  /** 0 while unknown. */
  total: number;
}

export interface ReadOptions extends Folders {
  /** Include and exclude patterns. */
  globs?: Globs | undefined;
  onProgress?: ((progress: ReadProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Reads the folders one by one, each in path order. A folder inside another is read only once, separately. Only one
 * file's text is in memory at a time. Errors: corpus-unreadable, cancelled.
 */
export async function* readDocuments({
  globs,
  onProgress,
  signal,
  ...source
}: ReadOptions): AsyncGenerator<Document | LeftOutEntry> {
  const roots = await openFolders(foldersOf(source));
  const seen = new Map<string, string>();
  const files: { root: Root; path: string }[] = [];
  for (const root of roots) {
    const { real, folder, separateFolders } = root;
    try {
      for await (const entry of walk(real, {
        globs: globs?.forFolder(folder.name),
        separateFolders,
        signal,
      })) {
        if (entry.in) files.push({ root, path: entry.path });
        else yield await unlessGone(root, { ...entry, path: documentPath(folder, entry.path) });
      }
    } catch (error) {
      if (signal?.aborted) throw cancelled();
      if (error instanceof UserError) throw error;
      throw unreadable(
        folder.path,
        (error as NodeJS.ErrnoException).code ?? reportError(error).message,
        error,
      );
    }
  }
  for (const [index, { root, path }] of files.entries()) {
    if (index % YIELD_EVERY === 0) await setImmediate();
    if (signal?.aborted) throw cancelled();
    const isNamed = globs?.forFolder(root.folder.name).namesExtension(path) ?? false;
    yield await unlessGone(root, await readDocument(root, path, { seen, isNamed }));
    onProgress?.({ done: index + 1, total: files.length });
  }
}

/** A folder to read. */
interface Root {
  folder: NamedFolder;
  /** Its real path, without symbolic links. */
  real: string;
  /** Other roots inside it, relative to it and ending in "/". */
  separateFolders: ReadonlySet<string>;
}

async function openFolders(folders: readonly NamedFolder[]): Promise<Root[]> {
  const opened: { folder: NamedFolder; real: string }[] = [];
  for (const folder of folders) opened.push({ folder, real: await openFolder(folder.path) });
  return opened.map((root) => {
    const nested = opened.flatMap(({ real }) => pathWithin(root.real, real) ?? []);
    return { ...root, separateFolders: new Set(nested.map((path) => `${path}/`)) };
  });
}

/**
 * Returns `entry`. Throws corpus-unreadable if it could not be read because the whole folder went away, as a network
 * drive does: what was read until then must not pass for all of it. A drive that is gone may leave an empty folder.
 */
async function unlessGone(
  { real, folder }: Pick<Root, 'real' | 'folder'>,
  entry: Document | LeftOutEntry,
): Promise<Document | LeftOutEntry> {
  if (entry.in || entry.reason !== 'unreadable') return entry;
  const names = await readdir(real).catch(() => []);
  if (names.length > 0) return entry;
  throw unreadable(folder.path, msg`it went away while it was being read`);
}

/** `path`: relative to the folder; only this part is judged by its names. */
async function readDocument(
  { real, folder }: Pick<Root, 'real' | 'folder'>,
  path: string,
  { seen, isNamed }: { seen: Map<string, string>; isNamed: boolean },
): Promise<Document | LeftOutEntry> {
  const document = documentPath(folder, path);
  const leftOut = (reason: Reason, detail?: string): LeftOutEntry => ({
    in: false,
    path: document,
    reason,
    ...(detail ? { detail } : {}),
  });
  const byName = judgeName(path);
  if ('reason' in byName) return leftOut(byName.reason, byName.detail);
  const verdict = 'look' in byName && isNamed ? ({ take: true } as const) : byName;
  let contents: FileContents;
  try {
    contents = readContents(join(real, path), verdict);
  } catch (error) {
    return leftOut('unreadable', (error as NodeJS.ErrnoException).code);
  }
  if ('reason' in contents) return leftOut(contents.reason, contents.detail);
  const decoded = decodeText(contents.bytes);
  if ('reason' in decoded) return leftOut(decoded.reason);
  const { text } = decoded;
  const problem = judgeText(path, text);
  if (problem) return leftOut(problem.reason, problem.detail);
  const sha256 = createHash('sha256').update(text).digest('hex');
  const original = seen.get(sha256);
  if (original !== undefined) return leftOut('duplicate', original);
  const secret = await findSecret(path, text);
  if (secret) return { ...leftOut('secret', secret.rule), line: secret.line };
  seen.set(sha256, document);
  return { ...plainDocument(document, text), sha256 };
}

/** A document whose whole text is learned. */
export function plainDocument(path: string, text: string): Omit<Document, 'sha256'> {
  return {
    in: true,
    path,
    pieces: [{ text, learned: true }],
    text,
    bytes: Buffer.byteLength(text),
    lines: countLines(text),
  };
}

type FileContents = { bytes: Buffer } | { reason: Reason; detail?: string };

/**
 * Reads no more of the file than necessary. Synchronous because the files are small: asynchronous opening, reading and
 * closing took longer than everything else.
 */
const readContents = (path: string, verdict: ReturnType<typeof judgeName>): FileContents =>
  readRegularSync(path, (file, size) => {
    if (size === 0) return { reason: 'empty' };
    if ('look' in verdict) {
      const head = firstBytesSync(file, Math.min(size, 8192));
      if (isBinary(head)) return { reason: 'binary' };
      if (!isScript(head)) return { reason: 'not-code' };
    }
    const limit = 'take' in verdict ? verdict.limit : undefined;
    if (size > MAX_BYTES) return { reason: 'over-long', detail: `${size} bytes` };
    if (limit !== undefined && size > limit) return { reason: 'data', detail: `${size} bytes` };
    return { bytes: firstBytesSync(file, size) };
  });

async function openFolder(folder: string): Promise<string> {
  try {
    const root = await realpath(resolve(folder));
    if ((await stat(root)).isDirectory()) return root;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw unreadable(folder, missing ? msg`it does not exist` : (error as Error).message, error);
  }
  throw unreadable(folder, msg`it is a file, not a folder`);
}

function unreadable(folder: string, why: Text, cause?: unknown): UserError {
  return new UserError(
    'corpus-unreadable',
    msg`The folder ${folder} can't be read: ${why}.`,
    msg`Give the path of a folder that holds source code and that you may read.`,
    { cause },
  );
}

export function cancelled(): UserError {
  return new UserError('cancelled', msg`Reading was cancelled.`, msg`Run it again when you are ready.`);
}
