/**
 * Messages between the results panel (or report.html) and its host. The host first sends everything, then only what
 * changed. A panel that was hidden, or missed a message, sends `ready` and gets everything again, so nothing is lost.
 */
import { z } from 'zod';
import { textsSchema } from '../text/message.ts';
import { runEventSchema } from './events.ts';
import { intervalSchema, summarySchema } from './evaluation.ts';
import { exportRecordSchema } from './export.ts';
import { nextStepSchema } from '../text/next-step.ts';
import { runComparisonSchema } from './run-comparison.ts';
import { hyperSchema, runSpecSchema, runStateSchema } from './run.ts';

export const runSnapshotSchema = z.object({
  spec: runSpecSchema,
  state: runStateSchema,
  /** Empty unless the panel asked for this run's events. */
  events: z.array(runEventSchema),
  /** Lines of events.jsonl that could not be read. */
  brokenLines: z.int(),
  summary: summarySchema.optional(),
  /** Oldest first. */
  exports: z.array(exportRecordSchema).optional(),
  corpus: z
    .object({
      kept: z.int(),
      leftOut: z.record(z.string(), z.int()),
      trainTokens: z.int(),
      heldOutTokens: z.int(),
      /** Digest of the texts and their splits: runs with the same digest were measured on the same held-out text. */
      digest: z.string().optional(),
      /** If it continues the corpus of an earlier run. */
      changed: z.object({ files: z.int(), trainTokens: z.int(), replay: z.number() }).optional(),
    })
    .optional(),
});
export type RunSnapshot = z.infer<typeof runSnapshotSchema>;

/** A run whose first `from` events the panel already has; `events` are the later ones. */
export const runChangeSchema = runSnapshotSchema.extend({ from: z.int().min(0) });
export type RunChange = z.infer<typeof runChangeSchema>;

const method = hyperSchema.shape.method.unwrap();

/** The result of a search for a learning rate, from `concludeSweep`; losses in nats per token. */
export const sweepSnapshotSchema = z.object({
  id: z.string(),
  createdAt: z.string(),
  base: z.object({ id: z.string(), sha256: z.string() }),
  /** For display; all folders if there are several. */
  folder: z.string(),
  optimizer: hyperSchema.shape.optimizer.unwrap(),
  /** Optimiser steps of each trial. */
  steps: z.int(),
  heldOutWindows: z.int(),
  methods: z.array(
    z.object({
      method,
      /** Ascending. */
      rates: z.array(
        z.object({
          learningRate: z.number().positive(),
          verdict: z.enum(['stable', 'worse', 'diverged']),
          diverged: z.object({ step: z.int(), why: z.string(), texts: textsSchema }).optional(),
          /** Held-out loss, and its paired difference from the base. */
          heldOut: intervalSchema.optional(),
          change: intervalSchema.optional(),
          kl: z.number().optional(),
        }),
      ),
      chosen: z.number().optional(),
      divergesFrom: z.number().optional(),
      finished: z.boolean(),
    }),
  ),
});
export type SweepSnapshot = z.infer<typeof sweepSnapshotSchema>;

/** How many of an adapter's completions were accepted in the editor; counted on this machine, sent nowhere. */
export const acceptanceSchema = z.object({
  /** Visible for half a second, or accepted sooner. */
  shown: z.int().default(0),
  /** At least one word was accepted, with the key for the whole completion, for a word or for a line. */
  accepted: z.int().default(0),
  shownCharacters: z.int().default(0),
  /** Characters accepted, without typed ones. */
  acceptedCharacters: z.int().default(0),
  /** Completions that were checked again later: still there, or removed. */
  kept: z.int().default(0),
  dropped: z.int().default(0),
});
export type Acceptance = z.infer<typeof acceptanceSchema>;

/** Prefix of the ids of bases that complete code as they are; a run's id begins with its date. */
const BASE_ID = 'base:';
export const completingBaseId = (base: string): string => `${BASE_ID}${base}`;
/** The base with this id; undefined for a run's id. */
export const baseOfId = (id: string): string | undefined =>
  id.startsWith(BASE_ID) ? id.slice(BASE_ID.length) : undefined;

/** Prefix of the ids of models on remote servers. */
const SERVER_ID = 'server:';
export const completingServerId = (name: string): string => `${SERVER_ID}${name}`;
/** The name of the model with this id, with its server; undefined for another id. */
export const serverOfId = (id: string): string | undefined =>
  id.startsWith(SERVER_ID) ? id.slice(SERVER_ID.length) : undefined;

const common = {
  selected: z.string().optional(),
  /** Id of the model that currently completes code: a run, a base, or a model on a remote server. */
  inUse: z.string().optional(),
  /** If that is a base: whether its reference adapter completes with it. */
  withReference: z.boolean().optional(),
  /** Ids of the runs whose owners are alive, as the host sees them; in a report, their heartbeats tell. */
  live: z.array(z.string()).optional(),
  /** By the model's id, as in `inUse`. */
  acceptance: z.record(z.string(), acceptanceSchema).optional(),
  /** The host's time in milliseconds: the clock that wrote the heartbeats; in a remote window, the page has another. */
  now: z.number().optional(),
};
/** `of`: the requested ids; the others are compared with the first. */
const answerSchema = z.object({
  of: z.array(z.string()),
  comparison: runComparisonSchema.optional(),
  /** Why there is no comparison. */
  problem: z.string().optional(),
});
export type ComparisonAnswer = z.infer<typeof answerSchema>;

/** Host to panel. */
export const toPanelSchema = z.discriminatedUnion('type', [
  /** The complete state. */
  z.object({
    type: z.literal('runs'),
    ...common,
    runs: z.array(runSnapshotSchema),
    sweeps: z.array(sweepSnapshotSchema).default([]),
    /** In a report: the comparison that it contains. */
    comparison: answerSchema.optional(),
  }),
  /** What is new since the last message. */
  z.object({
    type: z.literal('changes'),
    ...common,
    runs: z.array(runChangeSchema),
    /** Runs that were deleted. */
    gone: z.array(z.string()),
    /** All sweeps, if any changed. */
    sweeps: z.array(sweepSnapshotSchema).optional(),
  }),
  answerSchema.extend({ type: z.literal('comparison') }),
]);
export type ToPanel = z.infer<typeof toPanelSchema>;
export type WholePanel = Extract<ToPanel, { type: 'runs' }>;

/** Panel to host. */
export const fromPanelSchema = z.discriminatedUnion('type', [
  /** Send everything. */
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('select'), run: z.string() }),
  /** The panel shows these runs and needs their events. A host need not send the events of others. */
  z.object({ type: z.literal('show'), runs: z.array(z.string()) }),
  z.object({ type: z.literal('compare'), runs: z.array(z.string()).min(2) }),
  z.object({ type: z.literal('useForCompletion'), run: z.string() }),
  /** Complete code with a base as it is. */
  z.object({ type: z.literal('completeUntuned') }),
  /** From now on, multiply this run's change by `strength`. */
  z.object({ type: z.literal('strength'), run: z.string(), strength: z.number().positive().max(1) }),
  /** A next step, such as one that a text names. */
  z.object({ type: z.literal('step'), step: nextStepSchema }),
  z.object({ type: z.literal('save'), name: z.string(), base64: z.string() }),
]);
export type FromPanel = z.infer<typeof fromPanelSchema>;
