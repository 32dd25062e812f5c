/** The GGUF tensor types that we read, and their layout in a file. See ggml's `ggml-common.h`. */
import { GGMLQuantizationType } from '@huggingface/gguf';

/** Values per block, and bytes per block. */
export const tensorTypes = {
  F32: { block: 1, bytes: 4 },
  F16: { block: 1, bytes: 2 },
  BF16: { block: 1, bytes: 2 },
  Q8_0: { block: 32, bytes: 34 },
  Q4_0: { block: 32, bytes: 18 },
  Q4_1: { block: 32, bytes: 20 },
  Q5_0: { block: 32, bytes: 22 },
  Q5_1: { block: 32, bytes: 24 },
  Q4_K: { block: 256, bytes: 144 },
  Q5_K: { block: 256, bytes: 176 },
  Q6_K: { block: 256, bytes: 210 },
} as const;
export type TensorType = keyof typeof tensorTypes;

/** Whether the values of a block share a scale. */
export const isQuantised = (type: TensorType): boolean => tensorTypes[type].block > 1;

export const tensorTypeNames = Object.keys(tensorTypes) as TensorType[];

/** The type's id in a file. */
export const tensorTypeId = (type: TensorType): number => GGMLQuantizationType[type];

/** The type's name, even if we can't read it: "IQ4_XS", "type 99". */
export const tensorTypeName = (id: number): string =>
  (GGMLQuantizationType[id] as string | undefined) ?? `type ${id}`;

export const isReadable = (name: string): name is TensorType => Object.hasOwn(tensorTypes, name);

/** Bytes of `count` values; `count` is a multiple of the block size. */
export function byteLengthOf(type: TensorType, count: number): number {
  const { block, bytes } = tensorTypes[type];
  return (count / block) * bytes;
}

/** Tensor data begins at multiples of this many bytes unless the file says otherwise. */
export const DEFAULT_ALIGNMENT = 32;

/** GGUF's metadata types by number. An array is written `string[]`. */
export const valueTypes = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;
export type ValueType = (typeof valueTypes)[number];
type ScalarType = Exclude<ValueType, 'array'>;

/** A metadata value with its type; `raw` is a value (including its type) copied unchanged from another file. */
export type MetadataEntry =
  | { type: ScalarType; value: string | number | bigint | boolean }
  | { type: `${ScalarType}[]`; value: readonly (string | number | bigint | boolean)[] }
  | { raw: Uint8Array };

/** `string`, or `string[]`; undefined for nested lists and for unknown types. */
export function typeOf(entry: MetadataEntry): string | undefined {
  if (!('raw' in entry)) return entry.type;
  const view = new DataView(entry.raw.buffer, entry.raw.byteOffset);
  const type = valueTypes[view.getUint32(0, true)];
  if (type !== 'array') return type;
  const element = valueTypes[view.getUint32(4, true)];
  return element && element !== 'array' ? `${element}[]` : undefined;
}

/** In file order. */
export type TypedMetadata = Map<string, MetadataEntry>;

/** Number of elements of a tensor of this shape. */
export const elementCount = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);
