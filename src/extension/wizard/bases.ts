/** The bases that the wizard offers. */
import { basename } from 'node:path';
import { z } from 'zod';
import { AUTO_BASE } from '../../base-models/choose.ts';
import { findKnownBase, knownBases } from '../../base-models/registry.ts';
import { roughly, size } from '../texts.ts';

const chosenSchema = z.object({ id: z.string(), why: z.string() });
/** The output of `models --json`: which bases are on this machine, and which one suits it, now and with TensorFlow. */
export const offeredSchema = z.object({
  models: z.array(z.object({ id: z.string(), present: z.boolean() })),
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
 * The known bases, the preferred one first. `preferred` is the setting; "auto" means the base that suits the machine,
 * with TensorFlow if that can be installed along with the base.
 */
export function baseChoices(preferred: string, { models, default: suited }: Offered): BaseChoice[] {
  const here = new Set(models.filter(({ present }) => present).map(({ id }) => id));
  const choices = knownBases.map(({ id, name, about, parameters, bytes, licence }) => ({
    label: name,
    description: [
      `${roughly(parameters)} parameters`,
      size(bytes),
      licence,
      ...(here.has(id) ? ['already here'] : []),
    ].join(' · '),
    detail: [about, ...suits(id, suited)].join(' '),
    value: id,
  }));
  const wanted = preferred === AUTO_BASE ? (suited.withTensorflow ?? suited).id : preferred;
  const first = choices.find(({ value }) => value === wanted) ?? {
    label: basename(wanted),
    description: wanted,
    detail: 'From the setting forgetMeNot.base',
    value: wanted,
  };
  return [first, ...choices.filter((choice) => choice !== first)];
}

function suits(id: string, { withTensorflow, ...now }: Offered['default']): string[] {
  if (id === withTensorflow?.id) return [`For this machine with TensorFlow: ${withTensorflow.why}.`];
  if (id !== now.id) return [];
  return [`For this machine${withTensorflow ? ' without TensorFlow' : ''}: ${now.why}.`];
}
