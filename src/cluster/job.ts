/** The files that a run, a sweep or an evaluation sends to a cluster. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { parseHubReference } from '../base-models/hub.ts';
import { findKnownBase } from '../base-models/registry.ts';
import {
  CLUSTER_JOB,
  type ClusterFile,
  type ClusterJob,
  type ClusterKind,
  type ClusterTask,
} from '../protocol/cluster.ts';
import { temporaryPath } from '../platform/files/write-file.ts';
import { msg, UserError } from '../text/errors.ts';
import type { SendQuestion } from '../protocol/question.ts';
import { EARLIER_ADAPTER, type RunSpec } from '../protocol/run.ts';
import { formatBytes } from '../text/units.ts';
import { filesIn } from './bundle.ts';
import { LARGEST_PACKAGE } from './ray/client.ts';
import { stripPaths } from './strip-paths.ts';
import type { PackedFile } from './zip.ts';

/** A task without what is common to all tasks. */
export interface NewTask extends Pick<
  ClusterTask,
  'id' | 'argv' | 'after' | 'then' | 'corpus' | 'leaves' | 'shares' | 'workers'
> {
  /** Folder of its files, if different from the work's own. */
  folder?: string;
  /** If different from the other tasks. */
  memoryBytes?: number;
}

/** Work to be done on a cluster with the contents of a directory. */
export interface Work {
  kind: ClusterKind;
  dir: string;
  /** Id of the run or sweep. */
  id: string;
  base: RunSpec['base'];
  runtime: ClusterJob['runtime'];
  tasks: readonly NewTask[];
  next?: NewTask | undefined;
  /** Resources needed by each task. */
  needs: ClusterFile['needs'];
  storage: string | null;
  /** Which of the directory's files are sent. */
  isSent(name: string): boolean;
  /** Replacement contents of files, by name. */
  overrides?: Readonly<Record<string, string>>;
  /** Runs that are trained by the job, each with its own folder and task. */
  runs?: readonly WorkRun[];
}

export interface WorkRun {
  /** Id of the task that trains it. */
  task: string;
  id: string;
  dir: string;
  /** The files of its folder, by name. */
  files: Readonly<Record<string, string>>;
  /** Number of events it already has. */
  eventsBefore: number;
}

/** How often a task is retried after its node was lost. */
const RETRIES = 3;
/** A base that workers can't download is sent with the job up to this size; the corpus has to fit in as well. */
const LARGEST_BASE = LARGEST_PACKAGE / 2;
/** Tells the driver that the storage is also accessible from this machine. */
const SHARED_MARK = 'seen-by-client';

export interface JobFiles extends Pick<SendQuestion, 'base' | 'adapter'> {
  /** Those of the job's package. */
  files: PackedFile[];
  /** A base that is too large for it. */
  copy: BaseCopy | undefined;
}

/** What has to be sent for a job; writes nothing. Errors: bad-argument if the base can't be transferred. */
export async function jobFiles(work: Work, version: string): Promise<JobFiles> {
  const { kind, dir, id, storage, runs = [] } = work;
  const base = await prepareBase(work);
  const toTask = ({ memoryBytes = work.needs.memoryBytes, ...task }: NewTask): ClusterTask => ({
    folder: id,
    ...task,
    needs: { ...work.needs, memoryBytes, gpus: 0 },
    retries: RETRIES,
  });
  const job: ClusterJob = {
    version: CLUSTER_JOB,
    id,
    kind,
    forgetMeNot: version,
    base: base.described,
    storage,
    runtime: work.runtime,
    ...(isFolderHere(storage) && { mark: SHARED_MARK }),
    tasks: work.tasks.map(toTask),
    ...(work.next && { next: toTask(work.next) }),
  };
  const inFolder = (folder: string, files: Readonly<Record<string, string>>): PackedFile[] =>
    Object.entries(files).map(([name, text]) => ({ name: `${folder}/${name}`, from: Buffer.from(text) }));
  const ownFiles = await filesIn(dir, (name) => work.isSent(name) && !(name in (work.overrides ?? {})));
  const stripped = await stripPaths([
    ...ownFiles.map(({ name, from }) => ({ name: `${id}/${name}`, from })),
    ...inFolder(id, work.overrides ?? {}),
    ...runs.flatMap((run) => inFolder(run.id, run.files)),
  ]);
  const { copy } = base;
  return {
    files: [
      { name: 'job.json', from: Buffer.from(`${JSON.stringify(job, null, 2)}\n`) },
      ...base.files,
      ...stripped.map(({ name, from }) => ({ name: `work/${name}`, from })),
    ],
    copy,
    ...((copy || base.files.length > 0) && {
      base: { name: basename(work.base.path), copied: copy?.bytes ?? 0 },
    }),
    adapter: ownFiles.some(({ name }) => name === EARLIER_ADAPTER),
  };
}

