/**
 * Folds an adapter into a copy of its base, W + (alpha / rank) B A, for matrices whose quantisation is fine enough.
 * Folded layers cost nothing per token; the rest of the adapter stays separate.
 */
import { openGguf, type GgufFile, type TensorType } from '../gguf/index.ts';
import type { Adapter, AdapterLayer } from './adapter.ts';
import { mergedTensors } from './merge.ts';
import { writeReplaced } from './model.ts';
import type { ModelType } from './quantise.ts';

/**
 * Storage type of a folded matrix. Four bits are too coarse for such a small change; 8 bits are as fast in llama.cpp as
 * 5 (docs/benchmarks.md, "What an adapter costs").
 */
const foldedTypes: Partial<Record<TensorType, ModelType>> = {
  F32: 'F32',
  F16: 'F16',
  Q8_0: 'Q8_0',
  Q5_0: 'Q8_0',
  Q5_1: 'Q8_0',
};

/** Splits an adapter's layers into those that can be folded into `base` and those that stay separate. Pure. */
export function partsToFold(
  { tensors }: Pick<GgufFile, 'tensors'>,
  layers: readonly AdapterLayer[],
): { folded: AdapterLayer[]; beside: AdapterLayer[] } {
  const isFoldable = ({ name }: AdapterLayer) =>
    foldedTypes[tensors.get(`${name}.weight`)!.type] !== undefined;
  return { folded: layers.filter(isFoldable), beside: layers.filter((layer) => !isFoldable(layer)) };
}

/**
 * Atomically writes the base at `basePath` with `layers` (from partsToFold) folded in. Everything else is copied
 * unchanged. `signal` stops it between two tensors. Throws like openGguf and writeGguf.
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
      typeFor: ({ type }, name) => (merged.has(name) && foldedTypes[type]) || type,
      signal,
    });
  } finally {
    await base.close();
  }
}
