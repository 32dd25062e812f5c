/** sweep.json and trials.jsonl: which learning rates were tried, and what became of each. See docs/file-formats.md. */
import { z } from 'zod';
import { backendNames, corpusPlanSchema, hyperSchema } from './run.ts';

export const SWEEP_FORMAT = 1;

const method = hyperSchema.shape.method.unwrap();

/** What one method is tried with. */
export const sweptMethodSchema = z.object({
  method,
  precision: hyperSchema.shape.precision.unwrap(),
  /** The grid, ascending. */
  rates: z.array(z.number().positive()).min(1),
});
export type SweptMethod = z.infer<typeof sweptMethodSchema>;

/** What was asked; never changed. */
export const sweepSpecSchema = z.object({
  format: z.literal(SWEEP_FORMAT),
  id: z.string(),
  createdAt: z.string(),
  /** Absolute path; empty where the corpus is a data set alone. */
  folder: z.string(),
  corpus: corpusPlanSchema.prefault({}),
  /** Of what was read: another text is another sweep. */
  corpusDigest: z.string(),
  base: z.object({ id: z.string(), path: z.string(), sha256: z.string() }),
  methods: z.array(sweptMethodSchema).min(1),
  /** Whether the grid goes on past its ends until the highest stable rate lies inside. */
  extend: z.boolean(),
  /** What all trials share. */
  hyper: hyperSchema.omit({ method: true, learningRate: true, precision: true }),
  backend: z.enum(['auto', ...backendNames]),
  heldOutWindows: z.int().min(1),
  versions: z.record(z.string(), z.string()),
});
export type SweepSpec = z.infer<typeof sweepSpecSchema>;

/** The base on the texts of all trials of a method (whose precision it shares). */
const baseLineSchema = z.object({
  type: z.literal('base'),
  time: z.string(),
  method,
  backend: z.string(),
  /** On the tokens of each step, nats per token. */
  losses: z.array(z.number()),
  /** Of each held-out window, nats per token. */
  heldOut: z.array(z.number()),
  /** Predictions in each window. */
  windowTokens: z.array(z.int()),
  /** Which of them are of one document; missing in early sweeps, where each counts as one of its own. */
  windowDocuments: z.array(z.string()).optional(),
});
export type BaseLine = z.infer<typeof baseLineSchema>;

const trialSchema = z.object({
  type: z.literal('trial'),
  time: z.string(),
  method,
  learningRate: z.number().positive(),
  /** Training loss of each step that was made, nats per token. */
  losses: z.array(z.number()),
  /** Of each held-out window after the last step; without, the trial was cut short. */
  heldOut: z.array(z.number()).optional(),
  /** KL(base || trained) on the beginnings of held-out windows, mean over positions, nats. */
  kl: z.number().optional(),
  /** Missing where it did not diverge. */
  diverged: z.object({ step: z.int(), why: z.string() }).optional(),
  seconds: z.number(),
});
export type Trial = z.infer<typeof trialSchema>;

/** A line of trials.jsonl. */
export const sweepLineSchema = z.discriminatedUnion('type', [baseLineSchema, trialSchema]);
export type SweepLine = z.infer<typeof sweepLineSchema>;

const progressSchema = z.object({
  method,
  learningRate: z.number(),
  /** Of the trial that runs, from 1; the number of trials grows where a grid is extended. */
  trial: z.int(),
  trials: z.int(),
  /** 0 while the model is loaded and the base measured. */
  step: z.int(),
  steps: z.int(),
  loss: z.number().optional(),
  etaSeconds: z.number().optional(),
});
export type SweepProgress = z.infer<typeof progressSchema>;

/** What the sweeper says on stdout, one object a line. What it measures, it writes into the sweep's folder. */
export const sweeperMessageSchema = z.discriminatedUnion('type', [
  progressSchema.extend({ type: z.literal('progress') }),
  /** A line was added to trials.jsonl. */
  z.object({ type: z.literal('trial') }),
  z.object({ type: z.literal('failed'), code: z.string(), message: z.string(), next: z.string() }),
]);
export type SweeperMessage = z.infer<typeof sweeperMessageSchema>;
