/** Submits work to a cluster: checks what is already there, uploads the rest, submits the job. */
import { randomBytes } from 'node:crypto';
import { CLUSTER_JOB, type ClusterFile } from '../protocol/cluster.ts';
import type { SendQuestion } from '../protocol/question.ts';
import { msg, UserError } from '../text/errors.ts';
import { formatBytes } from '../text/units.ts';
import { bundlePackage } from './bundle.ts';
import { copyBase, isAddress, jobFiles, markStorage, type BaseCopy, type Work } from './job.ts';
import { LARGEST_PACKAGE, packageUri, type RayClient } from './ray/client.ts';
import { writeCluster } from './store.ts';
import { describePackage, zip, type Package } from './zip.ts';

/**
 * Needed by the driver for a storage that is not a folder. Nothing else is installed by Ray, which would copy its whole
 * environment on each node: workers install Node themselves.
 */
const ARROW = 'pyarrow';
const ENTRYPOINT = 'python -m forget_me_not.driver';

interface Upload {
  name: string;
  bytes: Buffer;
}

/** A job ready to be sent, so that the user can be asked for confirmation first. */
export interface PreparedJob {
  client: RayClient;
  work: Work;
  version: string;
  bundle: Package;
  job: Package;
  uploads: Upload[];
  copy?: BaseCopy | undefined;
  /** For the question to the user. */
  sends: Pick<SendQuestion, 'program' | 'work' | 'base' | 'adapter'>;
}

/**
 * Sends only two package names to the cluster, and writes nothing to the storage. Errors: those of RayClient, jobFiles
 * and bundlePackage; cluster-limit.
 */
export async function prepare(
  client: RayClient,
  work: Work,
  version: string,
  signal?: AbortSignal,
): Promise<PreparedJob> {
  await client.version(signal);
  const bundle = await bundlePackage(version);
  const { files, copy, ...models } = await jobFiles(work, version);
  const job = await describePackage('forget-me-not-job', files);
  const uploads: Upload[] = [];
  const add = async (pkg: Package) => {
    if (await client.hasPackage(pkg.name, signal)) return 0;
    const bytes = await zip(pkg);
    if (bytes.length > LARGEST_PACKAGE) throw tooLarge(bytes.length);
    uploads.push({ name: pkg.name, bytes });
    return bytes.length;
  };
  const sends = { program: await add(bundle), work: await add(job), ...models };
  return { client, work, version, bundle, job, uploads, copy, sends };
}

interface SendOptions {
  /** Number of events that the run already has. */
  eventsBefore?: number;
  /** Arguments of the evaluator. */
  args?: readonly string[];
  onUpload?(done: number, total: number): void;
  signal?: AbortSignal | undefined;
}

/**
 * Uploads and submits. cluster.json is written first, so that a submitted job is never lost; a job is stopped if
 * `signal` fires too late to prevent its submission. Errors: those of RayClient; cluster-storage.
 */
export async function send(
  { client, work, version, bundle, job, uploads, copy }: PreparedJob,
  { eventsBefore = 0, args, onUpload, signal }: SendOptions = {},
): Promise<void> {
  const total = uploads.reduce((sum, { bytes }) => sum + bytes.length, copy?.bytes ?? 0);
  let done = 0;
  await markStorage(work);
  if (copy) {
    onUpload?.(done, total);
    await copyBase(copy);
    done += copy.bytes;
  }
  for (const { name, bytes } of uploads) {
    onUpload?.(done, total);
    await client.putPackage(name, bytes, signal);
    onUpload?.((done += bytes.length), total);
  }
  const submissionId = `forget-me-not-${work.id}-${randomBytes(3).toString('hex')}`;
  const file = {
    version: CLUSTER_JOB,
    kind: work.kind,
    url: client.cluster.address.url,
    storage: work.storage,
    needs: work.needs,
    submissionId,
    eventsBefore,
    ...(args && { args: [...args] }),
  } as const;
  await writeFiles(work, file);
  const runtimeEnv = {
    py_modules: [packageUri(bundle.name)],
    working_dir: packageUri(job.name),
    ...(work.storage && isAddress(work.storage) && { pip: { packages: [ARROW], pip_check: false } }),
  };
  const metadata = { 'forget-me-not': version, run: work.id };
  signal?.throwIfAborted();
  try {
    // Not aborted by `signal`: the job might then run without anybody knowing of it.
    await client.submit({ submissionId, entrypoint: ENTRYPOINT, runtimeEnv, metadata });
  } catch (error) {
    // Without a response, it turns out later whether the job was accepted.
    if (!(error instanceof UserError) || error.code === 'cluster-down') throw error;
    // A proxy may have failed after the cluster accepted the job; otherwise there is no job to attach to.
    if (!(await client.job(submissionId).catch(() => undefined))) {
      await writeFiles(work, { ...file, ended: 'failed' });
      throw error;
    }
  }
  if (!signal?.aborted) return;
  await client.stop(submissionId);
  await writeFiles(work, { ...file, ended: 'cancelled' });
  throw signal.reason;
}

/** Writes cluster.json for the work and each of its runs. */
async function writeFiles({ dir, id, runs }: Work, file: ClusterFile): Promise<void> {
  for (const run of runs ?? [])
    await writeCluster(run.dir, { ...file, reproduction: id, eventsBefore: run.eventsBefore });
  const runIds = runs && { runs: Object.fromEntries(runs.map((run) => [run.task, run.id])) };
  await writeCluster(dir, { ...file, ...runIds });
}

const tooLarge = (bytes: number) =>
  new UserError(
    'cluster-limit',
    msg`The upload would be ${formatBytes(bytes)}, but Ray accepts packages of at most ${formatBytes(LARGEST_PACKAGE)}.`,
    msg`Learn from fewer files or with --tokens, so that the corpus is smaller.`,
  );
