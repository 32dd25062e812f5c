/**
 * Between the results panel (or report.html) and its host. The host first sends everything, then only what changed; a
 * panel that was hidden, or that missed a message, says `ready` and is sent everything again, so nothing is lost.
 */
import { z } from 'zod';
import { runEventSchema } from './events.ts';
import { intervalSchema, summarySchema } from './evaluation.ts';
import { exportRecordSchema } from './export.ts';
import { nextStepSchema } from './next-step.ts';
import { runComparisonSchema } from './run-comparison.ts';
import { hyperSchema, runSpecSchema, runStateSchema } from './run.ts';
import { runSpectrumSchema } from './spectrum.ts';

export const runSnapshotSchema = z.object({
  spec: runSpecSchema,
  state: runStateSchema,
  /** None where nobody asked for them. */
  events: z.array(runEventSchema),
  /** Lines of events.jsonl that could not be read. */
  brokenLines: z.int(),
  summary: summarySchema.optional(),
  spectrum: runSpectrumSchema.optional(),
  /** Oldest first. */
  exports: z.array(exportRecordSchema).optional(),
  corpus: z
    .object({
      kept: z.int(),
      leftOut: z.record(z.string(), z.int()),
      trainTokens: z.int(),
      heldOutTokens: z.int(),
      /** Of the texts and their split: runs with the same one were measured on the same held-out text. */
      digest: z.string().optional(),
      /** Where it continues the corpus of an earlier run. */
      changed: z.object({ files: z.int(), trainTokens: z.int(), replay: z.number() }).optional(),
    })
    .optional(),
});
export type RunSnapshot = z.infer<typeof runSnapshotSchema>;

/** A run of which the panel knows the first `from` events: `events` are those after them. */
export const runChangeSchema = runSnapshotSchema.extend({ from: z.int().min(0) });
export type RunChange = z.infer<typeof runChangeSchema>;

const method = hyperSchema.shape.method.unwrap();

/** What a search for a learning rate found, as `concludeSweep` says it; losses in nats per token. */
export const sweepSnapshotSchema = z.object({
  id: z.string(),
  createdAt: z.string(),
  base: z.object({ id: z.string(), sha256: z.string() }),
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
          diverged: z.object({ step: z.int(), why: z.string() }).optional(),
          /** Held-out loss, and its paired difference from the base's. */
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

/** What became of an adapter's completions in the editor; counted on this machine, sent nowhere. */
export const acceptanceSchema = z.object({
  /** Visible for half a second, or accepted before. */
  shown: z.int().default(0),
  /** At least a word of it was taken, by the key for all of it, for a word or for a line. */
  accepted: z.int().default(0),
  shownCharacters: z.int().default(0),
  /** Typed ones are not among them. */
  acceptedCharacters: z.int().default(0),
  /** Of those that were looked at again: still there, or thrown away. */
  kept: z.int().default(0),
  dropped: z.int().default(0),
});
export type Acceptance = z.infer<typeof acceptanceSchema>;

const common = {
  selected: z.string().optional(),
  /** Id of the run that completes code now. */
  inUse: z.string().optional(),
  /** By run. */
  acceptance: z.record(z.string(), acceptanceSchema).optional(),
};
/** `of`: the ids that were asked for, the one that the others are held against first. */
const answerSchema = z.object({
  of: z.array(z.string()),
  comparison: runComparisonSchema.optional(),
  /** Why there is none. */
  problem: z.string().optional(),
});
export type ComparisonAnswer = z.infer<typeof answerSchema>;

/** Host to panel. */
export const toPanelSchema = z.discriminatedUnion('type', [
  /** Everything there is. */
  z.object({
    type: z.literal('runs'),
    ...common,
    runs: z.array(runSnapshotSchema),
    sweeps: z.array(sweepSnapshotSchema).default([]),
    /** A report is written with its comparison. */
    comparison: answerSchema.optional(),
  }),
  /** What is new since the last message. */
  z.object({
    type: z.literal('changes'),
    ...common,
    runs: z.array(runChangeSchema),
    /** Runs that are no more. */
    gone: z.array(z.string()),
    /** All of them, where they changed. */
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
  /** These are looked at: their events are wanted. A host need not send those of others. */
  z.object({ type: z.literal('show'), runs: z.array(z.string()) }),
  z.object({ type: z.literal('compare'), runs: z.array(z.string()).min(2) }),
  z.object({ type: z.literal('useForCompletion'), run: z.string() }),
  z.object({ type: z.literal('measure'), run: z.string() }),
  /** Apply the change of this run so strongly from now on. */
  z.object({ type: z.literal('strength'), run: z.string(), strength: z.number().positive().max(1) }),
  z.object({ type: z.literal('stop'), run: z.string() }),
  /** A step that a text names. */
  z.object({ type: z.literal('step'), step: nextStepSchema }),
  z.object({ type: z.literal('save'), name: z.string(), base64: z.string() }),
]);
export type FromPanel = z.infer<typeof fromPanelSchema>;
