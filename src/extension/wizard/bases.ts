/** The bases that the wizard offers. */
import { basename } from 'node:path';
import { z } from 'zod';
import { AUTO_BASE } from '../../base-models/choose.ts';
import { findKnownBase, knownBases } from '../../base-models/registry.ts';
import { WASM_HEAP } from '../../platform/machine/wasm-heap.ts';
import { decimal, t, tKnown, translate } from '../../text/l10n.ts';
import { size } from '../texts.ts';
import { plain } from '../plain.ts';
import { textOf, textsSchema } from '../../text/message.ts';

const chosenSchema = z.object({ id: z.string(), why: z.string(), texts: textsSchema });
/**
 * The output of `models --json`: which bases are on this machine, and which one suits it, with and without TensorFlow.
 */
export const baseListSchema = z.object({
  models: z.array(
    z.object({
      id: z.string(),
      present: z.boolean(),
      /**
       * The fewest bytes that a run can be made to fit into; null if none are enough for wasm, unknown for files that
       * are not known bases.
       */
      leastMemory: z.object({ lora: z.number().nullable(), full: z.number().nullable() }).optional(),
    }),
  ),
  /** Bytes. */
  availableMemory: z.number().optional(),
  default: chosenSchema.extend({ withTensorflow: chosenSchema.optional() }),
});
export type BaseList = z.infer<typeof baseListSchema>;

export interface BaseChoice {
  label: string;
  description: string;
  detail: string;
  value: string;
}

/** "1.5B", "494M": as in names of models. */
const parameterCount = (count: number): string =>
  count >= 1e9 ? `${decimal(count / 1e9, 1)}B` : `${Math.round(count / 1e6)}M`;

/** The name that the user sees. */
export const baseName = (base: string): string => findKnownBase(base)?.name ?? basename(base);

/**
 * The known bases: the preferred one first, those that are too large last. `preferred` is the setting; "auto" means the
 * base that suits the machine, with TensorFlow if it can be installed along with the base.
 */
export function baseChoices(preferred: string, list: BaseList): BaseChoice[] {
  const { models, default: suited } = list;
  const presentIds = new Set(models.filter(({ present }) => present).map(({ id }) => id));
  const missingFor = (id: string) => missingMemory(id, 'lora', list);
  const misfitNote = (id: string) => {
    const missing = missingFor(id);
    return missing ? [doesNotFit(missing)] : [];
  };
  const isRecommended = (id: string) => id === (suited.withTensorflow ?? suited).id;
  const choices = knownBases.map(({ id, name, about, parameters, bytes, licence }) => ({
    label: name,
    description: [
      ...(isRecommended(id) ? [t('recommended')] : []),
      t('{count} parameters', { count: parameterCount(parameters) }),
      size(bytes),
      licence,
      ...(presentIds.has(id) ? [t('already here')] : []),
    ].join(' · '),
    detail: [...suitabilityNote(id, suited), tKnown(about), ...misfitNote(id)].join(' '),
    value: id,
  }));
  const preferredId = preferred === AUTO_BASE ? (suited.withTensorflow ?? suited).id : preferred;
  const first = choices.find(({ value }) => value === preferredId) ?? {
    label: plain(basename(preferredId)),
    description: preferredId,
    detail: t('From the setting {setting}', { setting: 'forgetMeNot.base' }),
    value: preferredId,
  };
  const others = choices.filter((choice) => choice !== first);
  // Those that can't be trained here come last.
  const fitting = others.filter(({ value }) => !missingFor(value));
  return [first, ...fitting, ...others.filter((choice) => !fitting.includes(choice))];
}

/** What a base needs at least and what is free, or the most that WebAssembly has, as text. */
type Missing = { needed: string; free: string } | { most: string };

/** As a sentence. */
export const doesNotFit = (missing: Missing): string =>
  'most' in missing
    ? t('It does not fit into the {most} of memory that WebAssembly has.', missing)
    : t('It does not fit: it takes {needed} of memory, and {free} are free.', missing);

/** Undefined if it fits, or if that is unknown. */
export function missingMemory(
  base: string,
  method: 'lora' | 'full',
  { models, availableMemory = Infinity }: BaseList,
): Missing | undefined {
  const least = models.find(({ id }) => id === base)?.leastMemory?.[method];
  if (least === undefined) return undefined;
  if (least === null) return { most: size(WASM_HEAP) };
  return least > availableMemory ? { needed: size(least), free: size(availableMemory) } : undefined;
}

function suitabilityNote(id: string, { withTensorflow, ...now }: BaseList['default']): string[] {
  if (id === withTensorflow?.id)
    return [t('For this machine with TensorFlow: {why}.', { why: translate(textOf(withTensorflow, 'why')) })];
  if (id !== now.id) return [];
  return [
    withTensorflow
      ? t('For this machine without TensorFlow: {why}.', { why: translate(textOf(now, 'why')) })
      : t('For this machine: {why}.', { why: translate(textOf(now, 'why')) }),
  ];
}
