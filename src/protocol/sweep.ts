/** sweep.json and trials.jsonl: which learning rates were tried, and the results. See docs/file-formats.md. */
import { z } from 'zod';
import { textsSchema } from '../text/message.ts';
import { errorTexts } from '../text/errors.ts';
import { backendNames, corpusPlanSchema, hyperSchema, runSpecSchema } from './run.ts';

/** The newest format. */
export const SWEEP_FORMAT = 2;

const method = hyperSchema.shape.method.unwrap();

/** The settings of one method's trials. */
export const sweptMethodSchema = z.object({
  method,
  precision: hyperSchema.shape.precision.unwrap(),
  /** The grid, ascending. */
  rates: z.array(z.number().positive()).min(1),
});
export type SweptMethod = z.infer<typeof sweptMethodSchema>;

/** The request; never changed. */
export const sweepSpecSchema = z.object({
  /** See `foldersFormat`. */
  format: z.literal([1, SWEEP_FORMAT]),
  id: z.string(),
  createdAt: z.string(),
  /** Absolute path; empty if there is only a data set. */
  folder: z.string(),
  folders: runSpecSchema.shape.folders,
  corpus: corpusPlanSchema.prefault({}),
  /** Digest of the text; a different text means a different sweep. */
  corpusDigest: z.string(),
  base: z.object({ id: z.string(), path: z.string(), sha256: z.string() }),
  methods: z.array(sweptMethodSchema).min(1),
  /** Whether to extend the grid until the highest stable rate lies inside it. */
  extend: z.boolean(),
  /** Settings that all trials share. */
  hyper: hyperSchema.omit({ method: true, learningRate: true, precision: true }),
  backend: z.enum(['auto', ...backendNames]),
  device: runSpecSchema.shape.device,
  planned: runSpecSchema.shape.planned,
  heldOutWindows: z.int().min(1),
  versions: z.record(z.string(), z.string()),
});
export type SweepSpec = z.infer<typeof sweepSpecSchema>;

/** The base's losses on the texts of a method's trials, in that method's precision. */
const baseLineSchema = z.object({
  type: z.literal('base'),
  time: z.string(),
  method,
  backend: z.string(),
  /** On the tokens of each step, in nats per token. */
  losses: z.array(z.number()),
  /** Of each held-out window, in nats per token. */
  heldOut: z.array(z.number()),
  /** Predicted tokens in each window. */
  windowTokens: z.array(z.int()),
  /** Document of each window; absent in early sweeps, where each window counts as its own document. */
  windowDocuments: z.array(z.string()).optional(),
});
export type BaseLine = z.infer<typeof baseLineSchema>;

const trialSchema = z.object({
  type: z.literal('trial'),
  time: z.string(),
  method,
  learningRate: z.number().positive(),
  /** Training loss of each completed step, in nats per token. */
  losses: z.array(z.number()),
  /** Loss of each held-out window after the last step; absent if the trial was cut short. */
  heldOut: z.array(z.number()).optional(),
  /** KL(base || trained) on the beginnings of held-out windows: mean over positions, in nats. */
  kl: z.number().optional(),
  /** Absent if it did not diverge. */
  diverged: z.object({ step: z.int(), why: z.string(), texts: textsSchema }).optional(),
  seconds: z.number(),
});
export type Trial = z.infer<typeof trialSchema>;

/** A line of trials.jsonl. */
export const sweepLineSchema = z.discriminatedUnion('type', [baseLineSchema, trialSchema]);
export type SweepLine = z.infer<typeof sweepLineSchema>;

/** "lora-0.0001": a trial's folder, and its task on a cluster. */
export const trialName = ({ method, learningRate }: Pick<Trial, 'method' | 'learningRate'>): string =>
  `${method}-${learningRate}`;

/** A part of a sweep that runs as a separate process. */
const sweptTaskSchema = z.object({
  id: z.string(),
  /** "{folder}" stands for the task's copy of the sweep, "{after}" for a file with the measurements so far. */
  argv: z.array(z.string()),
  /** Tasks that must have ended. */
  after: z.array(z.string()).optional(),
});
export type SweptTask = z.infer<typeof sweptTaskSchema>;

const progressSchema = z.object({
  method,
  learningRate: z.number(),
  /** Number of the current trial, from 1; `trials` grows when a grid is extended. */
  trial: z.int(),
  trials: z.int(),
  /** 0 while the model is loaded and the base is measured. */
  step: z.int(),
  steps: z.int(),
  loss: z.number().optional(),
  etaSeconds: z.number().optional(),
});
export type SweepProgress = z.infer<typeof progressSchema>;

/** The sweeper's messages on stdout, one object per line. It writes what it measures into the sweep's folder. */
export const sweeperMessageSchema = z.discriminatedUnion('type', [
  progressSchema.extend({ type: z.literal('progress') }),
  /** A line was added to trials.jsonl. */
  z.object({ type: z.literal('trial') }),
  /** A note for the user, in one sentence. */
  z.object({ type: z.literal('note'), message: z.string() }),
  /** With --base or --trial: the measurement, for the trials.jsonl of the sweep's owner. */
  z.object({ type: z.literal('line'), line: sweepLineSchema }),
  /** With --next: a trial that is still to be run. */
  z.object({ type: z.literal('task'), task: sweptTaskSchema }),
  z.object({ type: z.literal('failed'), code: z.string(), ...errorTexts }),
]);
export type SweeperMessage = z.infer<typeof sweeperMessageSchema>;
