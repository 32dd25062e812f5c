import type { Adapter } from './adapter.ts';

/**
 * The adapter whose parameters lie between those of two adapters of one shape, at the alpha of `end`: start + share
 * (end - start). Throws RangeError if their shapes differ.
 */
export function interpolate(start: Adapter, end: Adapter, share: number): Adapter {
  const starts = new Map(start.layers.map((layer) => [layer.name, layer]));
  const scale = start.alpha / end.alpha;
  const layers = end.layers.map((layer) => {
    const from = starts.get(layer.name);
    if (from?.a.length !== layer.a.length || from.b.length !== layer.b.length)
      throw new RangeError(`the adapters differ in the shape of ${layer.name}`);
    return {
      ...layer,
      a: layer.a.map((value, at) => from.a[at]! + share * (value - from.a[at]!)),
      b: layer.b.map((value, at) => scale * from.b[at]! + share * (value - scale * from.b[at]!)),
    };
  });
  return { ...end, layers };
}
