/** What a run, a sweep or an evaluation sends to a cluster. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { parseHubReference } from '../base-models/hub.ts';
import { findKnownBase } from '../base-models/registry.ts';
import {
  CLUSTER_JOB,
  type ClusterFile,
  type ClusterJob,
  type ClusterKind,
  type ClusterTask,
} from '../protocol/cluster.ts';
import { msg, UserError } from '../text/errors.ts';
import type { RunSpec } from '../protocol/run.ts';
import { formatBytes } from '../text/units.ts';
import { filesIn } from './bundle.ts';
import { LARGEST_PACKAGE } from './ray/client.ts';
import { withoutPlaces } from './without-places.ts';
import type { PackedFile } from './zip.ts';

/** Without what is the same for all. */
export interface NewTask extends Pick<
  ClusterTask,
  'id' | 'argv' | 'after' | 'then' | 'corpus' | 'leaves' | 'shares' | 'workers'
> {
  /** Folder of its files, if that is not the work's own. */
  folder?: string;
  /** If it is not that of the others. */
  memoryBytes?: number;
}

/** What is to be done elsewhere with a directory. */
export interface Work {
  kind: ClusterKind;
  dir: string;
  /** Of the run or sweep. */
  id: string;
  base: RunSpec['base'];
  runtime: ClusterJob['runtime'];
  tasks: readonly NewTask[];
  next?: NewTask | undefined;
  /** Of each task. */
  needs: ClusterFile['needs'];
  storage: string | null;
  /** Which of the directory's files are sent. */
  sends(name: string): boolean;
  /** Files that are sent with a content of their own, by name. */
  fresh?: Readonly<Record<string, string>>;
  /** Runs whose tasks are in the job, each with a folder and a task of its own. */
  runs?: readonly WorkRun[];
}

export interface WorkRun {
  /** Of the task that trains it. */
  task: string;
  id: string;
  dir: string;
  /** The files of its folder, by name. */
  files: Readonly<Record<string, string>>;
  /** Events that it has already. */
  eventsBefore: number;
}

/** How often a task begins again where its node was lost. */
const RETRIES = 3;
/** A base that no worker could fetch is sent with the job up to this size; the corpus has to fit beside it. */
const LARGEST_BASE = LARGEST_PACKAGE / 2;
/** By which the driver learns that the storage is seen from here. */
const MARK = 'seen-by-client';

/** The files of the job's package. Errors: bad-argument if the base can't get there. */
export async function jobFiles(work: Work, version: string): Promise<PackedFile[]> {
  const { kind, dir, id, storage, runs = [] } = work;
  const base = await baseFor(work);
  const whole = ({ memoryBytes = work.needs.memoryBytes, ...task }: NewTask): ClusterTask => ({
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
    base: base.told,
    storage,
    runtime: work.runtime,
    ...((await isSeen(storage, id)) && { mark: MARK }),
    tasks: work.tasks.map(whole),
    ...(work.next && { next: whole(work.next) }),
  };
  const within = (folder: string, files: Readonly<Record<string, string>>): PackedFile[] =>
    Object.entries(files).map(([name, text]) => ({ name: `${folder}/${name}`, from: Buffer.from(text) }));
  const kept = await filesIn(dir, (name) => work.sends(name) && !(name in (work.fresh ?? {})));
  const sent = await withoutPlaces([
    ...kept.map(({ name, from }) => ({ name: `${id}/${name}`, from })),
    ...within(id, work.fresh ?? {}),
    ...runs.flatMap((run) => within(run.id, run.files)),
  ]);
  return [
    { name: 'job.json', from: Buffer.from(`${JSON.stringify(job, null, 2)}\n`) },
    ...base.files,
    ...sent.map(({ name, from }) => ({ name: `work/${name}`, from })),
  ];
}

/** Whether a storage is an address that pyarrow knows, and no folder. */
export const isAddress = (storage: string): boolean => storage.includes('://');

/** A storage is an absolute path or an address. Throws UserError `bad-argument` for anything else. */
export function checkStorage(storage: string): string {
  // Not shown, and in no file of the job.
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
    msg`The storage ${storage} is no place that all nodes of a cluster see.`,
    msg`Give the absolute path of a shared folder, or an address such as s3://bucket/folder.`,
  );
}

interface SentBase {
  told: ClusterJob['base'];
  /** Packed with the job. */
  files: PackedFile[];
}

/** A base with a name is fetched by the workers; a file is sent, or copied to the storage. */
async function baseFor({ base, storage }: Work): Promise<SentBase> {
  const { size: bytes } = await stat(base.path);
  const { id, sha256 } = base;
  if (findKnownBase(id) || parseHubReference(id)) return { told: { id, sha256, bytes, ref: id }, files: [] };
  const name = `base/${sha256.slice(0, 16)}.gguf`;
  if (bytes <= LARGEST_BASE)
    return { told: { id, sha256, bytes, path: name }, files: [{ name, from: base.path }] };
  if (storage && isAbsolute(storage) && existsSync(storage))
    return { told: { id, sha256, bytes, path: await onStorage(base, storage) }, files: [] };
  throw new UserError(
    'bad-argument',
    msg`The base ${id} is a file on this machine with ${formatBytes(bytes)}, which no worker of a cluster can fetch.`,
    msg`Give --storage a folder that this machine and the cluster share, or use a base by its name.`,
  );
}

async function onStorage({ path, sha256 }: RunSpec['base'], storage: string): Promise<string> {
  const folder = join(storage, 'bases');
  const to = join(folder, `${sha256}.gguf`);
  if (existsSync(to)) return to;
  const part = `${to}.${process.pid}.part`;
  try {
    await mkdir(folder, { recursive: true });
    await copyFile(path, part);
    await rename(part, to);
    return to;
  } catch (error) {
    throw unwritable(storage, error);
  } finally {
    await rm(part, { force: true });
  }
}

/** Leaves a mark, which the driver finds if it sees the same folder. */
async function isSeen(storage: string | null, id: string): Promise<boolean> {
  if (!storage || !isAbsolute(storage) || !existsSync(storage)) return false;
  try {
    await mkdir(join(storage, id), { recursive: true });
    await writeFile(join(storage, id, MARK), '');
    return true;
  } catch {
    // Workers may be allowed what we are not, or the folder of this name is another one there.
    return false;
  }
}

const unwritable = (storage: string, error: unknown) =>
  new UserError(
    'cluster-storage',
    msg`The storage ${storage} can't be written (${(error as NodeJS.ErrnoException).code ?? (error as Error).message}).`,
    msg`Check its permissions and the space on it.`,
    { cause: error },
  );
