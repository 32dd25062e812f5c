/** Writes a full fine-tune as a GGUF file: the base with its weights replaced by the trained ones. */
import {
  byteLengthOf,
  elementCount,
  openGguf,
  tensorTypes,
  writeGguf,
  type GgufFile,
  type GgufTensor,
  type TensorSource,
  type TensorType,
  type TypedMetadata,
} from '../gguf/index.ts';
import { quantise, type ModelType } from './quantise.ts';
import { readValues, type Values } from './values.ts';

/** Values of `general.file_type` in llama.cpp. */
const fileTypes = { F32: 0, F16: 1, Q8_0: 7 };
/** Version of the quantised block layout; the only one that llama.cpp supports. */
const QUANTISATION_VERSION = 2;

export interface ModelOptions {
  type: ModelType;
  signal?: AbortSignal | undefined;
}

/**
 * Writes the base at `basePath` with `replaced` tensors: row-major, in the base's shapes, including all rows of a
 * padded vocabulary. Metadata and tokenizer are copied unchanged. Matrices are stored as `type` (F16 if their rows are
 * not a multiple of its block size); vectors (norms, biases) are stored as F32. Other tensors keep the base's values,
 * and its bytes if their type stays the same. `signal` stops it between two tensors. Throws like openGguf, and
 * RangeError for a replaced tensor that the base does not have or whose size differs.
 */
export async function exportModelGguf(
  path: string,
  basePath: string,
  replaced: ReadonlyMap<string, Values>,
  { type, signal }: ModelOptions,
): Promise<void> {
  const base = await openGguf(basePath);
  try {
    checkFits(base, replaced);
    const metadata = await base.copyMetadata();
    metadata.set('general.file_type', { type: 'uint32', value: fileTypes[type] });
    metadata.delete('general.quantization_version');
    if (type === 'Q8_0')
      metadata.set('general.quantization_version', { type: 'uint32', value: QUANTISATION_VERSION });
    await writeReplaced(path, base, replaced, {
      metadata,
      typeFor: (tensor) => storedType(tensor, type),
      signal,
    });
  } finally {
    await base.close();
  }
}

/** Size of the tensors in such a file, which is nearly all of it. */
export const modelBytes = ({ tensors }: Pick<GgufFile, 'tensors'>, type: ModelType): number =>
  [...tensors.values()].reduce(
    (sum, tensor) => sum + byteLengthOf(storedType(tensor, type), elementCount(tensor.shape)),
    0,
  );

interface ReplaceOptions {
  metadata: TypedMetadata;
  /** A tensor's storage type. Must be a ModelType if the type changes or the tensor is replaced. */
  typeFor: (tensor: GgufTensor, name: string) => TensorType;
  signal?: AbortSignal | undefined;
}

/** Atomically writes all tensors of `base`, with those in `replaced` in place of its own. */
export async function writeReplaced(
  path: string,
  base: GgufFile,
  replaced: ReadonlyMap<string, Values>,
  { metadata, typeFor, signal }: ReplaceOptions,
): Promise<void> {
  const tensors = [...base.tensors].map(([name, tensor]): TensorSource => {
    const stored = typeFor(tensor, name);
    const data = async () => {
      signal?.throwIfAborted();
      const values = replaced.get(name);
      if (!values && stored === tensor.type) return base.readBytes(name);
      return quantise(stored as ModelType, values ? await readValues(values) : await base.readF32(name));
    };
    return { name, shape: tensor.shape, type: stored, data };
  });
  await writeGguf(path, { metadata, tensors });
}

function storedType({ shape }: GgufTensor, type: ModelType): ModelType {
  if (shape.length === 1) return 'F32';
  return shape.at(-1)! % tensorTypes[type].block === 0 ? type : 'F16';
}

function checkFits(base: GgufFile, replaced: ReadonlyMap<string, Values>): void {
  for (const [name, values] of replaced) {
    const tensor = base.tensors.get(name);
    if (!tensor) throw new RangeError(`the base has no tensor "${name}"`);
    const count = elementCount(tensor.shape);
    if (values.length !== count)
      throw new RangeError(`"${name}" has ${values.length} values, the base's has ${count}`);
  }
}
