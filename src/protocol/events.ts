/** events.jsonl: what happened in a run, one object per line, append-only. */
import { z } from 'zod';
import { msg, type Text, textOf, textsSchema } from '../text/message.ts';
import { errorTexts } from '../text/errors.ts';
import { metricAtStep } from './evaluation.ts';

const at = { time: z.string() };

export const runEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('phase'), ...at, phase: z.string() }),
  z.object({
    type: z.literal('start'),
    ...at,
    backend: z.string(),
    backendReason: z.string(),
    texts: textsSchema,
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
    /** Model FLOPs utilisation: share of the machine's measured matmul rate. */
    mfu: z.number().optional(),
    /** Peak resident memory of the trainer so far, in bytes. */
    peakMemory: z.number(),
    etaSeconds: z.number(),
  }),
  /** From here on, a run with a time limit has this number of steps, fitted to the duration of its steps. */
  z.object({ type: z.literal('length'), ...at, step: z.int(), steps: z.int(), minutes: z.number() }),
  /**
   * The peak learning rate that the run settled on before its first step. It stays valid even if the run restarts
   * from step 0, so the event has no step.
   */
  z.object({
    type: z.literal('rate'),
    ...at,
    learningRate: z.number().positive(),
    why: z.string(),
    texts: textsSchema,
  }),
  /** After a loss spike or a divergence, training went back to the checkpoint of step `to`, with the rate scaled. */
  z.object({
    type: z.literal('rollback'),
    ...at,
    step: z.int(),
    to: z.int(),
    why: z.string(),
    texts: textsSchema,
    rateScale: z.number(),
  }),
  /** Memory that the run is expected to need, by part and in total, and the available memory; in bytes. */
  z.object({
    type: z.literal('memory'),
    ...at,
    plan: z.record(z.string(), z.number()),
    total: z.number(),
    available: z.number(),
    /** The same for a GPU with its own memory. `memory`: its size, if known. */
    device: z
      .object({
        name: z.string(),
        plan: z.record(z.string(), z.number()),
        total: z.number(),
        memory: z.number().optional(),
      })
      .optional(),
  }),
  z.object({ type: z.literal('evaluation'), ...at, ...metricAtStep }),
  z.object({ type: z.literal('checkpoint'), ...at, step: z.int(), path: z.string() }),
  /** Training ends before its budget: no improvement is expected, or the forgetting limit is exceeded. */
  z.object({ type: z.literal('earlyStop'), ...at, step: z.int(), why: z.string() }),
  /** The checkpoint that the result is made from, if the run keeps the best one; otherwise it is the last. */
  z.object({ type: z.literal('best'), ...at, step: z.int(), why: z.string() }),
  /**
   * Written by earlier versions, which could learn from recorded completions; only here so that it doesn't count as a
   * broken line.
   */
  z.object({ type: z.literal('preferences'), ...at }),
  z.object({ type: z.literal('warning'), ...at, message: z.string(), texts: textsSchema }),
  z.object({ type: z.literal('error'), ...at, code: z.string(), ...errorTexts }),
  z.object({
    type: z.literal('done'),
    ...at,
    step: z.int(),
    tokensPerSecond: z.number(),
    peakMemory: z.number(),
    /**
     * Since the start of the trainer that ended the run: includes its evaluation, but not training before it was
     * resumed.
     */
    seconds: z.number(),
    /** The result, relative to the run directory: adapter.gguf or model.gguf. */
    artefact: z.string(),
    /** The user stopped the measuring of the result. */
    measuringStopped: z.boolean().optional(),
  }),
]);
export type RunEvent = z.infer<typeof runEventSchema>;
type WithoutTime<T> = T extends unknown ? Omit<T, 'time'> : never;
/** An event before the run's writer adds the time. */
export type NewRunEvent = WithoutTime<RunEvent>;

/**
 * The events that led to the current state. A run that was resumed from an earlier step, or went back to one, has
 * repeated some steps: only the later ones count.
 */
export function survivingEvents(events: readonly RunEvent[]): RunEvent[] {
  let kept: RunEvent[] = [];
  for (const event of events) {
    // A run that restarts from step 0 measures the base again too.
    if (event.type === 'start')
      kept = kept.filter((old) => old.type === 'start' || isBefore(old, event.step || -1));
    if (event.type === 'rollback')
      kept = kept.filter((old) => old.type === 'start' || old.type === 'rollback' || isBefore(old, event.to));
    kept.push(event);
  }
  return kept;
}

/**
 * Whether the trainer that ended the run, and whose time its last event counts, went on with an earlier one's training.
 * A trainer that lost its GPU starts the training again itself.
 */
export function wasResumed(events: readonly RunEvent[]): boolean {
  const done = events.findLast((event) => event.type === 'done');
  const [first, again] = events.filter((event) => event.type === 'start');
  if (!done || !first || !again) return false;
  return Date.parse(first.time) < Date.parse(done.time) - 1000 * done.seconds;
}

/** "At step 40 the loss ...: back to step 32; training skips that data and continues at 0.5 of the rate." */
export const describeRollback = (event: Extract<RunEvent, { type: 'rollback' }>): Text =>
  msg`At step ${event.step} ${textOf(event, 'why')}: back to step ${event.to}; training skips that data and continues at ${event.rateScale} of the rate.`;

/** Whether training that continues from `step` builds on the event. A rollback counts as the step it went back to. */
function isBefore(event: RunEvent, step: number): boolean {
  if (event.type === 'rollback') return event.to <= Math.max(0, step);
  return !('step' in event) || event.step <= step;
}
