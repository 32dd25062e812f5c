/** What a run was exported as, and what the check of it found: exports.jsonl, and what the exporter says on stdout. */
import { z } from 'zod';

/** The forms that a result can be written in. */
export const exportTargets = ['gguf-adapter', 'gguf-merged', 'peft'] as const;
export type ExportTarget = (typeof exportTargets)[number];

/** How a merged model's matrices are stored. Four bits would round away nearly all that was learned. */
export const mergedTypes = ['F16', 'Q8_0'] as const;
export type MergedType = (typeof mergedTypes)[number];

/** The written file's distributions, computed by llama.cpp, against the trainer's; KL in nats per token. */
export const exportCheckSchema = z.object({
  tokens: z.int(),
  meanKl: z.number(),
  maxKl: z.number(),
  /** The mean must stay below it. */
  limit: z.number(),
  /** KL(trained || base): what would be lost if the change were not in the file. */
  change: z.number(),
  ok: z.boolean(),
});
export type ExportCheck = z.infer<typeof exportCheckSchema>;

/** A line of exports.jsonl. */
export const exportRecordSchema = z.object({
  time: z.string(),
  to: z.enum(exportTargets),
  /** Of a merged model; version 0.1 also wrote "base". */
  type: z.string().optional(),
  /** Whose weights they are. */
  step: z.int(),
  /** Absolute; of PEFT, the folder. Nothing was left there where the check failed. */
  path: z.string(),
  /** Of the weights' file. */
  bytes: z.number(),
  sha256: z.string(),
  check: exportCheckSchema,
  /** Told with the answer, never written: the file is there, but the run could not be told of it. */
  warning: z.string().optional(),
});
export type ExportRecord = z.infer<typeof exportRecordSchema>;

/** What the process says on stdout, one object a line. */
export const exportMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), phase: z.string(), done: z.int(), total: z.int() }),
  z.object({ type: z.literal('done'), record: exportRecordSchema }),
  z.object({ type: z.literal('failed'), code: z.string(), message: z.string(), next: z.string() }),
]);
export type ExportMessage = z.infer<typeof exportMessageSchema>;

/** "merged GGUF in Q8_0" */
export function describeTarget({ to, type }: Pick<ExportRecord, 'to' | 'type'>): string {
  if (to === 'gguf-adapter') return 'GGUF adapter';
  if (to === 'peft') return 'PEFT adapter';
  return `merged GGUF in ${type}`;
}

const figure = (value: number) => (value < 1e-4 ? value.toExponential(1) : value.toFixed(4));

/** "llama.cpp agrees with the trainer: KL 0.0012 nats per token on average, 0.01 at most, over 96 tokens" */
export function describeCheck({ tokens, meanKl, maxKl, limit, ok }: ExportCheck): string {
  const of = `KL ${figure(meanKl)} nats per token on average (limit ${limit}), ${figure(maxKl)} at most, over ${tokens} tokens`;
  return `${ok ? 'llama.cpp agrees with the trainer' : 'llama.cpp does NOT agree with the trainer'}: ${of}`;
}

/** Of each place what was written there last, newest last. */
export function latestExports(records: readonly ExportRecord[]): ExportRecord[] {
  const byPlace = new Map<string, ExportRecord>();
  for (const record of records) {
    byPlace.delete(record.path);
    byPlace.set(record.path, record);
  }
  return [...byPlace.values()];
}
