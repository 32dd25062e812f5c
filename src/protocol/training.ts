/**
 * Messages between the owner of a run and the process that trains for it, over Node's channel between parent and child.
 * Only the owner writes the run's events and state; it answers a request to write once the data is on disk.
 */
import { z } from 'zod';
import { errorCodes, errorTexts } from '../text/errors.ts';
import { runEventSchema } from './events.ts';
import { runStateSchema } from './run.ts';

/** The result of training. */
export const trainedSchema = z.object({
  /** The last step. */
  step: z.int(),
  /** Median. */
  tokensPerSecond: z.number(),
  /** Bytes. */
  peakMemory: z.number(),
  /** File name within the run directory. */
  artefact: z.string(),
});
export type TrainedResult = z.infer<typeof trainedSchema>;

const { status, learningRate, etaSeconds, phase } = runStateSchema.shape;
/** Changes to the state; a key that is given as undefined is removed. */
const patchSchema = z.object({
  status: status.optional(),
  step: z.int().optional(),
  steps: z.int().optional(),
  learningRate,
  etaSeconds,
  phase,
});

export const trainerMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('event'), id: z.int(), event: runEventSchema }),
  z.object({ type: z.literal('state'), id: z.int(), patch: patchSchema }),
  /** Its last message. Without `trained`, training was stopped before its end. */
  z.object({ type: z.literal('ended'), trained: trainedSchema.optional() }),
  z.object({
    type: z.literal('failed'),
    code: z.enum(errorCodes),
    ...errorTexts,
  }),
]);
export type TrainerMessage = z.infer<typeof trainerMessageSchema>;

export const ownerMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('written'), id: z.int() }),
  /** `code` as in Node's error: "ENOSPC". */
  z.object({
    type: z.literal('notWritten'),
    id: z.int(),
    code: z.string().optional(),
    message: z.string(),
  }),
  /** Finish the step, write a checkpoint and end. */
  z.object({ type: z.literal('cancel') }),
]);
export type OwnerMessage = z.infer<typeof ownerMessageSchema>;
