/**
 * What runs on a Ray cluster: job.json, which the command line packs and the driver (`cluster/driver/`) reads; the
 * driver's lines, which are the job's logs; and cluster.json, by which a command finds its job again.
 */
import { z } from 'zod';
import { errorTexts } from '../text/errors.ts';
import { backendNames } from './run.ts';

/**
 * The newest version of job.json and of the driver's lines. The driver is part of the job's package, so the two always
 * agree.
 */
export const CLUSTER_JOB = 1;

export const clusterKinds = ['sweep', 'train', 'evaluate', 'reproduce'] as const;
export type ClusterKind = (typeof clusterKinds)[number];

/** In a task's arguments: its copy of work/FOLDER on the node. */
export const FOLDER_PLACE = '{folder}';

/** Used in paths on other machines. */
const nameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:+-]*$/);

const needsSchema = z.object({
  cpus: z.number().positive(),
  /** 0: unknown, so none is reserved. */
  memoryBytes: z.int().min(0),
  gpus: z.number().min(0),
});

export const clusterTaskSchema = z.object({
  /** Unique within the job: "lora-0.0001". */
  id: nameSchema,
  /** What follows `node dist/`; the first is a bundle: ["sweeper.mjs", "{folder}", "--trial", "lora:0.0001"]. */
  argv: z.array(z.string()).min(1),
  /** Further programs in the same folder, each as `argv`. A failure is reported, and the next one runs. */
  then: z.array(z.array(z.string()).min(1)).optional(),
  /** Folder within `work/` of which the task gets a copy. */
  folder: nameSchema,
  /**
   * Folder within `work/ID/` (the job's id) that becomes the copy's `corpus`; shared by several tasks and sent once.
   */
  corpus: nameSchema.optional(),
  /** Folders in the copy whose files are not part of the result. */
  leaves: z.array(nameSchema).optional(),
  /**
   * Folders in the copy that are read by the workers that the task starts on Ray itself, and whose files are not part
   * of the result. They are on the storage if that is a folder; otherwise all these workers are on the task's node.
   */
  shares: z.array(nameSchema).optional(),
  /** Those workers, and what each of them needs. */
  workers: z
    .object({ count: z.int().positive(), cpus: z.number().positive(), gpus: z.number().min(0) })
    .optional(),
  needs: needsSchema,
  /** How often it may be restarted after its node was lost. */
  retries: z.int().min(0),
  /** Tasks that must be done first. */
  after: z.array(nameSchema).optional(),
});
export type ClusterTask = z.infer<typeof clusterTaskSchema>;

/** job.json, in the root of the job's package. */
export const clusterJobSchema = z.object({
  version: z.literal(CLUSTER_JOB),
  /** Id of the local run or sweep, and the name of its folder on the storage. */
  id: nameSchema,
  kind: z.enum(clusterKinds),
  /** Version of this program. */
  forgetMeNot: z.string(),
  base: z.object({
    id: z.string(),
    sha256: z.string(),
    bytes: z.int().min(0),
    /** The argument of resolveBase on a worker; absent for a file, which has a `path` instead. */
    ref: z.string().optional(),
    /** The file's location: within the job's package if the path is relative, else on the storage. */
    path: z.string().optional(),
  }),
  /** A folder that all nodes share, or a URI for pyarrow ("s3://bucket/folder"); null: the node's disk. */
  storage: z.string().nullable(),
  runtime: z.enum(backendNames),
  /**
   * File that the client wrote into the job's folder on the storage: if the driver finds it, the client can access the
   * storage.
   */
  mark: nameSchema.optional(),
  tasks: z.array(clusterTaskSchema).min(1),
  /** Runs once all tasks are done, and prints further tasks, which a sweep may need, on its stdout. */
  next: clusterTaskSchema.optional(),
});
export type ClusterJob = z.infer<typeof clusterJobSchema>;

export const taskStatuses = ['waiting', 'preparing', 'running', 'retrying', 'done', 'failed'] as const;

/** Locates a task's results: a zip on the storage, or the base64 of a zip in a node's log folder. */
const fetchSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('storage'), path: z.string() }),
  z.object({ kind: z.literal('log'), nodeId: z.string(), file: z.string() }),
]);

/** The driver's lines. Everything else in the job's logs comes from Ray or a library. */
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
  /** The last line if nothing could be started; fields as in UserError. */
  z.object({ type: z.literal('failed'), code: z.string(), ...errorTexts }),
]);
export type DriverLine = z.infer<typeof driverLineSchema>;
export type ResultLine = Extract<DriverLine, { type: 'result' }>;

/** cluster.json in the directory of whatever runs, or ran, on a cluster. It contains no token. */
export const clusterFileSchema = z.object({
  version: z.literal(CLUSTER_JOB),
  kind: z.enum(clusterKinds),
  /** Address of Ray's dashboard, without a trailing slash. */
  url: z.string(),
  storage: z.string().nullable(),
  needs: needsSchema.pick({ cpus: true, memoryBytes: true }),
  /** Id of the job on the cluster, chosen here before the job is submitted. */
  submissionId: z.string(),
  /** How the job ended, once that is known and its results were fetched. */
  ended: z.enum(['done', 'failed', 'cancelled', 'lost']).optional(),
  /** Its result could not be fetched, and may be gone: `cancel` gives it up. */
  unfetched: z.boolean().optional(),
  /**
   * Number of events that the run had before this job; later ones are the job's, in the order of the driver's lines.
   */
  eventsBefore: z.int().min(0).default(0),
  /** Arguments of the evaluator, if it measures. */
  args: z.array(z.string()).optional(),
  /** The runs that a reproduction's job trains, by task. Each has a file like this one, with its own `eventsBefore`. */
  runs: z.record(z.string(), z.string()).optional(),
  /** For a run trained by a reproduction's job: the reproduction's id. */
  reproduction: z.string().optional(),
});
export type ClusterFile = z.infer<typeof clusterFileSchema>;
