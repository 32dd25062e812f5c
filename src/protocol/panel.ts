/** Between the results panel (or report.html) and its host. Snapshots, not deltas: a hidden panel loses nothing. */
import { z } from 'zod';
import { runEventSchema } from './events.ts';
import { summarySchema } from './evaluation.ts';
import { runSpecSchema, runStateSchema } from './run.ts';
import { runSpectrumSchema } from './spectrum.ts';

export const runSnapshotSchema = z.object({
  spec: runSpecSchema,
  state: runStateSchema,
  events: z.array(runEventSchema),
  /** Lines of events.jsonl that could not be read. */
  brokenLines: z.int(),
  summary: summarySchema.optional(),
  spectrum: runSpectrumSchema.optional(),
  corpus: z
    .object({
      kept: z.int(),
      leftOut: z.record(z.string(), z.int()),
      trainTokens: z.int(),
      heldOutTokens: z.int(),
    })
    .optional(),
});
export type RunSnapshot = z.infer<typeof runSnapshotSchema>;

/** Host to panel. */
export const toPanelSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('runs'),
    runs: z.array(runSnapshotSchema),
    selected: z.string().optional(),
    inUse: z.string().optional(),
  }),
]);
export type ToPanel = z.infer<typeof toPanelSchema>;

/** Panel to host. */
export const fromPanelSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('select'), run: z.string() }),
  z.object({ type: z.literal('useForCompletion'), run: z.string() }),
  z.object({ type: z.literal('stop'), run: z.string() }),
  z.object({ type: z.literal('save'), name: z.string(), base64: z.string() }),
]);
export type FromPanel = z.infer<typeof fromPanelSchema>;
