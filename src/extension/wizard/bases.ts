/** The bases that the wizard offers. */
import { basename } from 'node:path';
import { z } from 'zod';
import { AUTO_BASE } from '../../base-models/choose.ts';
import { findKnownBase, knownBases } from '../../base-models/registry.ts';
import { t, tKnown, translate } from '../../text/l10n.ts';
import { roughly, size } from '../texts.ts';
import { plain } from '../plain.ts';
import { textOf, textsSchema } from '../../text/message.ts';

const chosenSchema = z.object({ id: z.string(), why: z.string(), texts: textsSchema });
/** The output of `models --json`: which bases are on this machine, and which one suits it, now and with TensorFlow. */
export const offeredSchema = z.object({
  models: z.array(
    z.object({
      id: z.string(),
      present: z.boolean(),
      /** The least bytes that a run can be made to fit into; unknown for files that are not among the known bases. */
      leastMemory: z.object({ lora: z.number(), full: z.number() }).optional(),
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
 * The known bases, the preferred one first, those that are too large last. `preferred` is the setting; "auto" means
 * the base that suits the machine, with TensorFlow if that can be installed along with the base.
 */
export function baseChoices(preferred: string, offered: Offered): BaseChoice[] {
  const { models, default: suited } = offered;
  const here = new Set(models.filter(({ present }) => present).map(({ id }) => id));
  const lackOf = (id: string) => lackOfMemory(id, 'lora', offered);
  const notFitting = (id: string) => {
    const lack = lackOf(id);
    return lack ? [doesNotFit(lack)] : [];
  };
  const choices = knownBases.map(({ id, name, about, parameters, bytes, licence }) => ({
    label: name,
    description: [
      t('{count} parameters', { count: roughly(parameters) }),
      size(bytes),
      licence,
      ...(here.has(id) ? [t('already here')] : []),
    ].join(' · '),
    detail: [tKnown(about), ...suits(id, suited), ...notFitting(id)].join(' '),
    value: id,
  }));
  const wanted = preferred === AUTO_BASE ? (suited.withTensorflow ?? suited).id : preferred;
  const first = choices.find(({ value }) => value === wanted) ?? {
    label: plain(basename(wanted)),
    description: wanted,
    detail: t('From the setting {setting}', { setting: 'forgetMeNot.base' }),
    value: wanted,
  };
  const others = choices.filter((choice) => choice !== first);
  // Those that can't be trained here come last.
  const fitting = others.filter(({ value }) => !lackOf(value));
  return [first, ...fitting, ...others.filter((choice) => !fitting.includes(choice))];
}

/** As a sentence. */
export const doesNotFit = (lack: { needed: string; free: string }): string =>
  t('It does not fit: it takes {needed} of memory, and {free} are free.', lack);

/** The memory that a base takes at least and that is free, in words; undefined if it fits, or is not a known one. */
export function lackOfMemory(
  base: string,
  method: 'lora' | 'full',
  { models, availableMemory = Infinity }: Offered,
): { needed: string; free: string } | undefined {
  const least = models.find(({ id }) => id === base)?.leastMemory?.[method] ?? 0;
  return least > availableMemory ? { needed: size(least), free: size(availableMemory) } : undefined;
}

function suits(id: string, { withTensorflow, ...now }: Offered['default']): string[] {
  if (id === withTensorflow?.id)
    return [t('For this machine with TensorFlow: {why}.', { why: translate(textOf(withTensorflow, 'why')) })];
  if (id !== now.id) return [];
  return [
    withTensorflow
      ? t('For this machine without TensorFlow: {why}.', { why: translate(textOf(now, 'why')) })
      : t('For this machine: {why}.', { why: translate(textOf(now, 'why')) }),
  ];
}
