/** The bases that the wizard offers. */
import { basename } from 'node:path';
import { z } from 'zod';
import { AUTO_BASE } from '../../base-models/choose.ts';
import { findKnownBase, knownBases } from '../../base-models/registry.ts';
import { roughly, size } from '../texts.ts';

const chosenSchema = z.object({ id: z.string(), why: z.string() });
/** The output of `models --json`: which bases are on this machine, and which one suits it, now and with TensorFlow. */
export const offeredSchema = z.object({
  models: z.array(
    z.object({
      id: z.string(),
      present: z.boolean(),
      /** Bytes that a run takes here; unknown for files that are not among the known bases. */
      memory: z.object({ lora: z.number(), full: z.number() }).optional(),
    }),
  ),
  /** Bytes. */
  availableMemory: z.number().optional(),
  default: chosenSchema.extend({ withTensorflow: chosenSchema.optional() }),
});
export type Offered = z.infer<typeof offeredSchema>;

export interface BaseChoice {
  label: string;
  description: string;
  detail: string;
  value: string;
}

/** The name that the user sees. */
export const baseName = (base: string): string => findKnownBase(base)?.name ?? basename(base);

/**
 * The known bases, the preferred one first, those that are too large last. `preferred` is the setting; "auto" means the base that suits the machine,
 * with TensorFlow if that can be installed along with the base.
 */
export function baseChoices(
  preferred: string,
  { models, default: suited, availableMemory }: Offered,
): BaseChoice[] {
  const here = new Set(models.filter(({ present }) => present).map(({ id }) => id));
  const tooLarge = new Map(
    models.map(({ id, memory }) => [id, memory && whyTooLarge(memory.lora, availableMemory)]),
  );
  const choices = knownBases.map(({ id, name, about, parameters, bytes, licence }) => ({
    label: name,
    description: [
      `${roughly(parameters)} parameters`,
      size(bytes),
      licence,
      ...(here.has(id) ? ['already here'] : []),
    ].join(' · '),
    detail: [about, ...suits(id, suited), ...(tooLarge.get(id) ? [`It ${tooLarge.get(id)}.`] : [])].join(' '),
    value: id,
  }));
  const wanted = preferred === AUTO_BASE ? (suited.withTensorflow ?? suited).id : preferred;
  const first = choices.find(({ value }) => value === wanted) ?? {
    label: basename(wanted),
    description: wanted,
    detail: 'From the setting forgetMeNot.base',
    value: wanted,
  };
  const others = choices.filter((choice) => choice !== first);
  // Those that can't be trained here come last.
  const fitting = others.filter(({ value }) => !tooLarge.get(value));
  return [first, ...fitting, ...others.filter((choice) => !fitting.includes(choice))];
}

/** "does not fit: it takes 15.0 GB of memory, and 8.0 GB are free"; undefined if it fits. */
export const whyTooLarge = (bytes: number, available = Infinity): string | undefined =>
  bytes > available
    ? `does not fit: it takes ${size(bytes)} of memory, and ${size(available)} are free`
    : undefined;

function suits(id: string, { withTensorflow, ...now }: Offered['default']): string[] {
  if (id === withTensorflow?.id) return [`For this machine with TensorFlow: ${withTensorflow.why}.`];
  if (id !== now.id) return [];
  return [`For this machine${withTensorflow ? ' without TensorFlow' : ''}: ${now.why}.`];
}
