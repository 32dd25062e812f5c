/** Merges an adapter into its base, W + (alpha / rank) B A, as a separate GGUF file. */
import { openGguf, type GgufFile } from '../gguf/index.ts';
import type { Adapter, AdapterLayer } from './adapter.ts';
import { exportModelGguf, type ModelOptions } from './model.ts';
import type { LazyValues } from './values.ts';

/**
 * Atomically writes the base at `basePath` with the adapter merged. Only the adapted matrices are computed; the rest is
 * copied. Throws like openGguf and exportModelGguf.
 */
export async function exportMergedGguf(
  path: string,
  basePath: string,
  adapter: Pick<Adapter, 'alpha' | 'layers'>,
  options: ModelOptions,
): Promise<void> {
  const base = await openGguf(basePath);
  try {
    await exportModelGguf(path, basePath, mergedTensors(base, adapter), options);
  } finally {
    await base.close();
  }
}

/** The tensors that the adapter changes, with the change applied, by name. */
export const mergedTensors = (
  base: Pick<GgufFile, 'readF32'>,
  { alpha, layers }: Pick<Adapter, 'alpha' | 'layers'>,
): Map<string, LazyValues> =>
  new Map(layers.map((layer) => [`${layer.name}.weight`, mergeLazily(base, layer, alpha)]));

const mergeLazily = (base: Pick<GgufFile, 'readF32'>, layer: AdapterLayer, alpha: number): LazyValues => ({
  length: layer.out * layer.in,
  read: async () => addLowRank(await base.readF32(`${layer.name}.weight`), layer, alpha / layer.rank),
});

/** Adds scale B A to `weight` [out, in] in place, row by row in double precision. */
function addLowRank(
  weight: Float32Array,
  { a, b, rank, in: width, out }: AdapterLayer,
  scale: number,
): Float32Array {
  const change = new Float64Array(width);
  for (let row = 0; row < out; row++) {
    change.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * b[row * rank + r]!;
      for (let column = 0; column < width; column++) change[column]! += factor * a[r * width + column]!;
    }
    for (let column = 0; column < width; column++) weight[row * width + column]! += change[column]!;
  }
  return weight;
}
