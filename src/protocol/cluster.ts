/**
 * What runs on a Ray cluster: job.json, which the command line packs and the driver there reads (`cluster/driver/`);
 * the driver's lines, which are the job's logs; and cluster.json, by which a command finds its job again.
 */
import { z } from 'zod';
import { errorTexts } from '../text/errors.ts';
import { backendNames } from './run.ts';

/** The newest version of job.json and of the driver's lines. The driver comes with the job, so the two always agree. */
export const CLUSTER_JOB = 1;

export const clusterKinds = ['sweep', 'train', 'evaluate', 'reproduce'] as const;
export type ClusterKind = (typeof clusterKinds)[number];

/** In a task's arguments: its copy of work/FOLDER, and the base's file on the node. */
export const FOLDER_PLACE = '{folder}';
export const BASE_PLACE = '{base}';

/** Goes into paths on other machines. */
const nameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:+-]*$/);

const needsSchema = z.object({
  cpus: z.number().positive(),
  /** 0: not known, so none is reserved. */
  memoryBytes: z.int().min(0),
  gpus: z.number().min(0),
});

export const clusterTaskSchema = z.object({
  /** Unique within the job: "lora-0.0001". */
  id: nameSchema,
  /** What follows `node dist/`; the first is a bundle: ["sweeper.mjs", "{folder}", "--trial", "lora:0.0001"]. */
  argv: z.array(z.string()).min(1),
  /** Further programs in the same folder, each as `argv`. One that fails is said, and the next one runs. */
  then: z.array(z.array(z.string()).min(1)).optional(),
  /** Folder within `work/` of which the task gets a copy. */
  folder: nameSchema,
  /** Folder within `work/ID/`, ID the job's, that is the copy's `corpus`: of several tasks, sent once. */
  corpus: nameSchema.optional(),
  /** Folders in the copy whose files are no result. */
  leaves: z.array(nameSchema).optional(),
  /**
   * Folders in the copy that workers read which the task starts on Ray itself, and whose files are no result. They lie on
   * a storage that is a folder; without one, all these workers are on the task's node.
   */
  shares: z.array(nameSchema).optional(),
  /** These workers, and what each of them needs. */
  workers: z
    .object({ count: z.int().positive(), cpus: z.number().positive(), gpus: z.number().min(0) })
    .optional(),
  needs: needsSchema,
  /** How often it may begin again where its node is lost. */
  retries: z.int().min(0),
  /** Tasks that have to be done first. */
  after: z.array(nameSchema).optional(),
});
export type ClusterTask = z.infer<typeof clusterTaskSchema>;

/** job.json, in the root of the job's package. */
export const clusterJobSchema = z.object({
  version: z.literal(CLUSTER_JOB),
  /** Of the run or sweep here, and the name of its folder on the storage. */
  id: nameSchema,
  kind: z.enum(clusterKinds),
  /** Version of this program. */
  forgetMeNot: z.string(),
  base: z.object({
    id: z.string(),
    sha256: z.string(),
    bytes: z.int().min(0),
    /** What resolveBase takes on a worker; absent for a file, which then has a `path`. */
    ref: z.string().optional(),
    /** Where the file is: within the job's package if it is a relative path, else on the storage. */
    path: z.string().optional(),
  }),
  /** A folder that all nodes share, or an address that pyarrow knows ("s3://bucket/folder"); null: the node's disk. */
  storage: z.string().nullable(),
  runtime: z.enum(backendNames),
  /** File in the job's folder on the storage that the client wrote: where it is found, the client sees the storage. */
  mark: nameSchema.optional(),
  tasks: z.array(clusterTaskSchema).min(1),
  /** Run once all tasks are done: it names further ones, which a sweep may need, on its stdout. */
  next: clusterTaskSchema.optional(),
});
export type ClusterJob = z.infer<typeof clusterJobSchema>;

export const taskStatuses = ['waiting', 'preparing', 'running', 'retrying', 'done', 'failed'] as const;

/** Leads to a task's results: a zip on the storage, or base64 of a zip in a node's folder of logs. */
const fetchSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('storage'), path: z.string() }),
  z.object({ kind: z.literal('log'), nodeId: z.string(), file: z.string() }),
]);

/** The driver's lines. Whatever else is in the job's logs belongs to Ray or to a library. */
export const driverLineSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('started'), ray: z.string(), nodes: z.int().min(0) }),
  z.object({
    type: z.literal('task'),
    id: z.string(),
    status: z.enum(taskStatuses),
    node: z.string().optional(),
    /** From 1. */
    attempt: z.int().min(1),
    /** One sentence. */
    message: z.string().optional(),
    /** As in UserError. */
    code: z.string().optional(),
  }),
  /** A JSON line of the task's own process, or a new line of its run's events.jsonl. `of`: the further program. */
  z.object({
    type: z.literal('line'),
    id: z.string(),
    line: z.looseObject({ type: z.string(), of: z.string().optional() }),
  }),
  z.object({
    type: z.literal('result'),
    id: z.string(),
    files: z.array(
      z.object({
        /** Relative to the task's folder, with forward slashes. */
        name: z.string(),
        bytes: z.int().min(0),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    ),
    fetch: fetchSchema,
  }),
  /** The last line: the tasks that failed. */
  z.object({ type: z.literal('done'), failed: z.array(z.string()) }),
  /** The last line if nothing could be begun, as in UserError. */
  z.object({ type: z.literal('failed'), code: z.string(), ...errorTexts }),
]);
export type DriverLine = z.infer<typeof driverLineSchema>;
export type ResultLine = Extract<DriverLine, { type: 'result' }>;

/** cluster.json in the directory of what runs, or ran, on a cluster. It holds no token. */
export const clusterFileSchema = z.object({
  version: z.literal(CLUSTER_JOB),
  kind: z.enum(clusterKinds),
  /** Address of Ray's dashboard without a slash at the end. */
  url: z.string(),
  storage: z.string().nullable(),
  needs: needsSchema.pick({ cpus: true, memoryBytes: true }),
  /** Of the job on the cluster; chosen here, before the job is submitted. */
  submissionId: z.string(),
  /** How the job ended, once that is known and its results are here. */
  ended: z.enum(['done', 'failed', 'cancelled', 'lost']).optional(),
  /** Events that the run had before this job; those after them are the job's, in the order of the driver's lines. */
  eventsBefore: z.int().min(0).default(0),
  /** Arguments of the evaluator, if it measures. */
  args: z.array(z.string()).optional(),
  /** The runs that a reproduction's job trains, by task. Each has a file like this one, with its own `eventsBefore`. */
  runs: z.record(z.string(), z.string()).optional(),
  /** In a run of a reproduction's job: the reproduction's id. */
  reproduction: z.string().optional(),
});
export type ClusterFile = z.infer<typeof clusterFileSchema>;
