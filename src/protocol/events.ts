/** events.jsonl: what happened in a run, one object a line, append-only. */
import { z } from 'zod';
import { intervalSchema, metricSchema } from './evaluation.ts';

const at = { time: z.string() };

export const runEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('phase'), ...at, phase: z.string() }),
  z.object({
    type: z.literal('start'),
    ...at,
    backend: z.string(),
    backendReason: z.string(),
    step: z.int(),
    steps: z.int(),
    trainableParameters: z.number(),
    trainTokens: z.number(),
    heldOutTokens: z.number(),
  }),
  z.object({
    type: z.literal('step'),
    ...at,
    step: z.int(),
    /** Mean loss of the step in nats per token. */
    loss: z.number(),
    learningRate: z.number(),
    gradientNorm: z.number(),
    tokensPerSecond: z.number(),
    /** Model-FLOPs utilisation: share of the machine's measured matmul rate. */
    mfu: z.number().optional(),
    /** Peak resident memory of the trainer so far, in bytes. */
    peakMemory: z.number(),
    etaSeconds: z.number(),
  }),
  /** A run of so many minutes has another number of steps from here on, by what its steps take. */
  z.object({ type: z.literal('length'), ...at, step: z.int(), steps: z.int(), minutes: z.number() }),
  /**
   * The peak rate that the run goes by, settled before its first step. It holds for whatever follows, a resumption from
   * step 0 too, so it has no step.
   */
  z.object({
    type: z.literal('rate'),
    ...at,
    learningRate: z.number().positive(),
    why: z.string(),
    /** Optimiser steps of each trial; 0 where none was made. */
    steps: z.int(),
    /** What it took of the run's time. */
    seconds: z.number(),
    trials: z.array(
      z.object({
        learningRate: z.number().positive(),
        /** Held-out loss less the base's, paired, nats per token; none where the trial was cut short. */
        learned: intervalSchema.optional(),
        /** KL(base || trained) on held-out text, nats per token. */
        kl: z.number().optional(),
        diverged: z.object({ step: z.int(), why: z.string() }).optional(),
      }),
    ),
  }),
  /** A loss spike or a divergence: training went back to the checkpoint of step `to`, with the rate scaled. */
  z.object({
    type: z.literal('rollback'),
    ...at,
    step: z.int(),
    to: z.int(),
    why: z.string(),
    rateScale: z.number(),
  }),
  /** What the run was expected to take, in bytes; `measured` is the peak, when done. */
  z.object({
    type: z.literal('memory'),
    ...at,
    plan: z.record(z.string(), z.number()),
    total: z.number(),
    available: z.number(),
  }),
  /** A figure measured at a step; step 0 is the base. `change`: its paired difference from the base's, where known. */
  z.object({
    type: z.literal('evaluation'),
    ...at,
    step: z.int(),
    result: metricSchema,
    change: intervalSchema.optional(),
  }),
  z.object({ type: z.literal('checkpoint'), ...at, step: z.int(), path: z.string() }),
  /** Training ends before its budget: nothing better is to be expected, or the forgetting limit is passed. */
  z.object({ type: z.literal('earlyStop'), ...at, step: z.int(), why: z.string() }),
  /** The checkpoint that the artefact is made of, where the run keeps the best one; else it is the last. */
  z.object({ type: z.literal('best'), ...at, step: z.int(), why: z.string() }),
  /**
   * What learning from preferences came to, after the ordinary training's step: its result is taken, or the weights from
   * before it are. `preferences` and `code` are paired differences: the loss of held-out preferences, bits per byte at
   * held-out cursors.
   */
  z.object({
    type: z.literal('preferences'),
    ...at,
    step: z.int(),
    taken: z.boolean(),
    why: z.string(),
    /** Texts learned from, and held out. */
    learned: z.int(),
    heldOut: z.int(),
    preferences: intervalSchema.optional(),
    code: intervalSchema.optional(),
  }),
  z.object({ type: z.literal('warning'), ...at, message: z.string() }),
  z.object({ type: z.literal('error'), ...at, code: z.string(), message: z.string(), next: z.string() }),
  z.object({
    type: z.literal('done'),
    ...at,
    step: z.int(),
    tokensPerSecond: z.number(),
    peakMemory: z.number(),
    /** Since the trainer that ended the run was started: with its evaluation, without what was trained before a resumption. */
    seconds: z.number(),
    /** Final artefact, relative to the run directory: adapter.gguf or model.gguf. */
    artefact: z.string(),
  }),
]);
export type RunEvent = z.infer<typeof runEventSchema>;
type WithoutTime<T> = T extends unknown ? Omit<T, 'time'> : never;
/** An event before the run stamps it. */
export type NewRunEvent = WithoutTime<RunEvent>;

/**
 * The history that led to the present state: what was made and then left behind is not in it. A run that was stopped
 * and resumed from an earlier step, or that went back to one, has made some steps twice, and only the later ones count.
 */
export function survivingEvents(events: readonly RunEvent[]): RunEvent[] {
  let kept: RunEvent[] = [];
  for (const event of events) {
    // From step 0 on, the base is measured anew as well.
    if (event.type === 'start')
      kept = kept.filter((old) => old.type === 'start' || isBefore(old, event.step || -1));
    if (event.type === 'rollback')
      kept = kept.filter((old) => old.type === 'start' || old.type === 'rollback' || isBefore(old, event.to));
    kept.push(event);
  }
  return kept;
}

/** "At step 40 the loss ...: back to step 32, and on past that data at 0.5 of the rate." */
export const describeRollback = (event: Extract<RunEvent, { type: 'rollback' }>): string =>
  `At step ${event.step} ${event.why}: back to step ${event.to}, and on past that data at ${event.rateScale} of the rate.`;

/** "Learned from 96 texts of your use: ..." */
export const describePreferences = ({
  taken,
  why,
  learned,
}: Extract<RunEvent, { type: 'preferences' }>): string =>
  taken
    ? `Learned from ${learned} texts of your use: ${why}.`
    : `Not learned from your use, the result is the same as without: ${why.replace(/\.$/, '')}.`;

/** Whether what goes on from a step builds on the event. Going back counts for the step it went to. */
function isBefore(event: RunEvent, step: number): boolean {
  if (event.type === 'rollback') return event.to <= Math.max(0, step);
  return !('step' in event) || event.step <= step;
}
