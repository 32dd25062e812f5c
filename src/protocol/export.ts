/** exports.jsonl (a run's exports, and the results of checking them), and the exporter's messages on stdout. */
import { z } from 'zod';
import { errorTexts } from '../text/errors.ts';
import { textsSchema } from '../text/message.ts';
import { decimal, t, withPoint } from '../text/l10n.ts';

/** The forms that a result can be written in. */
export const exportTargets = ['gguf-adapter', 'gguf-merged', 'peft'] as const;
export type ExportTarget = (typeof exportTargets)[number];

/** How a merged model's matrices are stored. Four bits would round away nearly everything that was learned. */
export const mergedTypes = ['F16', 'Q8_0'] as const;

/** PEFT's names for a base that may be loaded with or without its vision part. */
export const peftNames = ['text', 'pictures'] as const;
export type PeftNames = (typeof peftNames)[number];

/** A request to the exporter. */
export const exportRequestSchema = z.object({
  to: z.enum(exportTargets),
  /** Path of the output file, or of the folder for PEFT. */
  output: z.string(),
  /** Precision of a merged model. Default F16. */
  type: z.enum(mergedTypes).optional(),
  /** Step of the checkpoint to export instead of the result. */
  checkpoint: z.int().min(0).optional(),
  /** For PEFT: the name under which transformers loads the base. Default: a known base's own, else the base's id. */
  baseName: z.string().optional(),
  /** For PEFT, if the base is a Gemma 3 that may have vision. Default: according to the base's metadata. */
  names: z.enum(peftNames).optional(),
});
export type ExportRequest = z.infer<typeof exportRequestSchema>;

/** Compares the written file's distributions, computed by llama.cpp, with the trainer's; KL in nats per token. */
export const exportCheckSchema = z.object({
  tokens: z.int(),
  meanKl: z.number(),
  maxKl: z.number(),
  /** `meanKl` must stay below it. */
  limit: z.number(),
  /** KL(trained || base): what `meanKl` would be if the file lacked the trained change. */
  change: z.number(),
  ok: z.boolean(),
});
export type ExportCheck = z.infer<typeof exportCheckSchema>;

/** A line of exports.jsonl. */
export const exportRecordSchema = z.object({
  time: z.string(),
  to: z.enum(exportTargets),
  /** For a merged model only; version 0.1 also wrote "base". */
  type: z.string().optional(),
  /** The step whose weights were exported. */
  step: z.int(),
  /** How much of what was learned is in it; absent for a full fine-tune, and in earlier versions. */
  strength: z.number().optional(),
  /** Absolute path; for PEFT, of the folder. If the check failed, nothing was left there. */
  path: z.string(),
  /** Size of the file with the weights. */
  bytes: z.number(),
  sha256: z.string(),
  check: exportCheckSchema,
  /** In the answer only, never in exports.jsonl: the file was written, but the run could not record it. */
  warning: z.string().optional(),
  /** In the answer only: what users of the file need to know. */
  note: z.string().optional(),
  texts: textsSchema,
});
export type ExportRecord = z.infer<typeof exportRecordSchema>;

/** The exporter's messages on stdout, one object per line. */
export const exportMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), phase: z.string(), done: z.int(), total: z.int() }),
  z.object({ type: z.literal('done'), record: exportRecordSchema }),
  z.object({ type: z.literal('failed'), code: z.string(), ...errorTexts }),
]);
export type ExportMessage = z.infer<typeof exportMessageSchema>;

/** "merged GGUF in Q8_0" */
export function describeTarget({ to, type }: Pick<ExportRecord, 'to' | 'type'>): string {
  if (to === 'gguf-adapter') return t('GGUF adapter');
  if (to === 'peft') return t('PEFT adapter');
  return t('merged GGUF in {type}', { type: type ?? '' });
}

/** "GGUF adapter at strength 0.5" */
export function describeExport(record: Pick<ExportRecord, 'to' | 'type' | 'strength'>): string {
  const name = describeTarget(record);
  const { strength } = record;
  if (strength === undefined) return name;
  return t('{name} at strength {strength}', { name, strength: withPoint(String(strength)) });
}

const format = (value: number) => (value < 1e-4 ? withPoint(value.toExponential(1)) : decimal(value, 4));

/** "llama.cpp agrees with the trainer: KL 0.0012 nats per token on average, 0.01 at most, over 96 tokens" */
export function describeCheck({ tokens, meanKl, maxKl, limit, ok }: ExportCheck): string {
  const metrics = t(
    'KL {mean} nats per token on average (limit {limit}), {most} at most, over {tokens} tokens',
    { mean: format(meanKl), limit: withPoint(String(limit)), most: format(maxKl), tokens },
  );
  return ok
    ? t('llama.cpp agrees with the trainer: {metrics}', { metrics })
    : t('llama.cpp does NOT agree with the trainer: {metrics}', { metrics });
}

/** The last record for each path, oldest first. */
export function latestExports(records: readonly ExportRecord[]): ExportRecord[] {
  const byPlace = new Map<string, ExportRecord>();
  for (const record of records) {
    byPlace.delete(record.path);
    byPlace.set(record.path, record);
  }
  return [...byPlace.values()];
}