/** Whether a storage is a URI for pyarrow, as opposed to a folder. */
export const isAddress = (storage: string): boolean => storage.includes('://');

/** A storage is an absolute path or a URI. Throws UserError `bad-argument` for anything else. */
export function checkStorage(storage: string): string {
  // Don't show it, or write it to a file of the job.
  if (/^[a-z][a-z0-9+.-]+:\/\/[^/@:]*:[^@]*@/i.test(storage))
    throw new UserError(
      'bad-argument',
      msg`The address of --storage has a password or key in it, which everybody on the cluster could read.`,
      msg`Leave it out, and give the cluster's nodes credentials of their own.`,
    );
  if (isAbsolute(storage) || storage.startsWith('/') || /^[a-z][a-z0-9+.-]+:\/\/./i.test(storage))
    return storage;
  throw new UserError(
    'bad-argument',
    msg`The storage ${storage} is not accessible to all nodes of a cluster.`,
    msg`Give the absolute path of a shared folder, or an address such as s3://bucket/folder.`,
  );
}

/** A file that is copied to a storage. */
export interface BaseCopy {
  from: string;
  to: string;
  bytes: number;
}

interface JobBase {
  described: ClusterJob['base'];
  /** Packed with the job. */
  files: PackedFile[];
  copy?: BaseCopy;
}

/**
 * A base that is known by name or on the hub is downloaded by the workers; a file is sent, or has to be copied to the
 * storage, unless it is there.
 */
async function prepareBase({ base, storage }: Work): Promise<JobBase> {
  const { size: bytes } = await stat(base.path);
  const { id, sha256 } = base;
  if (findKnownBase(id) || parseHubReference(id))
    return { described: { id, sha256, bytes, ref: id }, files: [] };
  const name = `base/${sha256.slice(0, 16)}.gguf`;
  if (bytes <= LARGEST_BASE)
    return { described: { id, sha256, bytes, path: name }, files: [{ name, from: base.path }] };
  if (isFolderHere(storage)) {
    const to = join(storage, 'bases', `${sha256}.gguf`);
    const copy = { from: base.path, to, bytes };
    return { described: { id, sha256, bytes, path: to }, files: [], ...(!existsSync(to) && { copy }) };
  }
  throw new UserError(
    'bad-argument',
    msg`The base ${id} is a file on this machine with ${formatBytes(bytes)}, which no worker of a cluster can fetch.`,
    msg`Give --storage a folder that this machine and the cluster share, or use a base by its name.`,
  );
}

/** Errors: cluster-storage. */
export async function copyBase({ from, to }: BaseCopy): Promise<void> {
  const part = temporaryPath(to);
  try {
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, part);
    await rename(part, to);
  } catch (error) {
    throw unwritable(dirname(dirname(to)), error);
  } finally {
    await rm(part, { force: true });
  }
}

/** Whether the storage is a folder that this machine sees, too; it may be a different one there. */
const isFolderHere = (storage: string | null): storage is string =>
  storage !== null && isAbsolute(storage) && existsSync(storage);

/** Leaves a mark that the driver finds if it sees the same folder. Workers may be able to write where we are not. */
export async function markStorage({ storage, id }: Pick<Work, 'storage' | 'id'>): Promise<void> {
  if (!isFolderHere(storage)) return;
  const folder = join(storage, id);
  await mkdir(folder, { recursive: true })
    .then(() => writeFile(join(folder, SHARED_MARK), ''))
    .catch(() => undefined);
}

const unwritable = (storage: string, error: unknown) =>
  new UserError(
    'cluster-storage',
    msg`The storage ${storage} can't be written (${(error as NodeJS.ErrnoException).code ?? (error as Error).message}).`,
    msg`Check its permissions and the space on it.`,
    { cause: error },
  );
