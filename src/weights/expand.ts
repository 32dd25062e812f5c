import type { Adapter, AdapterLayer } from './adapter.ts';

/**
 * The same change to the base at a higher rank: B is padded with zeros, and A with the further rows of `firstA` ([rank,
 * in]), so that training can continue from it. Throws RangeError if the rank is lower.
 */
export function expandRank(
  { layers, alpha, ...adapter }: Adapter,
  rank: number,
  /** Its array is used. */
  firstA: (layer: AdapterLayer) => Float32Array,
): Adapter {
  const own = layers[0]!.rank;
  if (layers.some((layer) => layer.rank !== own) || rank < own)
    throw new RangeError(`an adapter of rank ${own} does not fit into rank ${rank}`);
  return {
    ...adapter,
    // Each layer's scale is alpha / rank.
    alpha: (alpha * rank) / own,
    layers: layers.map((layer) => {
      const a = firstA(layer);
      a.set(layer.a);
      const b = new Float32Array(layer.out * rank);
      for (let row = 0; row < layer.out; row++)
        b.set(layer.b.subarray(row * own, (row + 1) * own), row * rank);
      return { ...layer, rank, a, b };
    }),
  };
}
