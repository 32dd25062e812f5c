/** The bases that the wizard offers. */
import { basename } from 'node:path';
import { z } from 'zod';
import { AUTO_BASE } from '../base-models/choose.ts';
import { findKnownBase, knownBases } from '../base-models/registry.ts';
import { roughly, size } from './texts.ts';

/** Of `models --json`: what is here, and which one suits this machine. */
export const offeredSchema = z.object({
  models: z.array(z.object({ id: z.string(), present: z.boolean() })),
  default: z.object({ id: z.string(), why: z.string() }),
});
export type Offered = z.infer<typeof offeredSchema>;

export interface BaseChoice {
  label: string;
  description: string;
  detail: string;
  value: string;
}

/** As a person knows it. */
export const baseName = (base: string): string => findKnownBase(base)?.name ?? basename(base);

/** The known bases, the preferred one first. `preferred` is the setting; "auto" is the one that suits the machine. */
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
    detail: id === suited.id ? `${about} For this machine: ${suited.why}.` : about,
    value: id,
  }));
  const wanted = preferred === AUTO_BASE ? suited.id : preferred;
  const first = choices.find(({ value }) => value === wanted) ?? {
    label: basename(wanted),
    description: wanted,
    detail: 'From the setting forgetMeNot.base',
    value: wanted,
  };
  return [first, ...choices.filter((choice) => choice !== first)];
}
