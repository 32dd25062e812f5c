/**
 * Adapters of gate and up as one of a linear that holds both, gate's rows first, as transformers has them in Granite 4.
 * Both ways are exact.
 */
import type { AdapterLayer } from './adapter.ts';
import { GATE_UP } from './transformers.ts';

/** A layer with an alpha of its own; its scale is alpha / rank. */
export interface ScaledLayer extends AdapterLayer {
  alpha: number;
}

/** `blk.3.ffn_gate` -> block 3, gate. */
const placeOf = (name: string) => /^(blk\.\d+)\.ffn_(gate|up)$/.exec(name) ?? undefined;

/** Joins each block's gate and up; what is not adapted adds zeros. Other layers are as they were. */
export function joinGateUp(layers: readonly AdapterLayer[], alpha: number): ScaledLayer[] {
  const blocks = new Map<string, { gate?: AdapterLayer; up?: AdapterLayer }>();
  for (const layer of layers) {
    const [, block, module] = placeOf(layer.name) ?? [];
    if (block) blocks.set(block, { ...blocks.get(block), [module!]: layer });
  }
  const rest = layers.filter(({ name }) => !placeOf(name)).map((layer) => ({ ...layer, alpha }));
  return [...rest, ...[...blocks].map(([block, parts]) => join(`${block}.${GATE_UP}`, parts, alpha))];
}

/** A is one above the other, B block-diagonal, the rank is the sum. */
function join(
  name: string,
  { gate, up }: { gate?: AdapterLayer; up?: AdapterLayer },
  alpha: number,
): ScaledLayer {
  const first = (gate ?? up)!;
  const rank = (gate?.rank ?? 0) + (up?.rank ?? 0);
  const b = new Float32Array(2 * first.out * rank);
  const fill = (layer: AdapterLayer, row: number, column: number) => {
    // The joined layer has the first part's scale.
    const factor = first.rank / layer.rank;
    for (let i = 0; i < layer.out; i++)
      for (let r = 0; r < layer.rank; r++)
        b[(row + i) * rank + column + r] = factor * layer.b[i * layer.rank + r]!;
  };
  if (gate) fill(gate, 0, 0);
  if (up) fill(up, first.out, gate?.rank ?? 0);
  const a = new Float32Array(rank * first.in);
  if (gate) a.set(gate.a);
  if (up) a.set(up.a, (gate?.rank ?? 0) * first.in);
  return { name, a, b, rank, in: first.in, out: 2 * first.out, alpha: (alpha * rank) / first.rank };
}

/**
 * The two layers of a joined one, for the same scale. Components that do nothing to one of them are left out there, so
 * that what joinGateUp made comes apart again; if one of them is not changed at all, there is only the other.
 */
export function splitGateUp(layer: AdapterLayer): AdapterLayer[] {
  const half = layer.out / 2;
  const parts = (['gate', 'up'] as const).map((module, i): AdapterLayer => {
    const b = layer.b.subarray(i * half * layer.rank, (i + 1) * half * layer.rank);
    return { ...layer, name: layer.name.replace(GATE_UP, `ffn_${module}`), b, out: half };
  });
  const used = parts.map(withoutZeros).filter(({ rank }) => rank > 0);
  return used.length ? used : parts;
}

function withoutZeros({ a, b, rank, ...layer }: AdapterLayer): AdapterLayer {
  const isUsed = (r: number) => b.some((value, i) => i % rank === r && value !== 0);
  const used = Array.from({ length: rank }, (_, r) => r).filter(isUsed);
  return {
    ...layer,
    a: Float32Array.from({ length: used.length * layer.in }, (_, i) => {
      const r = used[Math.floor(i / layer.in)]!;
      return a[r * layer.in + (i % layer.in)]!;
    }),
    b: Float32Array.from({ length: layer.out * used.length }, (_, i) => {
      const row = Math.floor(i / used.length);
      return b[row * rank + used[i % used.length]!]!;
    }),
    rank: used.length,
  };
}
