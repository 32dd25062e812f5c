/** A full fine-tune as a GGUF file: everything of the base, with the trained weights in the place of its own. */
import { elementCount, openGguf, writeGguf, type GgufFile, type TensorSource } from '../gguf/index.ts';
import { readValues, type Values } from './values.ts';

/** `general.file_type`, as llama.cpp numbers it. */
const fileTypes = { F32: 0, F16: 1 };

/**
 * Writes the base at `basePath` with `replaced` tensors (row-major, the base's shapes; whole rows of vocabulary and
 * all). Metadata and tokenizer are the base's, byte for byte. Matrices are stored as `type`; vectors (norms, biases)
 * stay F32. Tensors that are not replaced are stored in the base's values.
 * Throws RangeError for a replaced tensor that the base does not have or whose size differs.
 */
export async function exportModelGguf(
  path: string,
  basePath: string,
  replaced: ReadonlyMap<string, Values>,
  { type }: { type: 'F32' | 'F16' },
): Promise<void> {
  const base = await openGguf(basePath);
  try {
    checkFits(base, replaced);
    const metadata = await base.copyMetadata();
    metadata.set('general.file_type', { type: 'uint32', value: fileTypes[type] });
    metadata.delete('general.quantization_version');
    const tensors: TensorSource[] = [...base.tensors].map(([name, { shape }]) => ({
      name,
      shape,
      type: shape.length > 1 ? type : 'F32',
      data: async () => {
        const values = replaced.get(name);
        return values ? readValues(values) : base.readF32(name);
      },
    }));
    await writeGguf(path, { metadata: metadata, tensors });
  } finally {
    await base.close();
  }
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
