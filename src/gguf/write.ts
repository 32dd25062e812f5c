/** Writes a GGUF file, version 3. Output is deterministic. */
import { open, rm, type FileHandle } from 'node:fs/promises';
import { renamePatiently, temporaryPath } from '../platform/files/write-file.ts';
import { encodeHalf } from './half.ts';
import {
  elementCount,
  byteLengthOf,
  DEFAULT_ALIGNMENT,
  tensorTypeId,
  valueTypes,
  type MetadataEntry,
  type TensorType,
  type ValueType,
} from './types.ts';

/** Bytes in the tensor's type, or floats if the type is F32 or F16. */
type TensorData = Uint8Array | Float32Array;

export interface TensorSource {
  name: string;
  /** Row-major: [rows, columns]. */
  shape: readonly number[];
  type: TensorType;
  /** A function is called when the tensor is written, so that only one tensor is in memory at a time. */
  data: TensorData | (() => Promise<TensorData>);
}

interface GgufContent {
  metadata: Iterable<readonly [string, MetadataEntry]>;
  tensors: readonly TensorSource[];
}

/**
 * Writes a temporary file and renames it to `path`, so that readers never see a partial file. Throws RangeError if data
 * does not fit its shape, and file system errors.
 */
export async function writeGguf(path: string, { metadata, tensors }: GgufContent): Promise<void> {
  const temporary = temporaryPath(path);
  const file = await open(temporary, 'w');
  try {
    try {
      await file.writeFile(header(metadata, tensors));
      for (const tensor of tensors) await writeTensor(file, tensor);
      await file.sync();
    } finally {
      await file.close();
    }
    await renamePatiently(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

const padding = (length: number) => -length & (DEFAULT_ALIGNMENT - 1);
const lengthOf = ({ shape, type }: TensorSource) => byteLengthOf(type, elementCount(shape));

function header(metadata: GgufContent['metadata'], tensors: readonly TensorSource[]): Uint8Array {
  // The alignment is this writer's own, not that of the file whose metadata is copied.
  const entries = [...metadata].filter(([key]) => key !== 'general.alignment');
  const parts: Uint8Array[] = [
    Buffer.from('GGUF'),
    number('uint32', 3),
    number('uint64', tensors.length),
    number('uint64', entries.length),
  ];
  for (const [key, entry] of entries) parts.push(string(key), ...encodeEntry(entry));
  let offset = 0;
  for (const tensor of tensors) {
    parts.push(string(tensor.name), number('uint32', tensor.shape.length));
    for (const size of [...tensor.shape].reverse()) parts.push(number('uint64', size));
    parts.push(number('uint32', tensorTypeId(tensor.type)), number('uint64', offset));
    const length = lengthOf(tensor);
    offset += length + padding(length);
  }
  const bytes = Buffer.concat(parts);
  return Buffer.concat([bytes, Buffer.alloc(padding(bytes.length))]);
}

async function writeTensor(file: FileHandle, tensor: TensorSource): Promise<void> {
  const data = typeof tensor.data === 'function' ? await tensor.data() : tensor.data;
  const bytes = data instanceof Float32Array ? encodeFloats(tensor, data) : data;
  if (bytes.byteLength !== lengthOf(tensor))
    throw new RangeError(
      `"${tensor.name}" [${tensor.shape.join(', ')}] ${tensor.type} has ${bytes.byteLength} bytes, not ${lengthOf(tensor)}`,
    );
  await file.writeFile(bytes);
  await file.writeFile(Buffer.alloc(padding(bytes.byteLength)));
}

function encodeFloats({ name, type }: TensorSource, values: Float32Array): Uint8Array {
  if (type !== 'F32' && type !== 'F16')
    throw new RangeError(`"${name}" is ${type}: floats can be written as F32 or F16`);
  const array = type === 'F32' ? values : encodeHalf(values);
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function encodeEntry(entry: MetadataEntry): Uint8Array[] {
  if ('raw' in entry) return [entry.raw];
  const { type, value } = entry;
  if (!Array.isArray(value)) return [typeId(type as ValueType), scalar(type as ValueType, value as Scalar)];
  const element = type.slice(0, -2) as ValueType;
  return [
    typeId('array'),
    typeId(element),
    number('uint64', value.length),
    ...(value as Scalar[]).map((item) => scalar(element, item)),
  ];
}

type Scalar = string | number | bigint | boolean;
const typeId = (type: ValueType) => number('uint32', valueTypes.indexOf(type));
const scalar = (type: ValueType, value: Scalar) =>
  type === 'string' ? string(value as string) : number(type, value as number);

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([number('uint64', bytes.length), bytes]);
}

type Setter = (view: DataView, value: number | bigint | boolean) => void;
const setters: Partial<Record<ValueType, { size: number; set: Setter }>> = {
  uint8: { size: 1, set: (view, value) => view.setUint8(0, Number(value)) },
  int8: { size: 1, set: (view, value) => view.setInt8(0, Number(value)) },
  bool: { size: 1, set: (view, value) => view.setUint8(0, value ? 1 : 0) },
  uint16: { size: 2, set: (view, value) => view.setUint16(0, Number(value), true) },
  int16: { size: 2, set: (view, value) => view.setInt16(0, Number(value), true) },
  uint32: { size: 4, set: (view, value) => view.setUint32(0, Number(value), true) },
  int32: { size: 4, set: (view, value) => view.setInt32(0, Number(value), true) },
  float32: { size: 4, set: (view, value) => view.setFloat32(0, Number(value), true) },
  uint64: { size: 8, set: (view, value) => view.setBigUint64(0, BigInt(value), true) },
  int64: { size: 8, set: (view, value) => view.setBigInt64(0, BigInt(value), true) },
  float64: { size: 8, set: (view, value) => view.setFloat64(0, Number(value), true) },
};

function number(type: ValueType, value: number | bigint | boolean): Buffer {
  const { size, set } = setters[type]!;
  const bytes = Buffer.alloc(size);
  set(new DataView(bytes.buffer, bytes.byteOffset, size), value);
  return bytes;
}
