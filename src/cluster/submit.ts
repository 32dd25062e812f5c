/** Takes work to a cluster: asks what is there already, uploads the rest, submits the job. */
import { randomBytes } from 'node:crypto';
import { CLUSTER_JOB, type ClusterFile } from '../protocol/cluster.ts';
import { msg, UserError } from '../text/errors.ts';
import { formatBytes } from '../text/units.ts';
import { bundlePackage } from './bundle.ts';
import { isAddress, jobFiles, type Work } from './job.ts';
import { LARGEST_PACKAGE, packageUri, type RayClient } from './ray/client.ts';
import { writeCluster } from './store.ts';
import { describePackage, zip, type Package } from './zip.ts';

/**
 * What the driver needs for a storage that is no folder. Otherwise nothing is installed by Ray, which would copy its
 * whole environment on each node: workers get Node by themselves.
 */
const ARROW = 'pyarrow';
const ENTRYPOINT = 'python -m forget_me_not.driver';

interface Upload {
  name: string;
  bytes: Buffer;
}

/** What is ready to be sent, so that a person can be asked first. */
export interface Prepared {
  client: RayClient;
  work: Work;
  version: string;
  /** Ray's release there. */
  ray: string;
  bundle: Package;
  job: Package;
  uploads: Upload[];
  /** Bytes that leave the machine: the program's, and those of the work. 0 for what is there already. */
  sends: { program: number; work: number };
}

/** Nothing leaves the machine but two names. Errors: those of RayClient, jobFiles and bundlePackage; cluster-limit. */
export async function prepare(
  client: RayClient,
  work: Work,
  version: string,
  signal?: AbortSignal,
): Promise<Prepared> {
  const ray = await client.version(signal);
  const bundle = await bundlePackage(version);
  const job = await describePackage('forget-me-not-job', await jobFiles(work, version));
  const uploads: Upload[] = [];
  const add = async (one: Package) => {
    if (await client.hasPackage(one.name, signal)) return 0;
    const bytes = await zip(one);
    if (bytes.length > LARGEST_PACKAGE) throw tooLarge(bytes.length);
    uploads.push({ name: one.name, bytes });
    return bytes.length;
  };
  const sends = { program: await add(bundle), work: await add(job) };
  return { client, work, version, ray, bundle, job, uploads, sends };
}

interface Sending {
  /** Events that the run has already. */
  eventsBefore?: number;
  /** Arguments of the evaluator. */
  args?: readonly string[];
  onUpload?(done: number, total: number): void;
  signal?: AbortSignal | undefined;
}

/**
 * Uploads and submits. cluster.json is written first, so a job that was submitted is never forgotten; one that `signal`
 * comes too late for is stopped. Errors: those of RayClient.
 */
export async function send(
  { client, work, version, bundle, job, uploads }: Prepared,
  { eventsBefore = 0, args, onUpload, signal }: Sending = {},
): Promise<void> {
  const total = uploads.reduce((sum, { bytes }) => sum + bytes.length, 0);
  let done = 0;
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
    // Not cut short: the job might run there, and nobody would know of it.
    await client.submit({ submissionId, entrypoint: ENTRYPOINT, runtimeEnv, metadata });
  } catch (error) {
    // Whether one that got no answer was taken shows when it is looked for.
    if (!(error instanceof UserError) || error.code === 'cluster-down') throw error;
    // A proxy on the way may have failed after the cluster took it; else there is no job to attach to.
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

/** Of the work, and of each of its runs. */
async function writeFiles({ dir, id, runs }: Work, file: ClusterFile): Promise<void> {
  for (const run of runs ?? [])
    await writeCluster(run.dir, { ...file, reproduction: id, eventsBefore: run.eventsBefore });
  const named = runs && { runs: Object.fromEntries(runs.map((run) => [run.task, run.id])) };
  await writeCluster(dir, { ...file, ...named });
}

const tooLarge = (bytes: number) =>
  new UserError(
    'cluster-limit',
    msg`What has to be sent is ${formatBytes(bytes)}, and Ray takes packages of up to ${formatBytes(LARGEST_PACKAGE)}.`,
    msg`Learn from fewer files or with --tokens, so that the corpus is smaller.`,
  );
