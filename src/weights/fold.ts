/**
 * Folds an adapter into those matrices of its base whose numbers can take it, W + (alpha / rank) B A, in a copy of the
 * base. There it costs nothing per token; the other matrices keep their part of the adapter beside them.
 */
import { openGguf, type GgufFile, type TensorType } from '../gguf/index.ts';
import type { Adapter, AdapterLayer } from './adapter.ts';
import { mergedTensors } from './merge.ts';
import { writeReplaced } from './model.ts';
import type { ModelType } from './quantise.ts';

/**
 * How a matrix that takes the adapter is stored then. Numbers of four bits are too coarse for so small a change, and
 * llama.cpp computes with 8 bits as fast as with 5 (docs/benchmarks.md, "What a token costs").
 */
const foldedTypes: Partial<Record<TensorType, ModelType>> = {
  F32: 'F32',
  F16: 'F16',
  Q8_0: 'Q8_0',
  Q5_0: 'Q8_0',
  Q5_1: 'Q8_0',
};

/** Which layers of an adapter `base` can take, and which have to stay beside it. Pure. */
export function partsToFold(
  { tensors }: Pick<GgufFile, 'tensors'>,
  layers: readonly AdapterLayer[],
): { folded: AdapterLayer[]; beside: AdapterLayer[] } {
  const takes = ({ name }: AdapterLayer) => foldedTypes[tensors.get(`${name}.weight`)!.type] !== undefined;
  return { folded: layers.filter(takes), beside: layers.filter((layer) => !takes(layer)) };
}

/**
 * Writes the base at `basePath` with `layers` (of partsToFold) in it, by rename. Everything else is copied byte for
 * byte. `signal` stops it between two tensors. Throws like openGguf and writeGguf.
 */
export async function exportFoldedGguf(
  path: string,
  basePath: string,
  { alpha, layers }: Pick<Adapter, 'alpha' | 'layers'>,
  signal?: AbortSignal,
): Promise<void> {
  const base = await openGguf(basePath);
  const merged = mergedTensors(base, { alpha, layers });
  try {
    await writeReplaced(path, base, merged, {
      metadata: await base.copyMetadata(),
      storedAs: ({ type }, name) => (merged.has(name) && foldedTypes[type]) || type,
      signal,
    });
  } finally {
    await base.close();
  }
}
